"""What every detector of people offers; a detector looks at one frame and remembers none before it.

That each frame is judged alone is what lets a recording be cut into parts anywhere without changing the result.
"""

from typing import Protocol

from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Detection


class Detector(Protocol):
    """Finds the people in one frame."""

    @property
    def name(self) -> str:
        """The detector's name, which its detections carry as `source`."""

    @property
    def version(self) -> str:
        """Changes whenever the same frame may give other detections."""

    def detect(self, frame: SampledFrame) -> tuple[Detection, ...]:
        """The people in `frame`, the likeliest first."""
