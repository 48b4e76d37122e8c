"""Align pictures of a hand-held camera, so that a plate can be made of them and compared with them.

Corners of the room are followed from one picture into the other (Lucas and Kanade, 1981). The shift, rotation and zoom
that most of them agree on (RANSAC) is the camera's motion; people move otherwise and are outliers. This works while
most of the room stays in the picture. A camera that pans away gives several views, or none.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.detection import Box
from shared.tracking.plate.exposure import Image

Motion = NDArray[np.float64]
"""An affine map (2 × 3) from pixels of a picture to pixels of the room."""

_MAX_CORNERS = 240
"""Most corners that are followed; `maxCorners` of OpenCV's goodFeaturesToTrack."""
_CORNER_QUALITY = 0.01
"""Least quality of a corner, relative to the best one."""
_CORNER_DISTANCE_PX = 7
"""Least distance between two corners."""
_WINDOW_PX = (15, 15)
"""Search window of the optical flow."""
_PYRAMID_LEVELS = 3
"""Levels of the pyramid of the optical flow, each half the size."""
_CORNER_ERROR_PX = 1.5
"""Distance up to which a corner agrees with the motion."""
_MIN_CORNERS = 14
"""Least number of corners that have to agree."""
_MIN_CORNERS_SHARE = 0.3
"""Least share of the corners that have to agree. The rest is on people or outside the picture."""
_ZOOM_RANGE = (0.75, 1.33)
"""Smallest and largest zoom that counts as the same view."""
_MIN_PICTURES_SHARE = 0.8
"""Least share of the pictures that have to be aligned."""
_TRIED = 6
"""Number of pictures tried as the reference."""


class Stabilizer:
    """Aligns pictures with `room` (height × width × 3, 0 to 255)."""

    def __init__(self, room: Image) -> None:
        self._room = room
        self._grey = _grey(room)
        self._corners: Any = cv2.goodFeaturesToTrack(self._grey, _MAX_CORNERS, _CORNER_QUALITY, _CORNER_DISTANCE_PX)

    def motion(self, picture: Image) -> Motion | None:
        """Return the motion from `picture` to the room, or None if too few corners agree."""
        if self._corners is None or len(self._corners) < _MIN_CORNERS:
            return None
        there, found, _ = cv2.calcOpticalFlowPyrLK(
            self._grey, _grey(picture), self._corners, np.empty(0), winSize=_WINDOW_PX, maxLevel=_PYRAMID_LEVELS
        )
        seen = found.ravel() > 0
        if np.count_nonzero(seen) < _MIN_CORNERS:
            return None
        motion, agreeing = cv2.estimateAffinePartial2D(
            there[seen], self._corners[seen], method=cv2.RANSAC, ransacReprojThreshold=_CORNER_ERROR_PX
        )
        if motion is None or np.count_nonzero(agreeing) < max(_MIN_CORNERS, _MIN_CORNERS_SHARE * len(self._corners)):
            return None
        zoom = float(np.hypot(motion[0, 0], motion[1, 0]))
        return np.asarray(motion, np.float64) if _ZOOM_RANGE[0] <= zoom <= _ZOOM_RANGE[1] else None

    def warp(self, picture: Image, motion: Motion) -> Image:
        """Return `picture` as the room's camera would see it, filled up with the room where it shows nothing."""
        height, width = self._room.shape[:2]
        laid = self._room.copy()
        cv2.warpAffine(picture, motion, (width, height), dst=laid, borderMode=cv2.BORDER_TRANSPARENT)
        return laid


def align_pictures(pictures: Sequence[Image]) -> list[Image] | None:
    """Return `pictures` (each height × width × 3) aligned with one of them, or None if that works for too few.

    Of `_TRIED` references the one that most pictures can be aligned with is taken: in some, a person hides the corners.
    """
    best: list[Image] = []
    for stabilizer in map(Stabilizer, pictures[:: -(-len(pictures) // _TRIED)]):
        motions = [stabilizer.motion(picture) for picture in pictures]
        if len(pictures) - sum(motion is None for motion in motions) > len(best):
            pairs = zip(pictures, motions, strict=True)
            best = [stabilizer.warp(picture, motion) for picture, motion in pairs if motion is not None]
    return best if len(best) >= _MIN_PICTURES_SHARE * len(pictures) else None


def box_in_picture(box: Box, motion: Motion, size: tuple[int, int]) -> Box | None:
    """Return where `box` of the room's picture lies in the picture that `motion` leads from, or None if outside.

    Both pictures have the `size` (width, height) in pixels. The box stays upright, since hands rotate a camera little.
    """
    inverse = cv2.invertAffineTransform(motion)
    width, height = size
    middle = (box[0] + box[2] / 2) * width, (box[1] + box[3] / 2) * height
    x, y = (float(row[0] * middle[0] + row[1] * middle[1] + row[2]) for row in inverse)
    zoom = float(np.hypot(inverse[0, 0], inverse[1, 0]))
    half = box[2] * zoom / 2, box[3] * zoom / 2
    left, top = max(0.0, x / width - half[0]), max(0.0, y / height - half[1])
    right, bottom = min(1.0, x / width + half[0]), min(1.0, y / height + half[1])
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None


def _grey(picture: Image) -> NDArray[np.uint8]:
    """Return `picture` in grey, 0 to 255."""
    return np.asarray(cv2.cvtColor(np.clip(picture, 0, 255).astype(np.uint8), cv2.COLOR_BGR2GRAY), np.uint8)
