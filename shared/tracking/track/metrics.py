"""Compute presence, gaps and the measures of a track, as the contract defines them.

A point stands for one sample period: [t, t + 1 / sample_fps), cut at the recording's end. Points one sample period
apart form one presence. A gap is the time between two presences. The time before the first and after the last presence
is absence and no gap; so is a recording without any presence.

Apart from the merge, because it is pure arithmetic on points.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

Interval = tuple[float, float]

_APART_PERIODS = 1.5
"""Points more than this many sample periods apart belong to two presences. They are 1 or at least 2 apart."""


class Point(Protocol):
    """The centre of the instructor's box in fractions of the frame."""

    @property
    def time_sec(self) -> float: ...

    @property
    def x(self) -> float: ...

    @property
    def y(self) -> float: ...


@dataclass(frozen=True, slots=True)
class TrackMetrics:
    """Measures of a track."""

    coverage_percent: float
    """Share of the recording's time with the instructor present."""
    gaps_count: int
    longest_gap_sec: float
    total_distance: float
    """In frame widths."""
    jitter: float
    """In frame widths."""


def presence_of(points: Sequence[Point], sample_fps: float, duration_sec: float) -> tuple[Interval, ...]:
    """Return the intervals [start, end] in seconds in which the instructor is present; `points` are in order."""
    return tuple(
        (run[0].time_sec, min(run[-1].time_sec + 1 / sample_fps, duration_sec)) for run in _runs(points, sample_fps)
    )


def gaps_of(presence: Sequence[Interval]) -> tuple[Interval, ...]:
    """Return the intervals in seconds between one presence and the next."""
    return tuple((before[1], after[0]) for before, after in pairwise(presence))


def derive_metrics(
    points: Sequence[Point], *, width: int, height: int, sample_fps: float, duration_sec: float
) -> TrackMetrics:
    """Return the measures of a track; interpolated points count as observed ones do.

    Ways are in frame widths: a way down the frame counts `height` ÷ `width` times its fraction of the frame.

    - coverage: length of all presences ÷ `duration_sec` × 100; 0 for a recording without length.
    - total distance: the sum of the straight ways from each point to the next within a presence. Gaps are not crossed,
      because the way there is unknown.
    - jitter: the root mean square of |p[i-1] - 2 p[i] + p[i+1]| over all three neighbouring points within a presence; 0
      if there are none.

    Raise ValueError if `width` or `height` (of the frame, in pixels) is not positive.
    """
    if width <= 0 or height <= 0:
        raise ValueError(f"the frame is {width} by {height}")
    scale = height / width
    presence = presence_of(points, sample_fps, duration_sec)
    gaps = [end - start for start, end in gaps_of(presence)]
    distances: list[float] = []
    squares: list[float] = []
    for run in _runs(points, sample_fps):
        distances += [math.hypot(b.x - a.x, (b.y - a.y) * scale) for a, b in pairwise(run)]
        squares += [
            (a.x - 2 * b.x + c.x) ** 2 + ((a.y - 2 * b.y + c.y) * scale) ** 2
            for a, b, c in zip(run, run[1:], run[2:], strict=False)
        ]
    present = math.fsum(end - start for start, end in presence)
    return TrackMetrics(
        coverage_percent=min(100.0, 100.0 * present / duration_sec) if duration_sec > 0 else 0.0,
        gaps_count=len(gaps),
        longest_gap_sec=max(gaps, default=0.0),
        total_distance=math.fsum(distances),
        jitter=math.sqrt(math.fsum(squares) / len(squares)) if squares else 0.0,
    )


def _runs(points: Sequence[Point], sample_fps: float) -> list[Sequence[Point]]:
    """Return the points cut wherever a sample is missing between two."""
    breaks = [
        n + 1 for n, (a, b) in enumerate(pairwise(points)) if b.time_sec - a.time_sec > _APART_PERIODS / sample_fps
    ]
    bounds = [0, *breaks, len(points)]
    return [points[start:end] for start, end in pairwise(bounds) if end > start]
