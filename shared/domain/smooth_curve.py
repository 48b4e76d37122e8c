"""Draw a smooth curve through noisy points, by a Gaussian process that gives little weight to points far from the rest.

Apart from `shared.domain.pace`, because it knows nothing of jobs. Standard library only: two dozen points need no more.
Sources: C. E. Rasmussen, C. K. I. Williams: Gaussian Processes for Machine Learning, 2006, algorithm 2.1; the weights
are those of Student's t distribution (iteratively reweighted least squares).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Generic, TypeVar

Place = TypeVar("Place")
Kernel = Callable[[Place, Place], float]
"""Returns the covariance of the curve at two places."""

_ROUNDS = 5
"""How often the weights of the points follow from the curve, and the curve from the weights."""

_FREEDOM = 4.0
"""The degrees of freedom of Student's t distribution: a point four deviations off has a quarter of its weight."""


@dataclass(frozen=True, slots=True)
class Point(Generic[Place]):
    """A value that was measured at some place."""

    place: Place
    value: float
    deviation: float
    """The standard deviation of its noise."""


class SmoothCurve(Generic[Place]):
    """The expected value at each place; zero far from all points."""

    def __init__(self, points: Sequence[Point[Place]], kernel: Kernel[Place]) -> None:
        """Draw the curve through the points."""
        self._kernel, self._places = kernel, [point.place for point in points]
        self._shares = [0.0] * len(points)
        self.log_evidence = 0.0
        """The logarithm of how likely the points are with this kernel, up to a constant."""

        covariance = [[kernel(one, other) for other in self._places] for one in self._places]
        values = [point.value for point in points]
        noise = [point.deviation**2 for point in points]
        for _ in range(_ROUNDS):
            lower = _decomposed(covariance, noise)
            self._shares = _solve(lower, values)
            self.log_evidence = -_product(values, self._shares) / 2 - sum(math.log(row[-1]) for row in lower)
            errors = [share * each for share, each in zip(self._shares, noise, strict=True)]
            noise = [
                (_FREEDOM * point.deviation**2 + error**2) / (_FREEDOM + 1)
                for point, error in zip(points, errors, strict=True)
            ]

    def at(self, place: Place) -> float:
        """Return the expected value at the place."""
        return sum(share * self._kernel(place, known) for share, known in zip(self._shares, self._places, strict=True))


def mean_at(curves: Sequence[SmoothCurve[Place]], place: Place) -> float:
    """Return the mean of what curves through the same points say of the place, each by its evidence."""
    best = max(curve.log_evidence for curve in curves)
    weights = [math.exp(curve.log_evidence - best) for curve in curves]
    return sum(weight * curve.at(place) for weight, curve in zip(weights, curves, strict=True)) / sum(weights)


def _product(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the sum of the products of the numbers of both, up to the end of the shorter one."""
    product: float = sum(map(mul, left, right))
    return product


def _decomposed(covariance: Sequence[Sequence[float]], noise: Sequence[float]) -> Sequence[Sequence[float]]:
    """Return the rows of Cholesky's lower triangle of the covariance with the noise on its diagonal."""
    lower: list[list[float]] = []
    for number, (values, added) in enumerate(zip(covariance, noise, strict=True)):
        row: list[float] = []
        for value, above in zip(values, lower, strict=False):
            row.append((value - _product(row, above)) / above[-1])
        row.append(math.sqrt(values[number] + added - _product(row, row)))
        lower.append(row)
    return lower


def _solve(lower: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Return x with A x = `right`, where `lower` decomposes A."""
    halfway: list[float] = []
    for row, value in zip(lower, right, strict=True):
        halfway.append((value - _product(row, halfway)) / row[-1])
    solution = halfway
    for number in reversed(range(len(solution))):
        row = lower[number]
        solution[number] /= row[-1]
        for column in range(number):
            solution[column] -= row[column] * solution[number]
    return solution
