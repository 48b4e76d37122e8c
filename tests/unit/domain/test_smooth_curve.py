"""A smooth curve goes through points, past the odd one, and back to zero."""

import math
from functools import partial

import pytest

from shared.domain.smooth_curve import Point, SmoothCurve, mean_at


def kernel(reach: float, one: float, other: float) -> float:
    return 4 * math.exp(-(((one - other) / reach) ** 2) / 2)


def points(values: dict[float, float], deviation: float = 0.1) -> list[Point[float]]:
    return [Point(place, value, deviation) for place, value in values.items()]


def test_the_curve_follows_exact_points_and_is_zero_far_from_them() -> None:
    curve = SmoothCurve(points({x: math.sin(x) for x in range(7)}, 0.001), partial(kernel, 1.5))
    assert curve.at(2.5) == pytest.approx(math.sin(2.5), abs=0.05)
    assert curve.at(3.0) == pytest.approx(math.sin(3.0), abs=0.01)
    assert curve.at(100.0) == pytest.approx(0.0, abs=1e-6)


def test_one_point_is_drawn_towards_zero_by_its_noise() -> None:
    """Within one kernel of variance 4 and noise of variance 4, half of the value is left before any point is odd."""
    assert SmoothCurve([Point(0.0, 0.1, 2.0)], partial(kernel, 1.0)).at(0.0) == pytest.approx(0.05, rel=0.15)


def test_a_point_far_from_the_rest_moves_the_curve_little() -> None:
    with_odd_one = SmoothCurve(points({0.0: 1.0, 0.1: 1.1, 0.2: 4.0, 0.3: 0.9, 0.4: 1.0}), partial(kernel, 5.0))
    assert with_odd_one.at(0.2) == pytest.approx(1.0, abs=0.15)


def test_the_kernel_that_fits_the_points_decides() -> None:
    bent = points({x / 2: math.sin(3 * x / 2) for x in range(9)}, 0.02)
    curves = [SmoothCurve(bent, partial(kernel, reach)) for reach in (0.5, 20.0)]
    assert curves[0].log_evidence > curves[1].log_evidence + 3
    assert mean_at(curves, 1.25) == pytest.approx(curves[0].at(1.25), abs=0.05)


def test_without_points_the_curve_is_zero() -> None:
    curve = SmoothCurve([], partial(kernel, 1.0))
    assert (curve.at(1.0), mean_at([curve], 1.0)) == (0.0, 0.0)
