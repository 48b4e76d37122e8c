"""The virtual camera: what it promises, tried on paths of all kinds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.tracking.drawing.virtual_camera import (
    AVERAGE_SEC,
    DEAD_ZONE_SHARE,
    MAX_ACCELERATION_PER_SEC2,
    MAX_SPEED_PER_SEC,
    Path,
    camera_path,
)

FPS = 10.0
ROUNDING = 1e-9

places = st.one_of(st.floats(0, 1), st.just(float("nan")))
leaps = st.lists(st.tuples(places, st.integers(1, 30)), min_size=1, max_size=12)
sizes = st.floats(0.1, 1.0)


def held(steps: list[tuple[float, int]]) -> Path:
    """An instructor who leaps: a place, and for how many frames."""
    return np.repeat([place for place, _ in steps], [count for _, count in steps]).astype(np.float64)


@given(leaps, sizes)
@settings(max_examples=50)
def test_the_crop_never_leaves_the_picture(steps: list[tuple[float, int]], size: float) -> None:
    path = camera_path(held(steps), size, FPS)
    assert len(path) == len(held(steps))
    assert path.min() - size / 2 >= -ROUNDING
    assert path.max() + size / 2 <= 1 + ROUNDING


@given(leaps, sizes)
@settings(max_examples=50)
def test_speed_and_acceleration_keep_their_limits(steps: list[tuple[float, int]], size: float) -> None:
    speed = np.diff(camera_path(held(steps), size, FPS)) * FPS
    assert np.abs(speed).max(initial=0) <= MAX_SPEED_PER_SEC + 1e-6
    assert np.abs(np.diff(speed) * FPS).max(initial=0) <= MAX_ACCELERATION_PER_SEC2 + 1e-6


@given(
    st.lists(st.floats(-MAX_SPEED_PER_SEC, MAX_SPEED_PER_SEC), min_size=1, max_size=12),
    st.floats(0, 1),
    st.floats(0.6, 0.95),
)
@settings(max_examples=50)
def test_an_instructor_who_is_not_too_fast_stays_in_the_frame(speeds: list[float], start: float, size: float) -> None:
    walk = np.clip(start + np.cumsum(np.repeat(speeds, 15)) / FPS, 0.15, 0.85)
    distance = np.abs(camera_path(walk, size, FPS) - walk)
    beyond = np.maximum(np.abs(walk - 0.5) - (0.5 - size / 2), 0)  # where the crop would have to leave the picture
    assert (distance <= np.maximum(DEAD_ZONE_SHARE * size, beyond) + MAX_SPEED_PER_SEC * AVERAGE_SEC / 3 + 1e-6).all()
    assert (distance < size / 2).all()


@given(leaps, sizes)
@settings(max_examples=50)
def test_no_slow_path_strays_less_before_it_is_smoothed(steps: list[tuple[float, int]], size: float) -> None:
    """Check the bound: a path within the limit loses half of what a leap exceeds the limit by."""
    aim = held(steps)
    known = np.flatnonzero(~np.isnan(aim))
    if not len(known):
        return
    apart = np.abs(aim[known][:, None] - aim[known][None, :])
    reachable = np.abs(known[:, None] - known[None, :]) * MAX_SPEED_PER_SEC / FPS
    least = np.maximum(apart - reachable, 0).max() / 2
    beyond = np.maximum(np.abs(aim[known] - 0.5) - (0.5 - size / 2), 0)
    strayed = np.abs(camera_path(aim, size, FPS)[known] - aim[known])
    allowed = np.maximum(least + DEAD_ZONE_SHARE * size, beyond) + MAX_SPEED_PER_SEC * AVERAGE_SEC / 3
    assert (strayed <= allowed + 1e-6).all()


def test_the_camera_rests_while_the_instructor_shifts_about() -> None:
    steps = np.arange(600) / FPS
    path = camera_path(0.5 + 0.05 * np.sin(steps), 0.5, FPS)
    assert np.ptp(path) < 1e-9


def test_the_camera_begins_to_move_before_it_has_to() -> None:
    aim = np.concatenate((np.full(100, 0.3), np.linspace(0.3, 0.7, 40), np.full(100, 0.7)))
    path = camera_path(aim, 0.5, FPS)
    pushed = int(np.flatnonzero(aim > 0.3 + DEAD_ZONE_SHARE * 0.5)[0])
    began = int(np.flatnonzero(path > path[0] + 1e-6)[0])
    assert pushed - began == pytest.approx(AVERAGE_SEC * FPS, abs=2)


def test_while_no_person_is_there_the_camera_goes_to_where_the_next_appears() -> None:
    aim = np.concatenate((np.full(50, 0.3), np.full(100, np.nan), np.full(50, 0.7)))
    path = camera_path(aim, 0.5, FPS)
    assert np.abs(path[:50] - 0.3).max() <= DEAD_ZONE_SHARE * 0.5
    assert np.abs(path[150:] - 0.7).max() <= DEAD_ZONE_SHARE * 0.5 + 1e-9
    assert (np.diff(path) >= -1e-12).all()


@pytest.mark.parametrize("aim", [np.full(20, np.nan), np.array([]), np.full(20, 0.2)])
def test_without_a_person_or_without_a_margin_the_camera_stands_in_the_middle(aim: Path) -> None:
    assert (camera_path(aim, 1.0, FPS) == 0.5).all()
    assert (camera_path(aim * np.nan, 0.5, FPS) == 0.5).all()
