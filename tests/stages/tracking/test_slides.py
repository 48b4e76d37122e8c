"""Detect people before a screen with learned slides as anywhere else; content of the screen is no person."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from shared.media.video.frames import SampledFrame
from shared.tracking.detection import overlap
from shared.tracking.detectors.plate import PlateDetector
from shared.tracking.plate.plate import Plate, build_plate
from shared.tracking.plate.slides import MAX_SLIDES

MakeRoom = Callable[..., list[SampledFrame]]
SCREEN = np.s_[20:87, 200:300]


def before_the_screen(t: float) -> float | None:
    """Beside the screen; to and fro before it while it shows the third slide and the fourth."""
    return 0.79 + 0.1 * (abs((t / 6) % 2 - 1) * 2 - 1) if 17 <= t < 31 else 0.4


def coloured(number: int) -> np.ndarray:
    """A slide that has nothing in common with any other."""
    return np.full((67, 100, 3), np.random.default_rng(number).integers(0, 255, 3), np.uint8)


def with_screen(frames: list[SampledFrame], show: Callable[[int], np.ndarray]) -> list[SampledFrame]:
    changed = []
    for frame in frames:
        bgr = frame.bgr.copy()
        bgr[SCREEN] = show(frame.index)
        changed.append(SampledFrame(frame.index, frame.time_sec, bgr))
    return changed


@pytest.mark.parametrize("light", [lambda t: 1.0, lambda t: 1 + 0.004 * (t - 24)], ids=["steady", "exposure drifts"])
def test_a_person_before_the_screen_is_seen_whole(
    make_room: MakeRoom, make_figure: Callable[..., object], light: Callable[[float], float]
) -> None:
    figure = make_figure()
    frames = make_room(before_the_screen, seconds=64, slide_sec=8.0, figure=figure, light=light)
    detector = PlateDetector(Plate.from_png(build_plate(frames[::2]).to_png()))
    overlaps = []
    for frame in frames:
        found = detector.detect(frame)
        true = figure.box(before_the_screen(frame.time_sec))  # type: ignore[attr-defined]
        overlaps.append(overlap(found[0].box, true) if found else 0.0)
    before = np.array(overlaps[17:31])
    assert np.mean(before >= 0.5) >= 0.95
    assert np.mean(before) >= 0.8


def test_slides_are_learned_once_each(make_room: MakeRoom) -> None:
    plate = build_plate(make_room(lambda t: None, seconds=60, slide_sec=8.0))
    again = Plate.from_png(plate.to_png())
    assert len(plate.slides) == 8
    assert np.array_equal(again.slides, plate.slides)
    assert not plate.slides[:, ~plate.screen].any()


def test_slides_never_learned_are_no_person(make_room: MakeRoom) -> None:
    """The plate knows the slides of the first half only."""
    frames = make_room(lambda t: None, seconds=80, slide_sec=8.0)
    detector = PlateDetector(build_plate(frames[:40]))
    assert [detector.detect(frame) for frame in frames] == [()] * len(frames)


def test_a_page_whose_text_changes_is_no_person(make_room: MakeRoom) -> None:
    """Slides, then pages of one white template; lines and an upright figure in another place on each page."""

    def page(index: int) -> np.ndarray:
        if index < 40:
            return coloured(index // 8)
        rng = np.random.default_rng(index // 6)
        picture = np.full((67, 100, 3), 235, np.uint8)
        for line in range(8, 60, 8):
            cv2.rectangle(picture, (6, line), (6 + int(rng.integers(10, 55)), line + 3), (40, 40, 40), -1)
        left, top = int(rng.integers(62, 75)), int(rng.integers(5, 20))
        cv2.rectangle(picture, (left, top), (left + 18, 66), tuple(int(v) for v in rng.integers(0, 200, 3)), -1)
        return picture

    frames = with_screen(make_room(lambda t: None, seconds=120), page)
    plate = build_plate(frames[:90:2])
    detector = PlateDetector(plate)
    assert len(plate.slides) > 5
    assert [detector.detect(frame) for frame in frames] == [()] * len(frames)


def test_a_video_and_fades_are_no_person(make_room: MakeRoom) -> None:
    """Check slides, one fading into the next, then a video of an upright person who moves before a still background."""

    def show(index: int) -> np.ndarray:
        if index < 50:
            slide, step = divmod(index, 10)
            part = 0.5 * (step == 9)
            return ((1 - part) * coloured(slide) + part * coloured(slide + 1)).astype(np.uint8)
        picture = np.full((67, 100, 3), (90, 120, 60), np.uint8)
        left = round(40 + 25 * np.sin(index / 3))
        cv2.rectangle(picture, (left, 12), (left + 18, 66), (40, 40, 170), -1)
        return picture

    frames = with_screen(make_room(lambda t: None, seconds=100), show)
    plate = build_plate(frames[::2])
    detector = PlateDetector(plate)
    assert plate.screen.any()
    assert len(plate.slides) <= MAX_SLIDES
    assert [detector.detect(frame) for frame in frames] == [()] * len(frames)
