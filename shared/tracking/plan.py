"""Describe the plan of a recording's tracking, which all parts share: the detector, and the plate for each time.

Apart from the detectors, so that the stage can read a plan without a media library.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from shared.domain.options import DetectorKind
from shared.domain.payload import Payload, StoredWarnings
from shared.domain.warning import About, RecordingWarning
from shared.tracking.payload import Fraction, FrameBox, Seconds, TrackingDetector

WINDOW_SEC = 900.0
"""Longest stretch of a recording with one plate. Light, furniture and the walls change over time."""

MIN_WINDOW_SEC = 10.0
"""Shortest stretch with a plate of its own: a window that is dragged changes its size many times in a second."""

MOVED = RecordingWarning(
    "camera_moved", About.PICTURE, "The camera moved: positions refer to the picture, not to the room."
)

Corner = tuple[Fraction, Fraction]
"""x and y."""


class PlateOfWindow(Payload):
    """The plate of one view of the room, for one window of time."""

    name: str
    """Name of the plate's file."""
    start_sec: Seconds
    """Start of the window on the recording's clock."""
    end_sec: Seconds
    """End of the window."""
    is_trusted: bool = True
    """Whether a difference from the plate is a person."""
    is_steadied: bool = False
    """Whether frames are aligned with the plate first. Then it is good enough without a model although the camera
    moves."""
    still: tuple[tuple[FrameBox, Annotated[float, Field(ge=0.0, le=1.0)]], ...] = ()
    """Box and score of each person who is part of the plate."""
    faces: tuple[FrameBox, ...] = ()
    """Where faces are looked for if there is no model."""
    warnings: StoredWarnings = ()
    """Warnings of the plate."""

    def only_drawn_upon(self) -> "PlateOfWindow":
        """Return the plate for a model that detects alone: not trusted, and with no warning but the camera's motion."""
        moved = tuple(warning for warning in self.warnings if warning.code == MOVED.code)
        return self.model_copy(update={"is_trusted": False, "warnings": moved})


class TrackingPlan(Payload):
    """The plan that the first step of the stage writes, for the parts and the merge."""

    version: Literal["v1"] = "v1"
    kind: DetectorKind
    """The kind of detector."""
    detector: TrackingDetector
    """The detector as the result names it."""
    plates: tuple[PlateOfWindow, ...] = ()
    """All plates, in order of time; of one window, the main view first."""
    warnings: StoredWarnings = ()
    """Warnings of the choice of the detector."""
    screen: tuple[Corner, Corner, Corner, Corner] | None = None
    """Corners of the screen that shows slides: top left, top right, bottom right, bottom left, in fractions of the
    picture. None in plans of earlier releases, whose parts look for no slides."""
    screen_is_whole_picture: bool = False
    """Whether no screen was found in the picture, so that the whole picture is looked at."""

    only_referenced: bool = False
    """Whether the parts decode only frames that others refer to; not in plans of earlier releases."""
    keeps_stills: bool = False
    """Whether the parts keep stills for thumbnails and scrubbing; not in plans of earlier releases."""

    @property
    def needs_faces(self) -> bool:
        """Return whether any plate has places at which faces are looked for."""
        return any(plate.faces for plate in self.plates)

    def plates_at(self, time_sec: float) -> list[PlateOfWindow]:
        """Return the plates that hold at `time_sec`, the main view first; if none does, those nearest in time.

        At a boundary of two windows the later one holds.
        """

        def away(plate: PlateOfWindow) -> float:
            return max(plate.start_sec - time_sec, time_sec - plate.end_sec, 0.0)

        nearest = min(map(away, self.plates), default=0.0)
        found = [plate for plate in self.plates if away(plate) <= nearest]
        starts = max((plate.start_sec for plate in found), default=0.0)  # at a boundary the later window
        return [plate for plate in found if plate.start_sec == starts]

    def most_used(self, times_sec: Iterable[float]) -> PlateOfWindow:
        """Return the main plate that holds at most of `times_sec`, or the first plate if there are no times.

        Raise ValueError if the plan has no plate.
        """
        if not self.plates:
            raise ValueError("the plan has no plate")
        used = Counter(self.plates_at(time_sec)[0].name for time_sec in times_sec)
        name = max(used, key=lambda each: used[each], default=self.plates[0].name)
        return next(plate for plate in self.plates if plate.name == name)


def windows(duration_sec: float, resized_sec: Sequence[float] = ()) -> Sequence[tuple[float, float]]:
    """Return stretches of a recording that have plates of their own, as (start, end) in seconds.

    They are equal, and end where the picture's size changes, unless one would be shorter than `MIN_WINDOW_SEC`.
    """
    count = max(1, math.ceil(duration_sec / WINDOW_SEC))
    length = duration_sec / count
    cuts = [0.0]
    for cut_sec in sorted((*(n * length for n in range(1, count)), *resized_sec)):
        if cut_sec - cuts[-1] >= MIN_WINDOW_SEC and duration_sec - cut_sec >= MIN_WINDOW_SEC:
            cuts.append(cut_sec)
    return list(pairwise((*cuts, duration_sec)))
