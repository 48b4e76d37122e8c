"""Sound is placed by its times where they are true and matter, and runs on where they are not or do not."""

import pytest

from shared.media.audio.clock import AudioClock


def place_all(pieces: list[tuple[float | None, float]], duration_sec: float = 100.0) -> list[tuple[bool, float]]:
    clock = AudioClock(duration_sec)
    placed = [clock.place(time, length) for time, length in pieces]
    return [(placement.new_run, placement.start_sample / 16000) for placement in placed]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([(0.0, 1.0), (1.0, 1.0)], [(True, 0.0), (False, 1.0)], id="contiguous"),
        pytest.param([(2.5, 1.0), (3.5, 1.0)], [(True, 2.5), (False, 3.5)], id="late beginning"),
        pytest.param([(-0.02, 1.0)], [(True, -0.02)], id="before zero"),
        pytest.param([(0.0, 1.0), (1.03, 1.0), (1.97, 1.0)], [(True, 0.0), (False, 1.0), (False, 2.0)], id="jitter"),
        pytest.param([(0.0, 1.0), (4.0, 1.0)], [(True, 0.0), (True, 4.0)], id="gap"),
        pytest.param([(0.0, 1.0), (0.5, 1.0)], [(True, 0.0), (True, 0.5)], id="overlap"),
        pytest.param([(0.0, 1.0), (None, 1.0)], [(True, 0.0), (False, 1.0)], id="no time"),
        pytest.param([(None, 1.0), (None, 1.0)], [(True, 0.0), (False, 1.0)], id="no time from the beginning"),
        pytest.param([(0.0, 1.0), (1e9, 1.0)], [(True, 0.0), (False, 1.0)], id="far past the end"),
        pytest.param([(50.0, 9.0), (0.0, 1.0), (1.0, 1.0)], [(True, 50.0), (False, 59.0), (False, 60.0)], id="reset"),
    ],
)
def test_placement(pieces: list[tuple[float | None, float]], expected: list[tuple[bool, float]]) -> None:
    assert place_all(pieces) == expected


def test_drift_is_followed_once_it_matters() -> None:
    pieces: list[tuple[float | None, float]] = [(1.01 * i, 1.0) for i in range(7)]
    starts = place_all(pieces)
    assert [new_run for new_run, _ in starts] == [True, False, False, False, False, False, True]
    assert starts[6][1] == pytest.approx(6.06)


def test_sound_that_runs_past_the_declared_end_is_kept() -> None:
    assert place_all([(0.0, 60.0), (60.0, 60.0), (120.0, 60.0)], duration_sec=60.0)[2] == (False, 120.0)
