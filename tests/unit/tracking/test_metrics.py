import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tracking.track.metrics import derive_metrics, gaps_of, presence_of


@dataclass(frozen=True)
class At:
    time_sec: float
    x: float
    y: float


def at(*indices: int, fps: float = 2.0) -> list[At]:
    return [At(k / fps, 0.5, 0.5) for k in indices]


def metrics(
    points: list[At], width: int = 1600, height: int = 900, sample_fps: float = 2.0, duration_sec: float = 10.0
):
    return derive_metrics(points, width=width, height=height, sample_fps=sample_fps, duration_sec=duration_sec)


def test_a_point_stands_for_one_sample_period() -> None:
    assert presence_of(at(2), 2.0, 10.0) == ((1.0, 1.5),)
    assert presence_of(at(2, 3, 4), 2.0, 10.0) == ((1.0, 2.5),)


def test_a_presence_ends_with_the_recording() -> None:
    assert presence_of(at(18, 19), 2.0, 9.7) == ((9.0, 9.7),)


def test_absence_before_the_first_presence_and_after_the_last_is_no_gap() -> None:
    presence = presence_of(at(4, 5, 12, 13), 2.0, 10.0)
    assert presence == ((2.0, 3.0), (6.0, 7.0))
    assert gaps_of(presence) == ((3.0, 6.0),)
    found = metrics(at(4, 5, 12, 13))
    assert (found.gaps_count, found.longest_gap_sec, found.coverage_percent) == (1, 3.0, 20.0)


def test_a_recording_without_anybody_has_no_gap() -> None:
    found = metrics([])
    assert (found.coverage_percent, found.gaps_count, found.longest_gap_sec) == (0.0, 0, 0.0)
    assert (found.total_distance, found.jitter) == (0.0, 0.0)


def test_a_person_always_there_covers_everything() -> None:
    assert metrics(at(*range(20))).coverage_percent == 100.0


def test_a_way_down_the_frame_counts_in_frame_widths() -> None:
    found = metrics([At(0.0, 0.5, 0.0), At(0.5, 0.5, 1.0)], width=1600, height=900)
    assert found.total_distance == pytest.approx(900 / 1600)


def test_the_way_over_a_gap_does_not_count() -> None:
    found = metrics([At(0.0, 0.1, 0.5), At(0.5, 0.2, 0.5), At(5.0, 0.9, 0.5), At(5.5, 0.9, 0.5)])
    assert found.total_distance == pytest.approx(0.1)
    assert found.jitter == 0.0


def test_an_even_walk_has_no_jitter_and_a_shake_has() -> None:
    assert metrics([At(k / 2, 0.1 * k, 0.5) for k in range(8)]).jitter == pytest.approx(0.0, abs=1e-12)
    assert metrics([At(k / 2, 0.5 + 0.01 * (k % 2), 0.5) for k in range(8)]).jitter == pytest.approx(0.02)


def test_a_frame_without_size_is_refused() -> None:
    with pytest.raises(ValueError, match="0 by 900"):
        metrics([], width=0)


COORDINATE = st.floats(0.0, 1.0)


@given(
    spots=st.dictionaries(st.integers(0, 40), st.tuples(COORDINATE, COORDINATE), max_size=40),
    fps=st.sampled_from([0.5, 1.0, 2.0, 3.0, 10.0, 29.97]),
    extra=st.floats(0.001, 3.0),
    size=st.sampled_from([(1920, 1080), (640, 480), (720, 1280)]),
)
def test_metrics_are_what_the_definition_says(
    spots: dict[int, tuple[float, float]], fps: float, extra: float, size: tuple[int, int]
) -> None:
    """Each number again from its definition, sample by sample on the grid."""
    width, height = size
    last = max(spots, default=0)
    duration_sec = last / fps + extra / fps
    points = [At(k / fps, *spots[k]) for k in sorted(spots)]
    found = derive_metrics(points, width=width, height=height, sample_fps=fps, duration_sec=duration_sec)

    present = sum(min((k + 1) / fps, duration_sec) - k / fps for k in spots)
    assert found.coverage_percent == pytest.approx(100 * present / duration_sec)

    first = min(spots, default=0)
    missing, run = [], 0
    for k in range(first, last + 1):
        if k in spots and run:
            missing.append(run)
        run = 0 if k in spots else run + 1
    assert found.gaps_count == len(missing)
    assert found.longest_gap_sec == pytest.approx(max(missing, default=0) / fps)

    def pixels(k: int) -> tuple[float, float]:
        return spots[k][0] * width, spots[k][1] * height

    ways = [math.dist(pixels(k), pixels(k + 1)) / width for k in spots if k + 1 in spots]
    assert found.total_distance == pytest.approx(sum(ways))

    bends = []
    for k in spots:
        if k - 1 in spots and k + 1 in spots:
            middle = [(a + c) / 2 for a, c in zip(pixels(k - 1), pixels(k + 1), strict=True)]
            bends.append(2 * math.dist(middle, pixels(k)) / width)
    rms = math.sqrt(sum(b * b for b in bends) / len(bends)) if bends else 0.0
    assert found.jitter == pytest.approx(rms, abs=1e-9)
