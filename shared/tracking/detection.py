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
    """All detections of the frame at `index` on the sampling grid, shown `time_sec` into the recording."""

    index: int
    time_sec: float
    detections: tuple[Detection, ...]
