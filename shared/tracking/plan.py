"""What the parts of a recording's tracking share: who looks, and which plate holds when; imports no media library."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from shared.domain.warning import About, RecordingWarning
from shared.tracking.payload import FrameBox, Payload, Seconds, StoredWarnings, TrackingDetector

WINDOW_SEC = 900.0
"""A plate is of at most so much of a recording: light, furniture and what hangs on the wall change with time."""

MOVED = RecordingWarning(
    "camera_moved", About.PICTURE, "The camera moved: positions refer to the picture, not to the room."
)

DetectorKind = Literal["plate", "onnx", "fused"]


class PlateOfWindow(Payload):
    """The plate that holds from `start_sec` to `end_sec`, for one view of the room.

    `is_trusted` says whether what differs from it is a person, `is_steadied` that pictures are laid over it first, so
    that without a model it is good enough though the camera moves; `still` is where a person is part of it, `faces`
    where faces are looked for when there is no model.
    """

    name: str
    start_sec: Seconds
    end_sec: Seconds
    is_trusted: bool = True
    is_steadied: bool = False
    still: tuple[tuple[FrameBox, Annotated[float, Field(ge=0.0, le=1.0)]], ...] = ()
    faces: tuple[FrameBox, ...] = ()
    warnings: StoredWarnings = ()

    def only_drawn_upon(self) -> "PlateOfWindow":
        """The same for a model that looks alone: of what there is to be said of the plate, only the camera matters."""
        moved = tuple(warning for warning in self.warnings if warning.code == MOVED.code)
        return self.model_copy(update={"is_trusted": False, "warnings": moved})


class TrackingPlan(Payload):
    """Left by the step that prepares the stage for those that look and merge."""

    version: Literal["v1"] = "v1"
    kind: DetectorKind
    detector: TrackingDetector
    plates: tuple[PlateOfWindow, ...] = ()
    warnings: StoredWarnings = ()

    @property
    def needs_faces(self) -> bool:
        """Whether faces are looked for anywhere."""
        return any(plate.faces for plate in self.plates)

    def plates_at(self, time_sec: float) -> list[PlateOfWindow]:
        """The plates that hold at `time_sec`; where there are none, as past the end, those nearest in time."""

        def away(plate: PlateOfWindow) -> float:
            return max(plate.start_sec - time_sec, time_sec - plate.end_sec, 0.0)

        nearest = min(map(away, self.plates), default=0.0)
        found = [plate for plate in self.plates if away(plate) <= nearest]
        starts = max((plate.start_sec for plate in found), default=0.0)  # at a boundary the later window
        return [plate for plate in found if plate.start_sec == starts]

    def most_used(self, times_sec: Iterable[float]) -> PlateOfWindow:
        """Of the plates of each window's main view, the one that holds at most of `times_sec`; without any, the first.

        Raises ValueError when there is no plate.
        """
        if not self.plates:
            raise ValueError("the plan has no plate")
        used = Counter(self.plates_at(time_sec)[0].name for time_sec in times_sec)
        name = max(used, key=lambda each: used[each], default=self.plates[0].name)
        return next(plate for plate in self.plates if plate.name == name)


def windows(duration_sec: float) -> Sequence[tuple[float, float]]:
    """Equal stretches of a recording that have plates of their own, as (start, end) in seconds."""
    count = max(1, math.ceil(duration_sec / WINDOW_SEC))
    length = duration_sec / count
    return [(n * length, duration_sec if n == count - 1 else (n + 1) * length) for n in range(count)]
