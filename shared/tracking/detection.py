"""What a detector says of one frame; knows nothing of how it was found, of tracks or of result files."""

from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""x, y, width and height in fractions of the upright picture; x, y is the top left corner."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One place where a person may be; `score` runs from 0 to 1, `source` names the detector."""

    box: Box
    score: float
    source: str

    @property
    def centre(self) -> tuple[float, float]:
        x, y, width, height = self.box
        return x + width / 2, y + height / 2


@dataclass(frozen=True, slots=True)
class FrameDetections:
    """All detections of the frame at `index` on the sampling grid, shown `time_sec` into the recording.

    `judged_by` names the detectors that looked at it and could tell: a frame judged by none says nothing of absence.
    """

    index: int
    time_sec: float
    detections: tuple[Detection, ...]
    judged_by: tuple[str, ...] = ("plate",)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    common = shared_area(one, other)
    return common / max(one[2] * one[3] + other[2] * other[3] - common, 1e-12)


def shared_area(one: Box, other: Box) -> float:
    """The area that two boxes have in common."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)
