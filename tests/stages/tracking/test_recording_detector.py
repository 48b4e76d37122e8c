"""Plates and a model together, with a painted room and a model that is told what it sees."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest

from shared.domain.recording import Recording, VideoStream
from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box, Detection, FrameDetections, overlap
from shared.tracking.detectors.build_plates import build_window_plates
from shared.tracking.detectors.fused import BOTH, MODEL_EVERY_SEC, RecordingDetector, fuse
from shared.tracking.payload import InstructorTracking, TrackingDetector, TrackingPart
from shared.tracking.plan import MOVED, PlateOfWindow, TrackingPlan
from shared.tracking.plate.plate import TOO_FEW, Plate
from shared.tracking.track.candidates import NEVER_MOVES, OTHER_PICTURE, SEVERAL, SEVERAL_STILL
from shared.tracking.track.confidence import STILL
from shared.tracking.track.merge import NOBODY_SEEN, merge_tracking

FPS = 2.0
WIDTH_PX, HEIGHT_PX = 160, 90
"""Half a plate's width: what is said here is who is followed, not where their outline is."""
EVERY = round(MODEL_EVERY_SEC * FPS)
MakeRoom = Callable[..., list[SampledFrame]]


@pytest.fixture(scope="module")
def make_small_room(make_room: MakeRoom) -> MakeRoom:
    return partial(make_room, width=WIDTH_PX)


@dataclass
class KnowsPeople:
    """A model that sees those at `boxes`, at any time at which the picture is lit."""

    boxes: Callable[[float], list[Box]]
    seen: list[int] = field(default_factory=list)
    name: str = "onnx"
    version: str = "1"

    def detect(self, frame: SampledFrame) -> tuple[Detection, ...]:
        self.seen.append(frame.index)
        return tuple(Detection(box, 0.8, "onnx") for box in self.boxes(frame.time_sec))


def track(
    frames: list[SampledFrame], model: KnowsPeople | None
) -> tuple[InstructorTracking, list[FrameDetections], TrackingPlan]:
    seconds = len(frames) / FPS
    made = list(
        build_window_plates(frames[:: max(1, len(frames) // 30)], 0, (0.0, seconds), model, lambda fraction: None)
    )
    plates = {of_window.name: plate for of_window, plate in made}
    plan = TrackingPlan(
        kind="plate" if model is None else "fused",
        detector=TrackingDetector(name="test", version="1"),
        plates=tuple(of_window for of_window, _ in made),
        warnings=tuple(warning for of_window, _ in made for warning in of_window.warnings),
    )
    if model is not None:
        model.seen.clear()
    detector = RecordingDetector(plan, plates.__getitem__, model, FPS)
    found = [detector.detect(frame) for frame in frames]
    result = merge_tracking(
        [TrackingPart.of(0, found)],
        session_id="s",
        job_id="j",
        recording=Recording(
            "mp4", 1, 0.0, seconds, VideoStream(0, "h264", WIDTH_PX, HEIGHT_PX, 0, FPS, 0.0, seconds), None
        ),
        sample_fps=FPS,
        detector=plan.detector,
        plate_warnings=plan.warnings,
    )
    return result, found, plan


def walk(time_sec: float) -> float | None:
    return None if time_sec < 10 else 0.2 + 0.6 * abs((time_sec / 20) % 2 - 1)


def test_the_model_looks_now_and_then_and_agrees(make_small_room: MakeRoom, make_figure: Callable[..., object]) -> None:
    figure = make_figure()

    def there(time_sec: float) -> list[Box]:
        x = walk(time_sec)
        return [] if x is None else [figure.box(x)]  # type: ignore[attr-defined]

    model = KnowsPeople(there)
    result, found, plan = track(make_small_room(walk, seconds=60, fps=FPS), model)
    assert model.seen == list(range(0, 120, EVERY))
    assert [each.is_trusted for each in plan.plates] == [True]
    assert plan.plates[0].still == ()
    assert {d.source for f in found[40::EVERY] for d in f.detections} == {BOTH}
    assert result.presence == ((10.0, 60.0),)
    assert result.warnings == ()


@pytest.mark.parametrize(("sample_fps", "seen"), [(0.25, 3), (0.5, 6), (1.0, 6), (2.0, 6), (5.0, 6), (30.0, 6)])
def test_the_model_looks_equally_often_at_any_rate(make_small_room: MakeRoom, sample_fps: float, seen: int) -> None:
    pictures = make_small_room(walk, seconds=12, fps=FPS)
    ((of_window, plate),) = build_window_plates(pictures, 0, (0.0, 12.0), None, lambda fraction: None)
    plan = TrackingPlan(kind="fused", detector=TrackingDetector(name="test", version="1"), plates=(of_window,))
    model = KnowsPeople(lambda t: [])
    detector = RecordingDetector(plan, lambda name: plate, model, sample_fps)
    for index in range(round(12 * sample_fps)):
        detector.detect(SampledFrame(index, index / sample_fps, pictures[0].bgr))
    assert len(model.seen) == seen


def test_a_person_who_never_moves_is_found_with_the_model_only(
    make_small_room: MakeRoom, make_figure: Callable[..., object]
) -> None:
    box = make_figure().box(0.5)  # type: ignore[attr-defined]
    frames = make_small_room(lambda t: 0.5, seconds=40, fps=FPS)
    without, _, _ = track(frames, None)
    assert (without.presence, without.warning_details) == ((), (NOBODY_SEEN,))
    result, found, plan = track(frames, KnowsPeople(lambda t: [box]))
    assert [overlap(still, box) > 0.9 for still, _ in plan.plates[0].still] == [True]
    assert {d.source for f in found for d in f.detections} == {STILL}
    assert result.presence == ((0.0, 40.0),)
    assert result.warning_details == (NEVER_MOVES,)
    assert {point.state for point in result.track_points} == {"observed"}


def test_people_who_sit_still_are_no_sure_instructor(
    make_small_room: MakeRoom, make_figure: Callable[..., object]
) -> None:
    figure = make_figure()
    seats = [figure.box(x) for x in (0.3, 0.7)]  # type: ignore[attr-defined]

    def seated(frames: list[SampledFrame]) -> list[SampledFrame]:
        for frame in frames:
            for x in (0.3, 0.7):
                figure.paint(frame.bgr, x)  # type: ignore[attr-defined]
        return frames

    model = KnowsPeople(lambda t: seats)
    alone, _, _ = track(seated(make_small_room(lambda t: None, seconds=40, fps=FPS)), model)
    assert SEVERAL_STILL in alone.warning_details
    frames = seated(make_small_room(lambda t: 0.5 if 10 <= t < 35 else None, seconds=40, fps=FPS))
    lecture, found, _ = track(frames, KnowsPeople(lambda t: [*seats, figure.box(0.5)][: 3 if 10 <= t < 35 else 2]))  # type: ignore[attr-defined]
    assert lecture.presence == ((10.0, 35.0),)
    assert all(abs(point.x - 0.5) < 0.05 for point in lecture.track_points)
    assert all(sum(d.source == STILL for d in frame.detections) == 2 for frame in found)


def test_the_model_looks_alone_when_the_camera_moves(make_small_room: MakeRoom) -> None:
    frames = make_small_room(lambda t: 0.5, seconds=30, fps=FPS, shake=6.0)
    model = KnowsPeople(lambda t: [(0.4, 0.3, 0.2, 0.6)])
    result, found, plan = track(frames, model)
    assert [each.is_trusted for each in plan.plates] == [False]
    assert model.seen == [frame.index for frame in frames]
    assert {frame.judged_by for frame in found} == {("onnx",)}
    assert result.presence == ((0.0, 30.0),)
    assert any("camera moved" in warning for warning in result.warnings)


def test_a_light_that_was_never_learned_is_the_models(make_small_room: MakeRoom) -> None:
    frames = make_small_room(lambda t: 0.5 if 5 <= t < 30 else None, seconds=60, fps=FPS)
    for frame in frames[100:104]:
        frame.bgr[:] = (
            np.random.default_rng(1).integers(0, 255, (6, 10, 3)).astype(np.uint8).repeat(15, 0).repeat(16, 1)
        )
    result, found, _ = track(frames, None)
    assert [frame.judged_by for frame in found[99:105]] == [("plate",), (), (), (), (), ("plate",)]
    assert OTHER_PICTURE.format(percent=3, then="no person could be found there") in result.warnings
    result, found, _ = track(frames, KnowsPeople(lambda t: []))
    assert found[101].judged_by == ("onnx",)
    assert OTHER_PICTURE.format(percent=3, then="the model alone looked there") in result.warnings


def test_the_model_looks_at_all_that_is_dim(make_small_room: MakeRoom) -> None:
    frames = make_small_room(walk, seconds=60, fps=FPS, light=lambda t: 0.2 if 40 <= t < 50 else 1.0)
    model = KnowsPeople(lambda t: [])
    track(frames, model)
    assert model.seen == [k for k in range(120) if k % EVERY == 0 or 80 <= k < 100]


def test_two_cameras_have_a_plate_each(make_small_room: MakeRoom) -> None:
    frames = make_small_room(lambda t: 0.5 if int(t) % 20 < 10 else 0.2, seconds=60, fps=FPS)
    for frame in frames:
        if (frame.index // 10) % 3 == 2:  # every third five seconds, the same room upside down and in other colours
            frame.bgr[:] = 255 - frame.bgr[::-1].copy()
            frame.bgr[30:60, 20:140] = (200, 40, 20)
    _, found, plan = track(frames, None)
    assert len(plan.plates) == 2
    assert {frame.judged_by for frame in found} == {("plate",)}


def test_furniture_that_was_moved_is_no_person(make_small_room: MakeRoom) -> None:
    """A box stands in the room for some time: the plate alone takes it for a person, with the model it is none."""
    frames = make_small_room(lambda t: None, seconds=80, fps=FPS)
    for frame in frames[100:]:
        frame.bgr[30:80, 70:95] = (20, 30, 90)
    alone, _, _ = track(frames, None)
    assert alone.presence != ()
    result, _, _ = track(frames, KnowsPeople(lambda t: []))
    assert (result.presence, result.warning_details) == ((), (NOBODY_SEEN,))


def test_two_who_come_and_stay_are_said_to_be_two(
    make_small_room: MakeRoom, make_figure: Callable[..., object]
) -> None:
    figure = make_figure(shirt=(150, 60, 20))
    frames = make_small_room(lambda t: 0.3 if t >= 20 else None, seconds=60, fps=FPS)
    for frame in frames[70:]:
        figure.paint(frame.bgr, 0.75)  # type: ignore[attr-defined]
    result, found, _ = track(frames, None)
    assert SEVERAL in result.warning_details
    assert all(len(frame.detections) == 2 for frame in found[72:])
    assert all(abs(point.x - 0.3) < 0.06 for point in result.track_points)


def boxes() -> Iterator[tuple[list[Detection], list[Detection], list[tuple[Box, str]]]]:
    blob, same, other = (0.4, 0.2, 0.1, 0.6), (0.41, 0.2, 0.1, 0.62), (0.7, 0.2, 0.1, 0.6)
    legs = (0.41, 0.6, 0.08, 0.2)
    yield [Detection(blob, 0.5, "plate")], [Detection(same, 0.5, "onnx")], [(blob, BOTH)]
    yield [Detection(legs, 0.5, "plate")], [Detection(same, 0.5, "onnx")], [(same, BOTH)]
    yield [Detection(blob, 0.5, "plate")], [Detection(other, 0.4, "onnx")], [(blob, "plate"), (other, "onnx")]
    yield [Detection(blob, 0.5, STILL)], [Detection(same, 0.5, "onnx")], [(same, STILL)]


@pytest.mark.parametrize(("plate", "model", "both"), list(boxes()), ids=["the same", "only legs", "two", "still"])
def test_what_both_found_is_there_once(
    plate: list[Detection], model: list[Detection], both: list[tuple[Box, str]]
) -> None:
    assert [(each.box, each.source) for each in fuse(plate, model)] == both


def test_a_plate_holds_in_its_window() -> None:
    plan = TrackingPlan(
        kind="plate",
        detector=TrackingDetector(name="plate", version="1"),
        plates=tuple(
            PlateOfWindow(name=name, start_sec=start, end_sec=end)
            for name, start, end in (("a", 0, 600), ("b", 0, 600), ("d", 1200, 1800))
        ),
    )
    at = {time: [plate.name for plate in plan.plates_at(time)] for time in (0, 599.5, 700, 1100, 1200, 1800, 1900)}
    assert plan.most_used([10, 20, 1300]).name == "a"
    assert plan.most_used([10, 1300, 1400]).name == "d"
    assert plan.most_used([]).name == "a"
    assert at == {0: ["a", "b"], 599.5: ["a", "b"], 700: ["a", "b"], 1100: ["d"], 1200: ["d"], 1800: ["d"], 1900: ["d"]}


def test_a_model_alone_says_only_that_the_camera_moved() -> None:
    plate = PlateOfWindow(name="a", start_sec=0, end_sec=60, warnings=(MOVED, TOO_FEW))
    drawn_upon = plate.only_drawn_upon()
    assert (drawn_upon.is_trusted, drawn_upon.warnings) == (False, (MOVED,))
    assert plate.model_copy(update={"warnings": (TOO_FEW,)}).only_drawn_upon().warnings == ()


def test_a_plate_is_loaded_once(make_small_room: MakeRoom) -> None:
    frames = make_small_room(walk, seconds=20, fps=FPS)
    ((of_window, plate),) = build_window_plates(frames, 0, (0.0, 20.0), None, lambda fraction: None)
    plan = TrackingPlan(kind="plate", detector=TrackingDetector(name="plate", version="1"), plates=(of_window,))
    loaded: list[str] = []

    def load(name: str) -> Plate:
        loaded.append(name)
        return plate

    detector = RecordingDetector(plan, load, None, FPS)
    for frame in frames[:5]:
        detector.detect(frame)
    assert loaded == ["plate-000-0.png"]
