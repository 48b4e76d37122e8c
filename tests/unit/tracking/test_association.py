from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tracking.detection import Box, Detection, FrameDetections
from shared.tracking.track.association import MAX_FILLED_SEC, TrackPoint, associate


def person(x: float, score: float = 0.8, y: float = 0.5, width: float = 0.1, height: float = 0.4) -> Detection:
    """Return a detection with its centre at x, y."""
    return Detection((round(x - width / 2, 4), round(y - height / 2, 4), width, height), score, "plate")


def frames(*seen: Detection | tuple[Detection, ...] | None, fps: float = 2.0) -> list[FrameDetections]:
    row = [() if each is None else (each,) if isinstance(each, Detection) else each for each in seen]
    return [FrameDetections(k, k / fps, detections) for k, detections in enumerate(row)]


def times(points: list[TrackPoint], state: str | None = None) -> list[float]:
    return [point.time_sec for point in points if state in (None, point.state)]


def test_one_person_is_followed_as_observed() -> None:
    track = associate(frames(*(person(0.2 + 0.02 * k) for k in range(20))), 2.0)
    assert times(track, "observed") == [k / 2 for k in range(20)]
    assert [point.x for point in track] == pytest.approx([0.2 + 0.02 * k for k in range(20)])
    assert {point.confidence for point in track} == {0.8}


def test_no_frames_make_no_track() -> None:
    assert associate([], 2.0) == []


@pytest.mark.parametrize("place", [0, 10, 19])
def test_a_blip_is_no_presence(place: int) -> None:
    seen = [None] * 20
    assert associate(frames(*seen[:place], person(0.5, 1.0), *seen[place + 1 :]), 2.0) == []


def test_two_sure_samples_are_a_presence() -> None:
    assert times(associate(frames(None, person(0.5), person(0.5), None), 2.0)) == [0.5, 1.0]


def test_a_blip_long_after_a_presence_does_not_make_it_longer() -> None:
    seen = [person(0.5)] * 10 + [None] * 4 + [person(0.5, 1.0)] + [None] * 10
    assert times(associate(frames(*seen), 2.0))[-1] == 4.5


def test_weak_scores_make_no_presence() -> None:
    assert associate(frames(*[person(0.5, 0.2)] * 100), 2.0) == []


@pytest.mark.parametrize("fps", [1.0, 2.0, 5.0])
def test_a_gap_of_two_seconds_is_filled_in_on_a_straight_line(fps: float) -> None:
    missed = int(MAX_FILLED_SEC * fps)
    seen = [person(0.3)] * 20 + [None] * missed + [person(0.5)] * 20
    track = associate(frames(*seen, fps=fps), fps)
    assert times(track) == [k / fps for k in range(40 + missed)]
    filled = [point for point in track if point.state == "interpolated"]
    assert len(filled) == missed
    assert [p.x for p in filled] == pytest.approx([0.3 + 0.2 * (k + 1) / (missed + 1) for k in range(missed)], abs=1e-4)
    assert all(point.confidence == pytest.approx(0.4) for point in filled)


@pytest.mark.parametrize("fps", [1.0, 2.0, 5.0])
def test_a_longer_gap_stays_open(fps: float) -> None:
    missed = int(MAX_FILLED_SEC * fps) + 1
    seen = [person(0.3)] * 20 + [None] * missed + [person(0.3)] * 20
    track = associate(frames(*seen, fps=fps), fps)
    assert times(track) == [k / fps for k in (*range(20), *range(20 + missed, 40 + missed))]
    assert times(track, "interpolated") == []


def test_a_gap_where_frames_are_missing_is_treated_the_same() -> None:
    row = frames(*[person(0.3)] * 40)
    assert times(associate(row[:10] + row[14:], 2.0), "interpolated") == [5.0, 5.5, 6.0, 6.5]
    assert times(associate(row[:10] + row[15:], 2.0)) == [k / 2 for k in (*range(10), *range(15, 40))]


def test_a_false_detection_elsewhere_is_passed_over() -> None:
    seen = [person(0.2)] * 10 + [person(0.9, 1.0)] + [person(0.2)] * 10
    track = associate(frames(*seen), 2.0)
    assert times(track, "interpolated") == [5.0]
    assert {round(point.x, 3) for point in track} == {0.2}


def test_of_two_people_the_one_who_stays_is_followed() -> None:
    passing = {k: person(0.05 + 0.09 * (k - 15), 0.95) for k in range(15, 26)}
    seen = [(passing[k], person(0.4, 0.7)) if k in passing else (person(0.4, 0.7),) for k in range(60)]
    track = associate(frames(*seen), 2.0)
    assert len(track) == 60
    assert all(abs(point.x - 0.4) < 0.02 for point in track)  # both are at the same place as they cross


def test_two_people_far_apart_are_not_mixed_up_when_their_scores_alternate() -> None:
    seen = [(person(0.2, 0.9 - 0.3 * (k % 2)), person(0.8, 0.6 + 0.3 * (k % 2))) for k in range(40)]
    assert len({round(point.x, 3) for point in associate(frames(*seen), 2.0)}) == 1


def test_a_person_who_stands_near_with_a_higher_score_does_not_take_over() -> None:
    """The one who walks is followed on, though the other stands within reach and has the higher score for long."""
    walker = [person(0.5 + 0.15 * abs((k / 20) % 2 - 1), 0.65) for k in range(200)]
    seen = [(each, person(0.3, 0.99)) if 40 <= k < 120 else (each,) for k, each in enumerate(walker)]
    assert [point.x for point in associate(frames(*seen), 2.0)] == pytest.approx([each.centre[0] for each in walker])


def test_a_cut_of_the_camera_does_not_end_the_track() -> None:
    seen = [person(0.1)] * 10 + [person(0.9)] * 10
    track = associate(frames(*seen), 2.0)
    assert [round(point.x, 2) for point in track] == [0.1] * 10 + [0.9] * 10


def test_frames_out_of_order_are_refused() -> None:
    row = frames(person(0.5), person(0.5))
    with pytest.raises(ValueError, match="frame 0 does not come after frame 1"):
        associate(row[::-1], 2.0)
    with pytest.raises(ValueError, match="frame 0 does not come after frame 0"):
        associate([row[0], row[0]], 2.0)


def test_a_rate_of_nought_is_refused() -> None:
    with pytest.raises(ValueError, match="sample_fps"):
        associate([], 0.0)


@st.composite
def box(draw: st.DrawFn) -> Box:
    x, y = draw(st.floats(0.0, 0.8)), draw(st.floats(0.0, 0.8))
    return x, y, draw(st.floats(0.0, 1.0 - x)), draw(st.floats(0.0, 1.0 - y))


DETECTION = st.builds(Detection, box=box(), score=st.floats(0.0, 1.0), source=st.just("plate"))
FRAMES = st.dictionaries(st.integers(0, 60), st.lists(DETECTION, max_size=3), max_size=40).map(
    lambda found: [FrameDetections(k, k / 2, tuple(found[k])) for k in sorted(found)]
)


@given(FRAMES)
def test_presence_is_never_invented(row: list[FrameDetections]) -> None:
    """Observed points are detections of their frame, all others lie in gaps of at most two seconds; none is doubled."""
    track = associate(row, 2.0)
    found = {frame.index / 2: {each.box for each in frame.detections} for frame in row}
    observed = [point for point in track if point.state == "observed"]
    assert all(point.box in found[point.time_sec] for point in observed)
    assert times(track) == sorted(set(times(track)))
    at = times(observed)
    between = [k / 2 for a, b in pairwise(at) if b - a - 0.5 <= 2 for k in range(int(a * 2) + 1, int(b * 2))]
    assert times(track, "interpolated") == between


@given(FRAMES, st.randoms(use_true_random=False))
def test_the_order_in_which_a_frame_lists_its_detections_does_not_matter(
    row: list[FrameDetections], random: Random
) -> None:
    shuffled = [
        FrameDetections(frame.index, frame.time_sec, tuple(random.sample(frame.detections, len(frame.detections))))
        for frame in row
    ]
    assert associate(shuffled, 2.0) == associate(row, 2.0)
