"""Detect people in painted rooms: each is found where they are, walking or still, and nothing else is found."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from benchmarks.agreement import Agreement, Truth, agreement, detect_all
from shared.media.video.frames import SampledFrame
from shared.tracking.detectors.plate import PlateDetector
from shared.tracking.plate.plate import build_plate

Walk = Callable[[float], float | None]
MakeRoom = Callable[..., list[SampledFrame]]
FPS = 2 / 3
"""Enough for twenty pictures of a plate and forty to judge in the minute that the walks below take."""


def walks(t: float) -> float | None:
    """To and fro, and out of the room now and then."""
    there = 0.5 + 0.35 * (abs((t / 10) % 2 - 1) * 2 - 1)
    return None if t % 30 < 6 else there


def mostly_stands(t: float) -> float | None:
    """Still in one place for 70% of the time, then elsewhere for a while, at last away."""
    if t < 42:
        return 0.4
    return 0.4 + (t - 42) * 0.03 if t < 54 else None


def nobody(t: float) -> float | None:
    return None


def judge(walk: Walk, frames: list[SampledFrame], figure: object) -> Agreement:
    detector = PlateDetector(build_plate(frames[::2]))
    truth = []
    for frame in frames:
        x = walk(frame.time_sec)
        box = None if x is None else figure.box(x)  # type: ignore[attr-defined]
        truth.append(Truth(frame.time_sec, "absent" if box is None else "present", box))
    return agreement(detect_all(frames, detector), truth, 9 / 16)


@pytest.mark.parametrize("walk", [walks, mostly_stands], ids=["walks", "mostly stands"])
@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param({}, id="plain"),
        pytest.param({"noise": 10.0}, id="noise"),
        pytest.param({"light": lambda t: 1 + 0.004 * (t - 30)}, id="exposure drifts"),
        pytest.param({"light": lambda t: 0.4}, id="dark"),
        pytest.param({"light": lambda t: 0.15 if 15 <= t < 40 else 1.0}, id="lights turned down"),
        pytest.param({"light": lambda t: 1.0 if int(t) % 7 else 1.25}, id="exposure jumps"),
        pytest.param({"slide_sec": 8.0}, id="slides change"),
        pytest.param({"shadow": True}, id="shadow"),
    ],
)
def test_a_person_is_found(
    make_room: MakeRoom, make_figure: Callable[..., object], walk: Walk, conditions: dict[str, object]
) -> None:
    found = judge(walk, make_room(walk, fps=FPS, **conditions), make_figure())
    assert found.present > 20
    assert found.absent >= 4
    assert found.coverage >= 0.98
    assert found.false_presence <= 0.05
    assert found.centre_error <= 0.015
    assert found.iou_half >= 0.95


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"noise": 12.0},
        {"light": lambda t: 1 + 0.006 * (t - 30)},
        {"light": lambda t: 1.0 if t < 30 else 1.3},
        {"slide_sec": 8.0},
        {"slide_sec": 25.0},
    ],
    ids=["still", "noise", "exposure drifts", "exposure jumps", "slides change", "two slides"],
)
def test_no_person_is_found_in_an_empty_room(make_room: MakeRoom, conditions: dict[str, object]) -> None:
    frames = make_room(nobody, fps=FPS, **conditions)
    detector = PlateDetector(build_plate(frames[::2]))
    assert [detector.detect(frame) for frame in frames] == [()] * len(frames)


@pytest.mark.parametrize("slide_sec", [8.0, 25.0], ids=["many slides", "two slides"])
def test_a_person_half_before_a_screen_is_found(
    make_room: MakeRoom, make_figure: Callable[..., object], slide_sec: float
) -> None:
    """Check that the part of a person beside the screen counts, and that slides alone do not."""

    def talks(t: float) -> float | None:
        return 0.72 if 10 < t < 50 else None

    found = judge(talks, make_room(talks, fps=FPS, slide_sec=slide_sec), make_figure())
    assert found.coverage >= 0.98
    assert found.false_presence <= 0.05
    assert found.iou_half >= 0.95


def test_a_picture_of_another_room_has_no_person(make_room: MakeRoom) -> None:
    frames = make_room(walks, seconds=30, fps=0.4)
    blocks = np.random.default_rng(5).integers(0, 255, (9, 16, 3)).astype(np.uint8)
    elsewhere = SampledFrame(0, 0.0, np.kron(blocks, np.ones((20, 20, 1), np.uint8)))
    assert PlateDetector(build_plate(frames)).detect(elsewhere) == ()


def test_a_frame_is_judged_alone(make_room: MakeRoom) -> None:
    """Neither the frames before it nor their order change what is found."""
    frames = make_room(walks, seconds=40, fps=0.5)
    plate = build_plate(frames)
    detector = PlateDetector(plate)
    in_order = [detector.detect(frame) for frame in frames]
    assert [detector.detect(frame) for frame in reversed(frames)] == in_order[::-1]
    assert PlateDetector(plate).detect(frames[17]) == in_order[17]


def test_two_people_apart_are_two(make_room: MakeRoom, make_figure: Callable[..., object]) -> None:
    room = make_room(nobody, seconds=20)
    figure = make_figure()
    both = room[10].bgr.copy()
    figure.paint(both, 0.25)  # type: ignore[attr-defined]
    figure.paint(both, 0.7)  # type: ignore[attr-defined]
    found = PlateDetector(build_plate(room)).detect(SampledFrame(0, 0.0, both))
    assert sorted(detection.centre[0] for detection in found) == pytest.approx([0.25, 0.7], abs=0.02)
    assert all(0 <= detection.score <= 1 and detection.source == "plate" for detection in found)


def test_clothes_are_described_as_in_the_light_of_the_empty_room(make_room: MakeRoom, make_figure: Callable) -> None:
    """The lower body is dark, the upper one has the shirt's colour, also when the light goes down."""
    found = []
    for shirt in ((60, 40, 150), (150, 60, 40)):
        figure = make_figure(shirt=shirt)
        frames = make_room(walks, fps=FPS, figure=figure, light=lambda t: 0.7 if t >= 40 else 1.0)
        detector = PlateDetector(build_plate(frames[::2]))
        lab = cv2.cvtColor(np.array([[shirt]], np.uint8), cv2.COLOR_BGR2LAB)[0, 0].astype(int)
        seen = [detector.detect(frames[k])[0].clothes for k in (8, 14, 30, 35)]
        for clothes in seen:
            assert clothes is not None
            assert np.abs(np.array(clothes[:3]) - lab).max() <= 12, (shirt, clothes, lab)
            assert clothes[3] < 90
        found.append(seen[0])
    assert np.abs(np.subtract(*found)).max() > 40
