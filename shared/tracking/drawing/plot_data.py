"""Define the track as a dashboard draws it (`track-plot.json`, v1): a heat map, and x over time.

Neighbouring points share a bin, so that a recording of hours has no more numbers than one of minutes. Apart from the
charts, so that the API can describe it without a media library.
"""

import math
from collections.abc import Iterator
from itertools import groupby
from typing import Literal

from shared.domain.payload import Payload
from shared.tracking.payload import InstructorTracking, TrackPointPayload

COLUMNS = 64
"""Number of the heat map's cells across the picture; as many rows make them square."""

MAX_BINS = 1500
"""Most bins of a plot."""


class HeatMap(Payload):
    """Seconds that the instructor's centre spent in each cell of a grid over the picture, by row from the top."""

    columns: int
    rows: int
    seconds: tuple[tuple[float, ...], ...]


class PositionBin(Payload):
    """Horizontal position of the instructor in the `binSec` seconds from `t` on: mean, and range. Gaps have no bins."""

    t: float
    x: float
    min_x: float
    max_x: float


class TrackPlot(Payload):
    """`track-plot.json`. Positions are fractions of the frame's width, from the left."""

    version: Literal["v1"] = "v1"
    session_id: str
    job_id: str
    duration_sec: float
    bin_sec: float
    positions: tuple[PositionBin, ...]
    presence: tuple[tuple[float, float], ...]
    gaps: tuple[tuple[float, float], ...]
    heat_map: HeatMap

    @classmethod
    def of(cls, track: InstructorTracking) -> "TrackPlot":
        """Return the plot of a track."""
        step_sec = 1 / track.source.sample_fps
        bin_sec = step_sec * max(1, math.ceil(track.source.duration_sec / step_sec / MAX_BINS))
        return cls(
            session_id=track.session_id,
            job_id=track.job_id,
            duration_sec=track.source.duration_sec,
            bin_sec=round(bin_sec, 6),
            positions=tuple(_positions(track.track_points, bin_sec)),
            presence=track.presence,
            gaps=track.gaps,
            heat_map=_heat_map(track, step_sec),
        )


def _positions(points: tuple[TrackPointPayload, ...], bin_sec: float) -> Iterator[PositionBin]:
    """Yield the bins of the points."""
    for number, group in groupby(points, lambda point: int(point.t / bin_sec + 1e-6)):
        xs = [point.x for point in group]
        yield PositionBin(t=round(number * bin_sec, 3), x=round(sum(xs) / len(xs), 4), min_x=min(xs), max_x=max(xs))


def _heat_map(track: InstructorTracking, step_sec: float) -> HeatMap:
    """Return the heat map; each point counts `step_sec`."""
    rows = max(1, round(COLUMNS * track.source.height / track.source.width))
    seconds = [[0.0] * COLUMNS for _ in range(rows)]
    for point in track.track_points:
        seconds[min(rows - 1, int(point.y * rows))][min(COLUMNS - 1, int(point.x * COLUMNS))] += step_sec
    return HeatMap(columns=COLUMNS, rows=rows, seconds=tuple(tuple(round(cell, 3) for cell in row) for row in seconds))
