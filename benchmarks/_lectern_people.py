"""Cut people out of the shared clip for `lectern.py`: several poses of each, without the wall behind them.

Apart from the rooms, because a cut-out depends on the clip alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.tracking_scenes import CutOut, cut_out

Floats = NDArray[np.float32]

POSES = 4
"""Poses of each person."""
_LIKE_ROOM_STEPS = 12.0
"""A pixel nearer than this to the room in another light is the room's."""
_LEAST_LIGHT_SHARE = 0.82
"""A darker pixel is no part of the wall."""
_REACH_PX = 6


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """A person at one moment, upright, cropped to them."""

    bgr: Floats
    """Height × width × 3, 0 to 255."""
    share: Floats
    """How much of each pixel is the person's, 0 to 1, height × width."""


def people() -> tuple[Floats, list[list[Pose]]]:
    """Return the clip's empty room, and the cleanest poses of each of its people."""
    room, cuts = cut_out()
    return room, [_cleanest([_pose(cut, room) for cut in of_person]) for of_person in cuts]


def _cleanest(poses: Sequence[Pose]) -> list[Pose]:
    """Return the poses with the size that most have."""
    widths = np.array([pose.share.shape[1] for pose in poses])
    order = np.argsort(np.abs(widths - np.median(widths)), kind="stable")
    return [poses[at] for at in sorted(order[:POSES])]


def _pose(cut: CutOut, room: Floats) -> Pose:
    """Return `cut` without what is only the room in another light."""
    light = cut.picture.sum(axis=2, keepdims=True) / (room.sum(axis=2, keepdims=True) + 1)
    like_room = np.abs(cut.picture - np.clip(light, _LEAST_LIGHT_SHARE, 1.3) * room).max(axis=2) < _LIKE_ROOM_STEPS
    inside = cut.share > 0.5
    person = (inside & ~like_room).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8)).astype(np.uint8)
    outlines, _ = cv2.findContours(person, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(person, outlines, -1, 1, cv2.FILLED)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(person)
    at = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    left, top, across, down = (int(value) for value in stats[at][:4])
    kept = np.s_[max(0, top - _REACH_PX) : top + down, max(0, left - _REACH_PX) : left + across + _REACH_PX]
    share = cv2.GaussianBlur((parts == at).astype(np.float32), (5, 5), 0)
    return Pose(np.asarray(cut.picture[kept], np.float32), np.asarray(share[kept], np.float32))
