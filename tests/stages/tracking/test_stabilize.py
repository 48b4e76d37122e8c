"""A painted room filmed by hand: pictures are laid over each other, and people found where the picture has them."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from benchmarks.agreement import Agreement, Truth, agreement, detect_all
from shared.media.video.frames import SampledFrame
from shared.tracking.detectors.plate import PlateDetector
from shared.tracking.plate.camera_motion import MOVED
from shared.tracking.plate.plate import Plate, build_plates
from shared.tracking.plate.stabilize import Stabilizer, align_pictures, box_in_picture

MakeRoom = Callable[..., list[SampledFrame]]
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def carried(t: float, height: int, width: int) -> Pixels:
    """A hand's shift, turn and zoom at `t` seconds."""
    moved = cv2.getRotationMatrix2D((width / 2, height / 2), 1.2 * math.sin(t * 0.7), 1.05 + 0.03 * math.sin(t * 0.4))
    moved[:, 2] += 9 * math.sin(t * 0.9), 5 * math.sin(t * 1.1)
    return np.asarray(moved, np.float64)


def by_hand(frames: list[SampledFrame]) -> list[SampledFrame]:
    held = []
    for frame in frames:
        height, width = frame.bgr.shape[:2]
        bgr = cv2.warpAffine(
            frame.bgr, carried(frame.time_sec, height, width), (width, height), borderMode=cv2.BORDER_REFLECT
        )
        held.append(SampledFrame(frame.index, frame.time_sec, np.asarray(bgr, np.uint8)))
    return held


def posters(frames: list[SampledFrame]) -> list[SampledFrame]:
    """With things on the wall, without which it is a wall that looks the same everywhere."""
    for frame in frames:
        for n in range(12):
            left, top = 20 + 50 * (n % 6), 12 + 30 * (n // 6)
            cv2.rectangle(frame.bgr, (left, top), (left + 12 + n, top + 18), (20 * n, 90, 250 - 20 * n), -1)
    return frames


def walks(t: float) -> float | None:
    return None if t % 30 < 8 else 0.5 + 0.3 * math.sin(t / 6)


def judged(frames: list[SampledFrame], figure: object, plate: Plate) -> Agreement:
    truth = []
    for frame in frames:
        x = walks(frame.time_sec)
        box = None
        if x is not None:
            left, top, wide, tall = figure.box(x)  # type: ignore[attr-defined]
            height, width = frame.bgr.shape[:2]
            motion = carried(frame.time_sec, height, width)
            middle = motion @ np.array([(left + wide / 2) * width, (top + tall / 2) * height, 1.0])
            zoom = float(np.hypot(motion[0, 0], motion[1, 0]))
            wide, tall = wide * zoom, tall * zoom
            box = (float(middle[0]) / width - wide / 2, float(middle[1]) / height - tall / 2, wide, tall)
        truth.append(Truth(frame.time_sec, "absent" if box is None else "present", box))
    return agreement(detect_all(frames, PlateDetector(plate)), truth, 9 / 16)


def test_people_are_found_though_the_camera_is_held_by_hand(
    make_room: MakeRoom, make_figure: Callable[..., object]
) -> None:
    frames = by_hand(posters(make_room(lambda t: None, seconds=40, fps=0.75)))
    for frame in frames:
        assert frame.bgr.shape == (180, 320, 3)
    with_people = make_room(walks, seconds=40, fps=0.75)
    plain = posters(make_room(lambda t: None, seconds=40, fps=0.75))
    for frame, room in zip(with_people, plain, strict=True):
        x = walks(frame.time_sec)
        frame.bgr[:] = room.bgr
        if x is not None:
            make_figure().paint(frame.bgr, x)  # type: ignore[attr-defined]
    held = by_hand(with_people)
    (plate,) = build_plates(held)
    assert (plate.warnings, plate.is_steadied) == ((MOVED,), True)
    assert Plate.from_png(plate.to_png()).is_steadied
    found = judged(held, make_figure(), plate)
    assert found.present > 15
    assert found.absent > 10
    assert found.coverage >= 0.98
    assert found.false_presence <= 0.05
    assert found.centre_error <= 0.015
    (empty,) = build_plates(frames)
    assert not any(PlateDetector(empty).detect(frame) for frame in frames)


def test_a_camera_on_a_stand_costs_nothing_more(make_room: MakeRoom) -> None:
    (plate,) = build_plates(make_room(walks, seconds=40, fps=0.75))
    assert not plate.is_steadied
    assert not Plate.from_png(plate.to_png()).is_steadied


def test_a_picture_of_something_else_is_not_laid_over(make_room: MakeRoom) -> None:
    room = posters(make_room(lambda t: None, seconds=1))[0].bgr.astype(np.float32)
    steadier = Stabilizer(room)
    same = steadier.motion(room)
    assert same is not None
    assert same == pytest.approx(np.array([[1, 0, 0], [0, 1, 0]]), abs=0.02)
    other = np.random.default_rng(1).integers(0, 255, room.shape).astype(np.float32)
    assert steadier.motion(other) is None
    assert steadier.motion(np.full_like(room, 90)) is None
    assert Stabilizer(np.full_like(room, 90)).motion(room) is None
    assert align_pictures([room, other, other, other, room]) is None


def test_a_box_goes_back_to_where_it_was_seen() -> None:
    motion = carried(2.0, 180, 320)
    assert box_in_picture((0.4, 0.3, 0.1, 0.4), np.array([[1.0, 0, 0], [0, 1.0, 0]]), (320, 180)) == pytest.approx(
        (0.4, 0.3, 0.1, 0.4)
    )
    seen = box_in_picture((0.4, 0.3, 0.1, 0.4), motion, (320, 180))
    assert seen is not None
    middle = motion @ np.array([(seen[0] + seen[2] / 2) * 320, (seen[1] + seen[3] / 2) * 180, 1.0])
    assert middle == pytest.approx([0.45 * 320, 0.5 * 180])
    assert box_in_picture((0.9, 0.9, 0.05, 0.05), np.array([[1.0, 0, -160], [0, 1.0, 0]]), (320, 180)) is None
