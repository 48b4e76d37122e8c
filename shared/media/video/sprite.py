"""Keep a still every few seconds, and lay them out as sheets of tiles that a player shows while it is scrubbed.

The parts of the tracking keep the stills of the frames they decode anyway, so that thumbnails and sheets need no
decoding. Apart from `thumbnails.py`, which decodes for single times.
"""

import io
import math
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.domain.recording import VideoStream
from shared.domain.timestamps import webvtt_timestamp
from shared.media.video.picture import Picture, upright_size
from shared.media.video.thumbnails import DEFAULT_WIDTH_PX, to_jpeg

MAX_TILES = 720
"""Most tiles of a recording, unless it is longer than `_TILE_SEC` allows."""

COLUMNS = ROWS = 10
"""Tiles of a sheet."""

TILE_WIDTH_PX = 160

_SHEET_QUALITY = 70
"""Quality of the JPEG, 0 to 100."""

_TILE_SEC = (1, 2, 5, 10, 15, 30, 60)
"""Times between two tiles."""

_MAX_STILL_SEC = 5
"""Most time between two stills: no scene is shorter, so that each has one."""

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The same for every archive, so that its bytes are."""


def tile_sec(duration_sec: float) -> int:
    """Return the time between two tiles of a recording of this length, in seconds."""
    return next((each for each in _TILE_SEC if duration_sec / each <= MAX_TILES), _TILE_SEC[-1])


def grid_points(points: range, every_sec: float, sample_fps: float) -> set[int]:
    """Return those of the grid `points` that are the first at or after a multiple of `every_sec`."""
    step = every_sec * sample_fps
    first, last = math.floor(points.start / step), math.ceil(points.stop / step)
    return {point for turn in range(first, last + 1) if (point := math.ceil(turn * step - 1e-6)) in points}


def still_points(points: range, duration_sec: float, sample_fps: float) -> set[int]:
    """Return those of the grid `points` at which a still is kept."""
    return grid_points(points, min(tile_sec(duration_sec), _MAX_STILL_SEC), sample_fps)


class StillArchive:
    """Stills by their grid points, as a ZIP file of JPEGs."""

    def __init__(self, video: VideoStream) -> None:
        self._size = upright_size(video, DEFAULT_WIDTH_PX)
        self._file = io.BytesIO()
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)

    def add(self, point: int, bgr: Picture) -> None:
        """Keep the picture at a grid point, height × width × 3."""
        # The samples are little wider: two pixels each way are enough, and averaging areas takes ten times as long.
        small = cv2.resize(bgr, self._size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
        self._zip.writestr(zipfile.ZipInfo(f"{point:07d}.jpg", _ZIP_TIME), to_jpeg(small))

    def to_bytes(self) -> bytes:
        """Return the file, when all stills are added."""
        self._zip.close()
        return self._file.getvalue()


def read_stills(archive: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (grid point, JPEG) from the file that `StillArchive` made, in order of time."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        for name in sorted(file.namelist()):
            yield int(name.removesuffix(".jpg")), file.read(name)


@dataclass(frozen=True, slots=True)
class Tile:
    """A place on a sheet, in pixels."""

    start: float
    """Time from which it is shown, in seconds."""
    sheet: int
    """Number of the sheet, from 1."""
    left: int
    top: int
    width: int
    height: int


class SpriteSheets:
    """Lays out stills as sheets of `COLUMNS` by `ROWS` tiles, row by row; the last sheet ends with its last row."""

    def __init__(self, video: VideoStream) -> None:
        self._width, self._height = upright_size(video, TILE_WIDTH_PX)
        self._sheet: NDArray[np.uint8] = self._empty()
        self._tiles: list[Tile] = []

    def add(self, start: float, still: bytes) -> bytes | None:
        """Place a still (JPEG) that is shown from `start` on; return the sheet (JPEG) if it is full with it."""
        number = len(self._tiles) % (COLUMNS * ROWS)
        row, column = divmod(number, COLUMNS)
        tile = Tile(
            start,
            len(self._tiles) // (COLUMNS * ROWS) + 1,
            column * self._width,
            row * self._height,
            self._width,
            self._height,
        )
        picture = cv2.imdecode(np.frombuffer(still, np.uint8), cv2.IMREAD_COLOR)
        if picture is not None:
            small = cv2.resize(picture, (self._width, self._height), interpolation=cv2.INTER_AREA)
            self._sheet[tile.top : tile.top + self._height, tile.left : tile.left + self._width] = small
        self._tiles.append(tile)
        return self._finish(ROWS) if number == COLUMNS * ROWS - 1 else None

    def rest(self) -> bytes | None:
        """Return the sheet (JPEG) that is not full; None if there is none."""
        left = len(self._tiles) % (COLUMNS * ROWS)
        return self._finish(-(-left // COLUMNS)) if left else None

    @property
    def tiles(self) -> Sequence[Tile]:
        """Return the tiles so far, in order of time."""
        return self._tiles

    def _finish(self, rows: int) -> bytes:
        jpeg = to_jpeg(self._sheet[: rows * self._height], _SHEET_QUALITY)
        self._sheet = self._empty()
        return jpeg

    def _empty(self) -> NDArray[np.uint8]:
        return np.zeros((ROWS * self._height, COLUMNS * self._width, 3), np.uint8)


def to_webvtt_tiles(tiles: Sequence[Tile], names: Sequence[str], duration_sec: float) -> str:
    """Return a WebVTT file whose cues name the tile of their time, as a spatial fragment of a sheet.

    Args:
        tiles: in order of time.
        names: of the sheets, relative to the file.
        duration_sec: until when the last tile is shown.

    https://www.w3.org/TR/media-frags/#naming-space
    """
    ends = [*(tile.start for tile in tiles[1:]), duration_sec]
    cues = [
        f"{webvtt_timestamp(tile.start)} --> {webvtt_timestamp(max(end, tile.start + 0.001))}\n"
        f"{names[tile.sheet - 1]}#xywh={tile.left},{tile.top},{tile.width},{tile.height}\n"
        for tile, end in zip(tiles, ends, strict=True)
    ]
    return "\n".join(["WEBVTT\n", *cues])
