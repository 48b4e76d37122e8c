import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.recording import Recording, VideoStream
from shared.domain.warning import About, RecordingWarning
from shared.tracking.detection import Detection, FrameDetections
from shared.tracking.payload import InstructorTracking, TrackingDetector, TrackingPart
from shared.tracking.plan import MOVED
from shared.tracking.track.candidates import FEW, LOW, SEVERAL_STILL, Zones
from shared.tracking.track.merge import NOBODY_SEEN, merge_tracking
from shared.tracking.track.metrics import derive_metrics

FPS = 2.0
SHAKY = RecordingWarning("shaky", About.PICTURE, "It is shaky.")
DARK = RecordingWarning("dark", About.PICTURE, "It is dark.")


def recording(duration_sec: float, *, video: bool = True) -> Recording:
    stream = VideoStream(0, "h264", 1920, 1080, 0, 30.0, 0.0, duration_sec)
    return Recording("mp4", 1, 0.0, duration_sec, stream if video else None, None)


def merge(*parts: TrackingPart, duration_sec: float = 20.0, **more: object) -> InstructorTracking:
    fields = {"recording": recording(duration_sec), "plate_warnings": ()} | more
    return merge_tracking(
        parts,
        session_id="s1",
        job_id="j1",
        sample_fps=FPS,
        detector=TrackingDetector(name="plate", version="1"),
        **fields,  # type: ignore[arg-type]
    )


def there(k: int, x: float = 0.4) -> FrameDetections:
    return FrameDetections(k, k / FPS, (Detection((x, 0.2, 0.1, 0.6), 0.8, "plate"),))


def nobody(k: int) -> FrameDetections:
    return FrameDetections(k, k / FPS, ())


def test_parts_make_one_track_with_its_gap_and_metrics() -> None:
    first = [nobody(0), nobody(1), *(there(k) for k in range(2, 12)), *(nobody(k) for k in range(12, 20))]
    second = [*(there(k) for k in range(20, 30)), nobody(30), *(there(k) for k in range(31, 40))]
    track = merge(TrackingPart.of(0, first), TrackingPart.of(1, second))
    assert track.presence == ((1.0, 6.0), (10.0, 20.0))
    assert track.gaps == ((6.0, 10.0),)
    assert [point.t for point in track.track_points if point.state == "interpolated"] == [15.0]
    assert track.derived_metrics.model_dump() == {
        "coverage_percent": 75.0,
        "gaps_count": 1,
        "longest_gap_sec": 4.0,
        "total_distance": 0.0,
        "jitter": 0.0,
    }
    assert [frame.t for frame in track.frame_detections] == [k / FPS for k in range(40)]
    assert track.source.model_dump() == {
        "width": 1920,
        "height": 1080,
        "fps": 30.0,
        "duration_sec": 20.0,
        "sample_fps": 2.0,
    }


def test_writing_on_a_screencast_is_no_person_and_the_camera_of_a_room_sees_one() -> None:
    written = Detection((0.4, 0.2, 0.1, 0.6), 0.8, "plate", moves=0.01)
    part = TrackingPart.of(0, [FrameDetections(k, k / FPS, (written,)) for k in range(40)])
    track = merge(part, is_screen=True)
    assert (track.track_points, track.warning_details) == ((), (NOBODY_SEEN,))
    assert {frame.detections for frame in track.frame_detections} == {()}
    assert len(merge(part).track_points) == 40


def test_an_empty_room_gives_no_track_and_says_so() -> None:
    track = merge(TrackingPart.of(0, [nobody(k) for k in range(40)]))
    assert (track.track_points, track.presence, track.gaps) == ((), (), ())
    assert track.warning_details == (NOBODY_SEEN,)


def test_warnings_are_said_once() -> None:
    parts = [TrackingPart.of(n, [there(20 * n + k) for k in range(20)], warnings=[SHAKY, DARK]) for n in range(2)]
    track = merge(*parts, plate_warnings=[MOVED, DARK])
    assert track.warning_details == (MOVED, DARK, SHAKY)
    assert track.warnings == (MOVED.text, DARK.text, SHAKY.text)


def test_frames_after_the_declared_end_are_left_out() -> None:
    track = merge(TrackingPart.of(0, [there(k) for k in range(50)]), duration_sec=20.25)
    assert track.frame_detections[-1].t == 20.0
    assert track.presence == ((0.0, 20.25),)
    assert track.derived_metrics.coverage_percent == 100.0


@pytest.mark.parametrize(
    ("numbers", "complaint"),
    [
        ([1, 0], "part 1 comes where part 0"),
        ([0, 0], "part 0 comes where part 1"),
        ([0, 2], "part 2 comes where part 1"),
    ],
    ids=["swapped", "twice", "missing"],
)
def test_parts_out_of_order_are_refused(numbers: list[int], complaint: str) -> None:
    parts = [TrackingPart.of(n, [there(20 * at)]) for at, n in enumerate(numbers)]
    with pytest.raises(ValueError, match=complaint):
        merge(*parts)


def test_parts_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="starts at sample 3, before 5"):
        merge(TrackingPart.of(0, [there(4)]), TrackingPart.of(1, [there(3)]))


def test_a_recording_without_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="without a picture"):
        merge(recording=recording(20.0, video=False))


SPOT = st.tuples(st.floats(0.0, 0.9), st.floats(0.3, 1.0))
ROOM = st.lists(st.lists(SPOT, max_size=2), min_size=1, max_size=60)


def as_frames(room: list[list[tuple[float, float]]]) -> list[FrameDetections]:
    return [
        FrameDetections(k, k / FPS, tuple(Detection((x, 0.2, 0.1, 0.6), score, "plate") for x, score in spots))
        for k, spots in enumerate(room)
    ]


@given(ROOM, st.lists(st.integers(0, 60), max_size=6))
def test_a_split_run_equals_an_unsplit_one(room: list[list[tuple[float, float]]], cuts: list[int]) -> None:
    """Through the parts' files, as the stage does it; parts may be empty."""
    row = as_frames(room)
    bounds = [0, *sorted(min(cut, len(row)) for cut in cuts), len(row)]
    parts = [
        TrackingPart.of(n, row[start:end], samples=range(start, end)) for n, (start, end) in enumerate(pairwise(bounds))
    ]
    read = [TrackingPart.model_validate_json(part.model_dump_json(by_alias=True)) for part in parts]
    split = merge(*read, duration_sec=len(row) / FPS)
    unsplit = merge(TrackingPart.of(0, row), duration_sec=len(row) / FPS)
    assert split.model_dump_json(by_alias=True) == unsplit.model_dump_json(by_alias=True)


@given(ROOM)
def test_the_file_bears_out_its_own_metrics(room: list[list[tuple[float, float]]]) -> None:
    """Check that the metrics follow from the file alone, and that gaps are longer than two seconds."""

    class Read:
        def __init__(self, point: dict[str, float]) -> None:
            self.time_sec, self.x, self.y = point["t"], point["x"], point["y"]

    track = json.loads(
        merge(TrackingPart.of(0, as_frames(room)), duration_sec=len(room) / FPS).model_dump_json(by_alias=True)
    )
    again = derive_metrics(
        [Read(point) for point in track["trackPoints"]],
        width=1920,
        height=1080,
        sample_fps=FPS,
        duration_sec=len(room) / FPS,
    )
    written = track["derivedMetrics"]
    assert written["coveragePercent"] == pytest.approx(again.coverage_percent, abs=1e-3)
    assert written["totalDistance"] == pytest.approx(again.total_distance, abs=1e-4)
    assert written["jitter"] == pytest.approx(again.jitter, abs=1e-6)
    assert written["gapsCount"] == len(track["gaps"]) == again.gaps_count
    assert all(end - start > 2 for start, end in track["gaps"])
    assert all(abs(p["x"] - p["box"][0] - p["box"][2] / 2) < 1e-9 for p in track["trackPoints"])


def test_zones_say_who_is_followed_and_all_stay_in_the_frames() -> None:
    two = [FrameDetections(k, k / FPS, (*there(k, 0.4).detections, *there(k, 0.75).detections[:1])) for k in range(40)]
    right = merge(TrackingPart.of(0, two), zones=Zones(region=(0.6, 0.0, 0.4, 1.0)))
    assert {point.box[0] for point in right.track_points} == {0.75}
    left = merge(TrackingPart.of(0, two), zones=Zones(ignored=((0.7, 0.0, 0.2, 1.0), (0.0, 0.9, 1.0, 0.1))))
    assert {point.box[0] for point in left.track_points} == {0.4}
    assert all(len(frame.detections) == 2 for frame in right.frame_detections)
    assert len(left.track_points) == len(right.track_points) == 40


def test_heads_at_the_lower_edge_are_said_to_be_there() -> None:
    heads = [FrameDetections(k, k / FPS, (Detection((0.4, 0.75, 0.1, 0.25), 0.8, "plate"),)) for k in range(40)]
    assert merge(TrackingPart.of(0, heads)).warning_details == (LOW,)
    standing = [FrameDetections(h.index, h.time_sec, (*h.detections, *there(h.index).detections)) for h in heads]
    assert {point.box[1] for point in merge(TrackingPart.of(0, standing)).track_points} == {0.2}


def seen_by_model(k: int, *xs: float) -> FrameDetections:
    people = tuple(Detection((x, 0.2, 0.1, 0.5), 0.9 - 0.1 * n, "onnx") for n, x in enumerate(xs))
    return FrameDetections(k, k / FPS, people, ("onnx",))


def test_the_model_alone_follows_the_one_who_moves_before_an_audience() -> None:
    walker = [0.5 + 0.3 * (abs((k / 15) % 2 - 1) * 2 - 1) for k in range(100)]
    frames = [seen_by_model(k, 0.05, 0.45, *((walker[k],) if k >= 30 else ())) for k in range(100)]
    track = merge(TrackingPart.of(0, frames), duration_sec=50.0)
    assert track.presence[0][0] == 15.0
    followed = {round(point.t * FPS): point.box[0] for point in track.track_points if point.state == "observed"}
    assert all(followed[k] == pytest.approx(walker[k], abs=1e-3) for k in followed)
    assert SEVERAL_STILL not in track.warning_details


def test_an_audience_that_the_model_sees_alone_is_a_guess() -> None:
    track = merge(TrackingPart.of(0, [seen_by_model(k, 0.1, 0.6) for k in range(40)]))
    assert track.presence == ((0.0, 20.0),)
    assert SEVERAL_STILL in track.warning_details
    assert {each.source for frame in track.frame_detections for each in frame.detections} == {"onnx"}


@pytest.mark.parametrize(("step", "is_said"), [(0.0, True), (0.02, False)], ids=["in one place", "walks"])
def test_little_that_hardly_moves_is_said_to_be_little(step: float, is_said: bool) -> None:
    frames = [there(k, 0.4 + step * (k - 10)) if 10 <= k < 20 else nobody(k) for k in range(100)]
    track = merge(TrackingPart.of(0, frames), duration_sec=50.0)
    assert (FEW.format(percent=10) in track.warnings) is is_said
