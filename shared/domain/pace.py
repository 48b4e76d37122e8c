"""Learn how long a kind of work takes for a recording of some length, from the latest jobs of the kind.

By how much jobs took longer than a line says is a smooth curve over length and number of parts: no line is right
everywhere, for the parts of a long recording share the workers. The range is what four in five of the latest
expectations were within. See docs/decisions/0038-estimates.md.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from shared.domain.expectation import Expectation
from shared.domain.smooth_curve import Point, SmoothCurve, mean_at
from shared.domain.work_kinds import Line, default_line

KEPT_SHARE = 0.97
"""The share of its weight that a job keeps with each later one."""

MAX_LESSONS = 24
"""How many of the latest jobs are kept."""

NOISE = 0.1
"""By how much jobs that are alike differ, as the standard deviation of the logarithm of their durations."""

MACHINE_DEVIATION = 3.0
"""How far the logarithm of real durations may be from the line, for recordings of all lengths."""

SHAPE_DEVIATION, SHAPE_REACH = 0.4, 2.0
"""How far it may be from that at some lengths, and over which difference of the logarithm of lengths it changes."""

LOCAL_DEVIATIONS, LOCAL_REACH = (0.03, 0.25), 0.25
"""The same between lengths that are near each other: little, or much; the jobs tell."""

PARTS_DEVIATION, PARTS_REACH = 0.5, 0.7
"""The same for the logarithm of the number of parts: it is not known how many workers share them."""

DEFAULT_SPREAD = 0.5
"""The standard deviation of the logarithm of real over expected duration while nothing was learned."""

FIRST_SPREAD = 0.3
"""The spread that counts as one more job once something was learned: few jobs tell little of it."""

MIN_SPREAD = 0.06
MAX_SPREAD = 1.5

RANGE_SPREADS = 1.28
"""So many standard deviations to either side hold four in five of a normal distribution."""

RANGE_SHARE = 0.8

_SCALE_SEC = 5.0
"""The length from which on lengths count as shares: those of shorter recordings count in seconds."""

_MIN_SEC = 0.05

_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Extent:
    """How much work there is."""

    recording_sec: float
    parts: int = 1
    """In how many parts workers can share it."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one job took."""

    extent: Extent
    took_sec: float
    """Without the loading of modules and models."""

    expected_sec: float | None
    """How long it had been expected to take, loading included; None where nothing had been learned before."""

    loading_sec: float = 0.0
    """How long it waited for modules and models to be loaded."""

    def to_line(self) -> str:
        """Return the lesson as one line of a stored text."""
        expected = "-" if self.expected_sec is None else f"{self.expected_sec:.3f}"
        return (
            f"{self.extent.recording_sec:.3f} {self.took_sec:.3f} {expected} {self.extent.parts} {self.loading_sec:.3f}"
        )

    @classmethod
    def from_line(cls, line: str) -> "Lesson":
        """Read `to_line`, or a line of an earlier release without the loading, the parts or what was expected.

        Raise ValueError for what no job can have taken.
        """
        length, took, *more = line.split()
        expected = float(more[0]) if more and more[0] != "-" else None
        parts, loading_sec = int(more[1]) if len(more) > 1 else 1, float(more[2]) if len(more) > 2 else 0.0
        lesson = cls(Extent(float(length), parts), float(took), expected, loading_sec)
        if not all(0 < each < math.inf for each in (lesson.took_sec, lesson.expected_sec or 1.0)):
            raise ValueError("a duration is not above zero")
        if not all(0 <= each < math.inf for each in (lesson.extent.recording_sec, lesson.loading_sec)):
            raise ValueError("a length or the loading is below zero")
        if lesson.extent.parts < 1:
            raise ValueError("there are no parts")
        return lesson


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What earlier jobs tell of one kind of work."""

    kind: str
    jobs: int = 0
    fixed_sec: float
    """With `rate`, the line from which the lessons set out."""

    rate: float
    spread: float = DEFAULT_SPREAD
    """The spread while there are no lessons."""

    lessons: tuple[Lesson, ...] = ()
    """The latest jobs, the last one at the end."""

    @classmethod
    def default(cls, kind: str) -> "Pace":
        """Return the pace of work of which nothing was learned."""
        line = default_line(kind)
        return cls(kind=kind, fixed_sec=line.fixed_sec, rate=line.rate)

    def expect(self, extent: Extent) -> Expectation:
        """Return how long so much work is expected to take."""
        points = [
            Point(lesson.extent, math.log(lesson.took_sec / self._line_at(lesson.extent)), NOISE / math.sqrt(weight))
            for lesson, weight in self._aged()
        ]
        curves = [SmoothCurve(points, partial(_covariance, local)) for local in LOCAL_DEVIATIONS]
        sec = self._line_at(extent) * math.exp(mean_at(curves, extent)) + self._loading_sec()
        return Expectation(kind=self.kind, sec=max(_MIN_SEC, sec), spread=self._spread(), jobs=self.jobs)

    def learn(self, extent: Extent, took_sec: float, expected_sec: float | None, loading_sec: float = 0.0) -> "Pace":
        """Return the pace after one more job; `expected_sec` is None where nothing had been learned before it began."""
        lesson = Lesson(extent, max(took_sec, _MIN_SEC), expected_sec, loading_sec)
        return replace(self, jobs=self.jobs + 1, lessons=(*self.lessons, lesson)[-MAX_LESSONS:])

    def _line_at(self, extent: Extent) -> float:
        return max(_MIN_SEC, Line(self.fixed_sec, self.rate).at(extent.recording_sec))

    def _aged(self) -> Iterable[tuple[Lesson, float]]:
        """Return the lessons with their weights, the latest first."""
        return ((lesson, KEPT_SHARE**age) for age, lesson in enumerate(reversed(self.lessons)))

    def _loading_sec(self) -> float:
        """Return what most of the latest jobs waited for loading, in seconds.

        It is nothing where workers keep their models, and all of it where each job finds a new worker.
        One job that did not wait is added, because the first job of a worker always waits.
        """
        return _quantile([(0.0, 1.0), *((lesson.loading_sec, weight) for lesson, weight in self._aged())], 0.5)

    def _spread(self) -> float:
        """Return the spread that makes the range as wide as four in five of the latest expectations needed."""
        if not self.lessons:
            return min(MAX_SPREAD, max(MIN_SPREAD, self.spread))
        errors = [(FIRST_SPREAD * RANGE_SPREADS, 1.0)]
        for lesson, weight in self._aged():
            if lesson.expected_sec is not None:
                real_sec = lesson.took_sec + lesson.loading_sec
                errors.append((abs(math.log(real_sec / lesson.expected_sec)), weight))
        return min(MAX_SPREAD, max(MIN_SPREAD, _quantile(errors, RANGE_SHARE) / RANGE_SPREADS))


def _covariance(local_deviation: float, one: Extent, other: Extent) -> float:
    """Return how much the distance from the line at one extent tells of that at another."""
    lengths = math.log((_SCALE_SEC + one.recording_sec) / (_SCALE_SEC + other.recording_sec))
    parts = math.log(one.parts / other.parts)
    return (
        MACHINE_DEVIATION**2
        + _nearness(SHAPE_DEVIATION, lengths / SHAPE_REACH)
        + _nearness(local_deviation, lengths / LOCAL_REACH)
        + _nearness(PARTS_DEVIATION, parts / PARTS_REACH)
    )


def _nearness(deviation: float, distance: float) -> float:
    return deviation**2 * math.exp(-(distance**2) / 2)


def _quantile(weighted: Iterable[tuple[float, float]], share: float) -> float:
    """Return the smallest value up to which at least this share of the weight lies."""
    ordered = sorted(weighted)
    wanted = share * sum(weight for _, weight in ordered) * (1 - _TINY)
    reached = 0.0
    for value, weight in ordered:
        reached += weight
        if reached >= wanted:
            return value
    return ordered[-1][0]
