"""Build the plate: the empty room as the camera sees it, one per view and window of a recording.

The parts of a recording share their plates through storage, so building one is kept apart from comparing frames with it
(`detectors/plate.py`).

The room is the median of pictures spread over the window, matched in exposure. The median is taken twice, the second
time without outliers of the first. People who stood still long enough to enter the median are repaired (`repair.py`).

A plate is stored as one PNG of stacked pictures of equal size: the room, then a picture with the noise in its green and
the screens in its red channel, then the slides. Warnings stand in text chunks.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.domain.errors import DamagedRecording
from shared.domain.warning import About, RecordingWarning
from shared.media.video.frames import SampledFrame
from shared.tracking.plan import MOVED
from shared.tracking.plate.activity import measure_activity
from shared.tracking.plate.camera_motion import UNSETTLED, camera_warnings
from shared.tracking.plate.camera_views import group_views
from shared.tracking.plate.exposure import Image, colour_distance, match_exposure, shrink_and_smooth
from shared.tracking.plate.fans import find_fans
from shared.tracking.plate.median import median_over_first
from shared.tracking.plate.outlines import Outline, find_films, find_outlines
from shared.tracking.plate.repair import repair_plate
from shared.tracking.plate.screens import find_screens
from shared.tracking.plate.slides import Slides, learn_slides
from shared.tracking.plate.stabilize import align_pictures

PLATE_WIDTH_PX = 320
"""Width of a plate. A hundredth of it is three pixels, finer than a person's outline is known."""
MAX_FRAMES = 100
"""Most pictures that a plate is made of."""
_OUTLIER_STEPS = 18.0
"""Distance from the first median, in steps of 0 to 255, beyond which a value is left out of the second."""
_NOISE_UNITS_PER_STEP = 8.0
"""Noise is stored in eighths of a step of 0 to 255."""
_MIN_NOISE_STEPS = 0.5
"""Least noise of a pixel, in steps of 0 to 255."""
_FILM_NOISE = 255
"""Noise, in the stored unit, of what changes all the time: nothing there differs from the plate."""
_ENOUGH_FRAMES = 8
"""With fewer pictures the plate carries the warning `TOO_FEW`."""
TOO_FEW = RecordingWarning(
    "too_few_pictures", About.PICTURE, "The recording has too few pictures to tell a person from the room."
)
DOUBTS = frozenset({MOVED.code, UNSETTLED.code, TOO_FEW.code})
"""Codes of the warnings after which a difference from the plate need not be a person."""
_WARNING_KEY = b"Warning"
_SLIDES_KEY = b"Slides"
_STEADIED_KEY = b"Steadied"
_PNG_HEAD_BYTES = 8 + 25
"""Length of the signature and the header chunk; text chunks are inserted behind them."""


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """The empty room, with what the detector needs to compare a frame with it."""

    bgr: NDArray[np.uint8]
    """The room, height × width × 3."""
    noise: NDArray[np.uint8]
    """How much each pixel varies while the room is empty, height × width, in eighths of a step of 0 to 255."""
    screen: NDArray[np.bool_]
    """Regions that change in steps, such as a projector screen; height × width."""
    slides: Slides
    """What the screen showed, n × height × width × 3; black outside of `screen`."""
    warnings: tuple[RecordingWarning, ...] = ()
    """Reasons not to trust the plate, and notes about it."""
    is_steadied: bool = False
    """Whether the camera moves, so that a frame has to be aligned with the plate before it is compared."""
    outlines: tuple[Outline, ...] = ()
    """People who never leave, as far as their outlines tell; not stored with the plate, but in the plan."""

    @property
    def is_trusted(self) -> bool:
        """Return whether a difference from the plate is a person, as far as the plate can tell."""
        return DOUBTS.isdisjoint(warning.code for warning in self.warnings)

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height in pixels."""
        return self.bgr.shape[1], self.bgr.shape[0]

    @property
    def noise_level(self) -> Image:
        """Return one standard deviation of each pixel (height × width) in steps of 0 to 255."""
        return (self.noise / _NOISE_UNITS_PER_STEP).astype(np.float32)

    def to_png(self) -> bytes:
        """Return the plate as one PNG. Raise ValueError if OpenCV cannot encode it."""
        below = np.zeros_like(self.bgr)
        below[..., 1] = self.noise
        below[..., 2] = self.screen * np.uint8(255)
        encoded, png = cv2.imencode(".png", np.vstack([self.bgr, below, *self.slides]))
        if not encoded:
            raise ValueError("the plate could not be written as PNG")
        data = png.tobytes()
        texts = _text_chunk(_SLIDES_KEY, str(len(self.slides)))
        texts += _text_chunk(_STEADIED_KEY, "yes") if self.is_steadied else b""
        texts += b"".join(_text_chunk(_WARNING_KEY, warning.to_line()) for warning in self.warnings)
        return data[:_PNG_HEAD_BYTES] + texts + data[_PNG_HEAD_BYTES:]

    @classmethod
    def from_png(cls, data: bytes) -> "Plate":
        """Read a plate that `to_png` wrote. Raise ValueError if `data` is not such a PNG."""
        stacked = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        count = 2 + int(next(_text_chunks(data, _SLIDES_KEY), "0"))
        if stacked is None or stacked.shape[0] % count:
            raise ValueError("these bytes are no plate")
        above, below, *slides = np.ascontiguousarray(stacked, np.uint8).reshape(count, -1, *stacked.shape[1:])
        kept = np.stack(slides) if slides else np.zeros((0, *above.shape), np.uint8)
        return cls(
            above,
            below[..., 1].copy(),
            below[..., 2] > 127,
            kept,
            tuple(RecordingWarning.from_line(line) for line in _text_chunks(data, _WARNING_KEY)),
            is_steadied=next(_text_chunks(data, _STEADIED_KEY), None) is not None,
        )


def build_plate(frames: Iterable[SampledFrame]) -> Plate:
    """Build one plate from `frames` spread over a recording; hold at most `MAX_FRAMES` of them, scaled down.

    Raise DamagedRecording if there is no frame.
    """
    return _plate_of(_take_evenly(frames))


def build_plates(frames: Iterable[SampledFrame]) -> list[Plate]:
    """Build a plate for each view (camera and light) in `frames`, the view with most frames first.

    Raise DamagedRecording if there is no frame.
    """
    pictures = _take_evenly(frames)
    return [_stabilized_plate_of([pictures[number] for number in view]) for view in group_views(pictures)]


def _stabilized_plate_of(pictures: list[Image]) -> Plate:
    """Return the plate of one view's `pictures`; if the camera moved, try again with aligned pictures.

    The aligned plate is used only if it carries no warning of its own.
    """
    plate = _plate_of(pictures)
    if all(warning.code != MOVED.code for warning in plate.warnings):
        return plate
    aligned = align_pictures(pictures)
    stabilized = _plate_of(aligned) if aligned is not None else plate
    return replace(stabilized, warnings=(MOVED,), is_steadied=True) if stabilized.is_trusted else plate


def _plate_of(pictures: list[Image]) -> Plate:
    """Return the plate of `pictures` (each height × width × 3, 0 to 255, in order of time) from one fixed camera."""
    stack = np.stack(pictures)
    for _ in range(2):  # the first median mixes pictures in different light
        first = _median(stack)
        _match_exposures(first, pictures, stack)
    room = _median_of_inliers(stack, first)
    screen = find_screens(stack)
    repaired = repair_plate(room, stack, screen)
    if repaired is not room or screen.any():  # exposure was fitted to a person in the plate or to slides
        _match_exposures(repaired, pictures, stack, screen)
        room = _median_of_inliers(stack, repaired)
    slides, shown = learn_slides(stack, room, screen)
    seen = [room if slide < 0 else np.where(screen[..., None], slides[slide], room) for slide in shown]
    noise = np.clip(np.round(_noise(stack, seen) * _NOISE_UNITS_PER_STEP), 0, 255).astype(np.uint8)
    warnings = camera_warnings(stack, room, screen)
    if len(pictures) < _ENOUGH_FRAMES:
        warnings = (*warnings, TOO_FEW)
    outlines: list[Outline] = []
    if not warnings:
        activity = measure_activity(stack, room)
        noise[(find_films(activity) | find_fans(activity)) & ~screen] = _FILM_NOISE
        outlines = find_outlines(activity, screen)
    return Plate(
        np.clip(np.round(room), 0, 255).astype(np.uint8), noise, screen, slides, warnings, outlines=tuple(outlines)
    )


def _take_evenly(frames: Iterable[SampledFrame]) -> list[Image]:
    """Return every n-th frame, scaled to `PLATE_WIDTH_PX`, with the smallest power of two n that keeps them below
    `MAX_FRAMES`.

    Raise DamagedRecording if there is no frame.
    """
    pictures: list[Image] = []
    step = 1
    size: tuple[int, int] | None = None
    for count, frame in enumerate(frames):
        if count % step:
            continue
        if size is None:
            height, width = frame.bgr.shape[:2]
            size = (min(PLATE_WIDTH_PX, width), max(1, round(height * min(PLATE_WIDTH_PX, width) / width)))
        pictures.append(shrink_and_smooth(frame.bgr, size))
        if len(pictures) >= MAX_FRAMES:
            pictures, step = pictures[::2], step * 2
    if not pictures:
        raise DamagedRecording("No picture of the recording could be decoded.")
    return pictures


def _match_exposures(
    room: Image, pictures: list[Image], stack: Image, ignored: NDArray[np.bool_] | None = None
) -> None:
    """Fill `stack` with `pictures` in the exposure of `room`, fitted without the pixels in `ignored`."""
    for index, picture in enumerate(pictures):
        stack[index] = match_exposure(picture, room, ignored)


def _median(stack: Image) -> Image:
    """Return the median of `stack` (n × height × width × 3), row by row because its input is copied."""
    return np.stack([median_over_first(stack[:, row]) for row in range(stack.shape[1])])


def _median_of_inliers(stack: Image, centre: Image) -> Image:
    """Return the median of the values near `centre`, and `centre` itself where there are none.

    A mean would be drawn towards a person who stands in one place for long and has colours like the wall.
    """
    found = centre.copy()
    for row in range(stack.shape[1]):  # a row at a time: a masked copy of all would need the memory again
        values = stack[:, row].copy()
        values[colour_distance(values, centre[row]) > _OUTLIER_STEPS] = np.nan
        known = ~np.isnan(values).all(axis=0)
        found[row][known] = median_over_first(values[:, known])
    return found


def _noise(stack: Image, rooms: Sequence[Image]) -> Image:
    """Return the mean distance of inliers from the room (height × width), in steps of 0 to 255.

    `rooms` has the room with the slide of each picture. A pixel without inliers gets half of `_OUTLIER_STEPS`.
    """
    total = np.zeros(stack.shape[1:3], np.float32)
    count = np.zeros_like(total)
    for picture, room in zip(stack, rooms, strict=True):
        away = colour_distance(picture, room)
        near = away <= _OUTLIER_STEPS
        total += away * near
        count += near
    mean = np.where(count > 0, total / np.maximum(count, 1), _OUTLIER_STEPS / 2)
    return np.maximum(mean, _MIN_NOISE_STEPS).astype(np.float32)


def _text_chunk(key: bytes, text: str) -> bytes:
    """Return a PNG iTXt chunk, not compressed and without a language (https://www.w3.org/TR/png-3/#11iTXt)."""
    body = b"iTXt" + key + b"\0\0\0\0\0" + text.encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _text_chunks(data: bytes, key: bytes) -> Iterator[str]:
    """Yield the texts of all iTXt chunks of the PNG `data` that have this `key`."""
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if kind == b"iTXt" and body.startswith(key + b"\0"):
            yield body[len(key) + 5 :].decode(errors="replace")
        at += 12 + length
