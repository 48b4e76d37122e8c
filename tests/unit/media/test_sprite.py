"""The stills that the parts keep, and the sheets of tiles for scrubbing."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.recording import VideoStream
from shared.media.video.sprite import (
    SpriteSheets,
    StillArchive,
    grid_points,
    read_stills,
    still_points,
    tile_sec,
    to_webvtt_tiles,
)

VIDEO = VideoStream(
    index=0, codec="h264", width=1920, height=1080, rotation=0, fps=25.0, start_sec=0.0, duration_sec=300.0
)


def grey(level: int) -> NDArray[np.uint8]:
    return np.full((360, 640, 3), level, np.uint8)


@pytest.mark.parametrize(
    ("duration_sec", "every"), [(10, 1), (720, 1), (721, 2), (3_600, 5), (10_800, 15), (10**6, 60)]
)
def test_longer_recordings_have_tiles_farther_apart(duration_sec: float, every: int) -> None:
    assert tile_sec(duration_sec) == every


@pytest.mark.parametrize("sample_fps", [0.3, 1.0, 2.0, 2.5])
def test_parts_keep_the_stills_of_the_whole_and_tiles_are_among_them(sample_fps: float) -> None:
    duration_sec = 10_000.0
    whole = range(round(duration_sec * sample_fps))
    kept = still_points(whole, duration_sec, sample_fps)
    cuts = [0, 7, 1_001, len(whole)]
    parts = [still_points(range(a, b), duration_sec, sample_fps) for a, b in pairwise(cuts)]
    assert set.union(*parts) == kept
    assert grid_points(whole, tile_sec(duration_sec), sample_fps) <= kept
    assert max(np.diff(sorted(kept))) <= 5 * sample_fps + 1


def test_stills_come_back_in_order_and_their_archive_is_always_the_same() -> None:
    archives = []
    for _ in range(2):
        archive = StillArchive(VIDEO)
        for point in (0, 10, 1_000_000):
            archive.add(point, grey(40 + point % 7))
        archives.append(archive.to_bytes())
    assert archives[0] == archives[1]
    found = dict(read_stills(archives[0]))
    assert list(found) == [0, 10, 1_000_000]
    assert cv2.imdecode(np.frombuffer(found[10], np.uint8), cv2.IMREAD_COLOR).shape == (270, 480, 3)


def test_each_tile_is_the_still_of_its_time() -> None:
    archive, sheets, made = StillArchive(VIDEO), SpriteSheets(VIDEO), []
    for number in range(113):
        archive.add(number, grey(2 * number))
    for point, jpeg in read_stills(archive.to_bytes()):
        made.append(sheets.add(float(point), jpeg))
    made = [each for each in (*made, sheets.rest()) if each is not None]
    pictures = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in made]
    assert [picture.shape for picture in pictures] == [(900, 1600, 3), (180, 1600, 3)]
    for number, tile in enumerate(sheets.tiles):
        shown = pictures[tile.sheet - 1][tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
        assert (tile.start, tile.width, tile.height) == (number, 160, 90)
        assert abs(float(shown.mean()) - 2 * number) < 3


def test_cues_follow_each_other_until_the_end_and_name_their_tile() -> None:
    sheets, archive = SpriteSheets(VIDEO), StillArchive(VIDEO)
    archive.add(0, grey(50))
    ((_, jpeg),) = read_stills(archive.to_bytes())
    for start in (0.0, 5.0, 3_605.5):
        sheets.add(start, jpeg)
    assert to_webvtt_tiles(sheets.tiles, ["sprite-0001.jpg"], 3_610.25) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:05.000\nsprite-0001.jpg#xywh=0,0,160,90\n\n"
        "00:00:05.000 --> 01:00:05.500\nsprite-0001.jpg#xywh=160,0,160,90\n\n"
        "01:00:05.500 --> 01:00:10.250\nsprite-0001.jpg#xywh=320,0,160,90\n"
    )
