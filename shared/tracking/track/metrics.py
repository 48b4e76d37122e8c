"""When the instructor is there and the track in numbers, exactly as the contract defines them. Pure arithmetic.

A point stands for one sample period: [t, t + 1 / sample_fps), cut at the recording's end. Points a sample period apart
make one presence. A gap is the time between two presences; the time before the first and after the last is absence and
no gap, and so is a recording in which nobody was seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

Interval = tuple[float, float]

_APART = 1.5
"""Points more than this many sample periods apart belong to two presences (they are 1 or at least 2 apart)."""


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
    """`coverage_percent` of the recording's time, `total_distance` and `jitter` in frame widths."""

    coverage_percent: float
    gaps_count: int
    longest_gap_sec: float
    total_distance: float
    jitter: float


def presence_of(points: Sequence[Point], sample_fps: float, duration_sec: float) -> tuple[Interval, ...]:
    """The intervals [start, end] in which the instructor is there, from points on the sampling grid, in order."""
    return tuple(
        (run[0].time_sec, min(run[-1].time_sec + 1 / sample_fps, duration_sec)) for run in _runs(points, sample_fps)
    )


def gaps_of(presence: Sequence[Interval]) -> tuple[Interval, ...]:
    """The intervals between one presence and the next."""
    return tuple((before[1], after[0]) for before, after in pairwise(presence))


def derive_metrics(
    points: Sequence[Point], *, width: int, height: int, sample_fps: float, duration_sec: float
) -> TrackMetrics:
    """The track in numbers, interpolated points counting as observed ones do; `width` and `height` of the frame.

    - coverage: length of all presences ÷ `duration_sec` × 100; 0 for a recording without length.
    - total distance: the sum of the straight ways from each point to the next within a presence. A gap is not crossed:
      nobody knows the way there.
    - jitter: the root mean square of |p[i-1] - 2 p[i] + p[i+1]| over all three neighbouring points within a presence;
      0 where there are none.

    Ways are in frame widths: a way down the frame counts `height` ÷ `width` times its fraction of the frame.
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
    """The points cut wherever one is missing between two."""
    breaks = [n + 1 for n, (a, b) in enumerate(pairwise(points)) if b.time_sec - a.time_sec > _APART / sample_fps]
    bounds = [0, *breaks, len(points)]
    return [points[start:end] for start, end in pairwise(bounds) if end > start]
