"""Define what a detector returns for one frame, and the interface of every detector.

Apart from the detectors, tracks and result files, which all use it. Imports no media library.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.media.video.frames import SampledFrame

Box = tuple[float, float, float, float]
"""x, y, width and height in fractions of the upright picture; x, y is the top left corner."""


Clothes = tuple[int, int, int, int, int, int]
"""L*, a* and b* of the upper body, then of the lower body, as OpenCV scales them to 0 to 255."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One place where a person may be."""

    box: Box
    """Where the person may be."""
    score: float
    """How likely it is a person, 0 to 1."""
    source: str
    """Name of the detector that found it."""
    clothes: Clothes | None = None
    """Colours of the clothes in the light of the empty room; None if the detector does not tell."""
    moves: float | None = None
    """Share of the box that changed since the sample before; None if that was not measured."""

    @property
    def centre(self) -> tuple[float, float]:
        """Return the centre of the box, x and y in fractions of the picture."""
        x, y, width, height = self.box
        return x + width / 2, y + height / 2


@dataclass(frozen=True, slots=True)
class FrameDetections:
    """All detections of one frame on the sampling grid."""

    index: int
    """Number of the frame on the sampling grid of the recording."""
    time_sec: float
    """Time at which the frame is shown, on the recording's clock."""
    detections: tuple[Detection, ...]
    """The detections, in descending order of score."""
    judged_by: tuple[str, ...] = ("plate",)
    """Names of the detectors that could judge the frame. If there are none, missing detections say nothing of absence.
    """


class Detector(Protocol):
    """Finds the people in one frame, without memory of the frames before it.

    Judging each frame alone is what lets a recording be cut into parts anywhere without changing the result.
    """

    @property
    def name(self) -> str:
        """Return the name that the detections carry as `source`."""

    @property
    def version(self) -> str:
        """Return the version; it changes whenever the same frame may give other detections."""

    def detect(self, frame: "SampledFrame") -> tuple[Detection, ...]:
        """Return the people in `frame`, in descending order of score."""


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    common = shared_area(one, other)
    return common / max(one[2] * one[3] + other[2] * other[3] - common, 1e-12)


def shared_area(one: Box, other: Box) -> float:
    """Return the area of the intersection of two boxes, as a fraction of the picture."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)
