"""What the parts of a recording's tracking share: who looks, and which plate holds when; imports no media library."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from shared.tracking.payload import FrameBox, Payload, Seconds, TrackingDetector

WINDOW_SEC = 900.0
"""A plate is of at most so much of a recording: light, furniture and what hangs on the wall change with time."""

DetectorKind = Literal["plate", "onnx", "fused"]


class PlateOfWindow(Payload):
    """The plate that holds from `start_sec` to `end_sec`, for one view of the room.

    `is_trusted` says whether what differs from it is a person; `still` is where a person is part of it.
    """

    name: str
    start_sec: Seconds
    end_sec: Seconds
    is_trusted: bool = True
    still: tuple[tuple[FrameBox, Annotated[float, Field(ge=0.0, le=1.0)]], ...] = ()
    warnings: tuple[str, ...] = ()


class TrackingPlan(Payload):
    """Left by the step that prepares the stage for those that look and merge."""

    version: Literal["v1"] = "v1"
    kind: DetectorKind
    detector: TrackingDetector
    plates: tuple[PlateOfWindow, ...] = ()
    warnings: tuple[str, ...] = ()

    def plates_at(self, time_sec: float) -> list[PlateOfWindow]:
        """The plates that hold at `time_sec`; where there are none, as past the end, those nearest in time."""

        def away(plate: PlateOfWindow) -> float:
            return max(plate.start_sec - time_sec, time_sec - plate.end_sec, 0.0)

        nearest = min(map(away, self.plates), default=0.0)
        found = [plate for plate in self.plates if away(plate) <= nearest]
        starts = max((plate.start_sec for plate in found), default=0.0)  # at a boundary the later window
        return [plate for plate in found if plate.start_sec == starts]


def windows(duration_sec: float) -> Sequence[tuple[float, float]]:
    """Equal stretches of a recording that have plates of their own, as (start, end) in seconds."""
    count = max(1, math.ceil(duration_sec / WINDOW_SEC))
    length = duration_sec / count
    return [(n * length, duration_sec if n == count - 1 else (n + 1) * length) for n in range(count)]
