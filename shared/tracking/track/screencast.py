"""Leave out what is written on a screen from the people of a screencast.

Apart from `candidates.py`, which selects people in a room. A screencast has no lecturer but in the inset of a camera.
The plate sees code that is typed, a menu, or a page that was scrolled as a difference of a person's size.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from shared.tracking.detection import Detection, FrameDetections, overlap
from shared.tracking.track.confidence import SURE

_AROUND_SEC = 5.0
"""Time each way in which something at the place of a detection has to move."""
_SAME_PLACE_IOU = 0.3
"""Intersection over union from which two boxes are at the same place."""
_MOVES_SHARE = 0.05
"""Share of a box that moves in most samples at 2 a second: 0.3 to 0.9 with a person, at most 0.03 where letters are
typed. In a longer time more is typed, and in a shorter time a person moves less."""
_MOST_MOVES_SHARE = 0.2
"""The same for the slowest samples: a person does not move in more of their box because more time went by."""
_ROOM_SHARE = 0.3
"""In a room, at least this share of the samples with a detection has one that moves."""
_ROOM_WAY = 0.2
"""In a room, detections that move are spread this far over the width; in a camera's inset they are in one place."""


def leave_out_writing(frames: Sequence[FrameDetections], sample_fps: float) -> list[FrameDetections]:
    """Return `frames` without detections of the plate at places where nothing moves in most samples around.

    Where people walk, the picture is of a room, however little noise it has: they may stand still there.
    """
    around = max(1, round(_AROUND_SEC * sample_fps))
    least = min(_MOST_MOVES_SHARE, _MOVES_SHARE * 2 / sample_fps)
    kept = []
    for n, frame in enumerate(frames):
        near = frames[max(0, n - around) : n + around + 1]
        kept.append(replace(frame, detections=tuple(each for each in frame.detections if _may_live(each, near, least))))
    return list(frames) if _people_walk(frames, kept) else kept


def _people_walk(frames: Sequence[FrameDetections], lively: Sequence[FrameDetections]) -> bool:
    """Return whether detections that move are in many of the frames that have any, and at places far apart."""
    some = sum(any(each.score >= SURE for each in frame.detections) for frame in frames)
    places = [[each.centre[0] for each in frame.detections if each.score >= SURE] for frame in lively]
    if sum(map(bool, places)) < max(1, _ROOM_SHARE * some):
        return False
    at = sorted(place for of_frame in places for place in of_frame)
    return at[int(len(at) * 0.9)] - at[int(len(at) * 0.1)] > _ROOM_WAY


def _may_live(detection: Detection, near: Sequence[FrameDetections], least: float) -> bool:
    """Return whether another detector told of a person, or at least `least` of the place moves in most samples."""
    if detection.source != "plate":
        return True
    moves = [
        each.moves
        for frame in near
        for each in frame.detections
        if each.moves is not None and overlap(each.box, detection.box) >= _SAME_PLACE_IOU
    ]
    return not moves or median(moves) >= least
