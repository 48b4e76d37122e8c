"""Define the result of tracking (`instructor-tracking.json`, v1) and the file of one part.

Apart from the tracking itself, so that clients and the API can read a track without a media library.

Boxes and points are fractions of the frame, times are seconds on the recording's clock. Numbers are rounded when a
model is made, so that computed and re-read values are the same. A track with times out of order or outside the
recording cannot be made.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from shared.domain.payload import (
    Payload,
    RoundedFraction,
    RoundedSeconds,
    StoredWarnings,
    WarningDetails,
    decimals,
)
from shared.domain.warning import RecordingWarning
from shared.tracking.detection import Detection, FrameDetections

_EDGE_SHARE = 1e-3
"""A box may pass the frame's edge by this much, from rounding, and is cut there."""


Seconds = RoundedSeconds
Fraction = RoundedFraction
Coordinate = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False), decimals(5)]
"""Half of a box's width needs a decimal more: a centre is exactly that of the box beside it."""


def _inside_frame(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Cut a box at the frame's edge. Raise ValueError if it passes the edge by more than `_EDGE_SHARE`."""
    x, y, width, height = box
    if x + width > 1.0 + _EDGE_SHARE or y + height > 1.0 + _EDGE_SHARE:
        raise ValueError(f"the box {list(box)} passes the frame's edge")
    return x, y, min(width, round(1.0 - x, 4)), min(height, round(1.0 - y, 4))


FrameBox = Annotated[tuple[Fraction, Fraction, Fraction, Fraction], AfterValidator(_inside_frame)]
"""x, y, width, height; x, y is the top left corner."""
Level = Annotated[int, Field(ge=0, le=255)]


def _in_order(intervals: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    """Return `intervals`. Raise ValueError if one ends before it starts, or starts before the end of the one before."""
    at = 0.0
    for start, end in intervals:
        if start < at or end < start:
            raise ValueError(f"the interval [{start}, {end}] is not in order")
        at = end
    return intervals


Intervals = Annotated[tuple[tuple[Seconds, Seconds], ...], AfterValidator(_in_order)]
"""[start, end] pairs in order, none overlapping another."""


class TrackingSource(Payload):
    """The picture that was analysed, and the rate of the samples."""

    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    fps: Annotated[float, Field(ge=0.0, allow_inf_nan=False), decimals(3)]
    duration_sec: Seconds
    sample_fps: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class TrackingDetector(Payload):
    """The detector that found the people."""

    name: str
    version: str
    model: str | None = None


class DetectionPayload(Payload):
    """One place where a person may be."""

    box: FrameBox
    score: Fraction
    source: str


class FramePayload(Payload):
    """All detections of one sample. An empty list means that the frame was analysed and no person was found."""

    t: Seconds
    detections: tuple[DetectionPayload, ...]


class TrackPointPayload(Payload):
    """A position of the instructor: `x`, `y` is the box's centre. Interpolated points stand only in gaps of 2 s or
    less."""

    t: Seconds
    x: Coordinate
    """The box's centre."""
    y: Coordinate
    box: FrameBox
    confidence: Fraction
    state: Literal["observed", "interpolated"]


class DerivedMetrics(Payload):
    """Measures of the track; `totalDistance` and `jitter` are in frame widths."""

    coverage_percent: Annotated[float, Field(ge=0.0, le=100.0), decimals(3)]
    """Share of the recording's time with the instructor present."""
    gaps_count: Annotated[int, Field(ge=0)]
    longest_gap_sec: Seconds
    total_distance: Annotated[float, Field(ge=0.0, allow_inf_nan=False), decimals(4)]
    """Length of the way within presences, in frame widths."""
    jitter: Annotated[float, Field(ge=0.0, allow_inf_nan=False), decimals(6)]
    """Root mean square of the second differences, in frame widths."""


class InstructorTracking(Payload):
    """`instructor-tracking.json`. A gap lies between two presences; the time before the first and after the last is
    absence."""

    version: Literal["v1"] = "v1"
    session_id: str
    job_id: str
    source: TrackingSource
    detector: TrackingDetector
    frame_detections: tuple[FramePayload, ...]
    track_points: tuple[TrackPointPayload, ...]
    presence: Intervals
    gaps: Intervals
    derived_metrics: DerivedMetrics
    warnings: tuple[str, ...]
    warning_details: WarningDetails = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_times("frame", [frame.t for frame in self.frame_detections], self.source.duration_sec)
        _check_times("track point", [point.t for point in self.track_points], self.source.duration_sec)
        if self.presence and self.presence[-1][1] > self.source.duration_sec:
            raise ValueError(f"the presence passes the recording's end at {self.source.duration_sec} s")
        if self.gaps != tuple((before[1], after[0]) for before, after in pairwise(self.presence)):
            raise ValueError("the gaps are not what lies between the presences")
        if self.derived_metrics.gaps_count != len(self.gaps):
            raise ValueError(f"{self.derived_metrics.gaps_count} gaps are counted and {len(self.gaps)} are listed")
        return self


def _check_times(what: str, times: Sequence[float], duration_sec: float) -> None:
    """Raise ValueError if `times` are out of order or pass `duration_sec`."""
    for before, after in pairwise(times):
        if after <= before:
            raise ValueError(f"the {what} at {after} does not come after the one at {before}")
    if times and times[-1] > duration_sec:
        raise ValueError(f"the {what} at {times[-1]} s passes the recording's end at {duration_sec} s")


class PartDetection(DetectionPayload):
    """A detection with what the merge needs beyond the result."""

    clothes: tuple[Level, Level, Level, Level, Level, Level] | None = Field(
        default=None, exclude_if=lambda clothes: clothes is None
    )
    """Colours of upper and lower body; not in the parts of earlier releases."""
    moves: Fraction | None = Field(default=None, exclude_if=lambda moves: moves is None)
    """Share of the box that moved; not in the parts of earlier releases."""


class PartFrame(FramePayload):
    """A frame with its number on the sampling grid, which the merge sorts by."""

    detections: tuple[PartDetection, ...]
    index: Annotated[int, Field(ge=0)]
    judged_by: tuple[str, ...] = ("plate",)
    """Names of the detectors that could judge the frame."""

    @classmethod
    def of(cls, frame: FrameDetections) -> Self:
        """Return the frame in the form that a part writes."""
        detections = tuple(
            PartDetection(box=each.box, score=each.score, source=each.source, clothes=each.clothes, moves=each.moves)
            for each in frame.detections
        )
        return cls(index=frame.index, t=frame.time_sec, detections=detections, judged_by=frame.judged_by)

    def to_frame_detections(self) -> FrameDetections:
        """Return the frame in the form that the association reads, rounded as it was written."""
        found = tuple(
            Detection(each.box, each.score, each.source, each.clothes, each.moves) for each in self.detections
        )
        return FrameDetections(self.index, self.t, found, self.judged_by)


class TrackingPart(Payload):
    """The file of one part: what was found at its samples, and how much each sample differs from the one before."""

    version: Literal["v1"] = "v1"
    part: Annotated[int, Field(ge=0)]
    """Number of the part, from 0."""
    start_index: Annotated[int, Field(ge=0)]
    """First sample of the part on the recording's grid."""
    end_index: Annotated[int, Field(ge=0)]
    """End of its samples, exclusive."""
    frames: tuple[PartFrame, ...]
    scene_scores: tuple[tuple[Seconds, Annotated[float, Field(allow_inf_nan=False), decimals(4)]], ...]
    """Time in seconds and score of each pair of neighbouring samples."""
    warnings: StoredWarnings = ()

    @model_validator(mode="after")
    def _frames_inside(self) -> Self:
        at = self.start_index
        for frame in self.frames:
            if frame.index < at:
                raise ValueError(f"frame {frame.index} of part {self.part} comes after {at - 1} or before its start")
            at = frame.index + 1
        if at > self.end_index:
            raise ValueError(f"part {self.part} ends before {self.end_index} and holds frame {at - 1}")
        return self

    @classmethod
    def of(
        cls,
        part: int,
        frames: Sequence[FrameDetections],
        scene_scores: Iterable[tuple[float, float]] = (),
        *,
        samples: range | None = None,
        warnings: Iterable[RecordingWarning] = (),
    ) -> Self:
        """Return the file of a part.

        `samples` are the indices that the part owns; by default, those from its first frame to its last.
        """
        if samples is None:
            samples = range(frames[0].index, frames[-1].index + 1) if frames else range(0)
        return cls(
            part=part,
            start_index=samples.start,
            end_index=max(samples.start, samples.stop),
            frames=tuple(PartFrame.of(frame) for frame in frames),
            scene_scores=tuple(scene_scores),
            warnings=tuple(warnings),
        )

    def to_frames(self) -> list[FrameDetections]:
        """Return the frames in the form that the association reads."""
        return [frame.to_frame_detections() for frame in self.frames]
