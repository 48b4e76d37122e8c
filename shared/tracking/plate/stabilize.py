"""Lays pictures of a camera that is held by hand over each other, so that a plate can be made of them and used.

Corners of the room are followed from one picture into the other (Lucas and Kanade, 1981), and the shift, turn and zoom
that most of them agree on (RANSAC) is what the camera did: people move otherwise, and have no say. It works as long as
most of the room stays in the picture; a camera that pans away has views, or none.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.detection import Box
from shared.tracking.plate.exposure import Image

Motion = NDArray[np.float64]
"""2 × 3: where in the room's picture a pixel of another picture is."""

_CORNERS, _QUALITY, _APART = 240, 0.01, 7
_WINDOW, _LEVELS = (15, 15), 3
_OFF = 1.5  # pixels by which a corner may be off
_MIN_CORNERS = 14
_MIN_SHARE = 0.3  # of the corners: others are on people, or left the picture
_ZOOM = (0.75, 1.33)
_MIN_PICTURES = 0.8
_TRIED = 6


class Steadier:
    """Finds what leads from any picture to `room` (height × width × 3)."""

    def __init__(self, room: Image) -> None:
        self._room = room
        self._grey = _grey(room)
        self._corners: Any = cv2.goodFeaturesToTrack(self._grey, _CORNERS, _QUALITY, _APART)

    def motion(self, picture: Image) -> Motion | None:
        """What leads from `picture` to the room; None where too few corners agree."""
        if self._corners is None or len(self._corners) < _MIN_CORNERS:
            return None
        there, found, _ = cv2.calcOpticalFlowPyrLK(
            self._grey, _grey(picture), self._corners, np.empty(0), winSize=_WINDOW, maxLevel=_LEVELS
        )
        seen = found.ravel() > 0
        if np.count_nonzero(seen) < _MIN_CORNERS:
            return None
        motion, agreeing = cv2.estimateAffinePartial2D(
            there[seen], self._corners[seen], method=cv2.RANSAC, ransacReprojThreshold=_OFF
        )
        if motion is None or np.count_nonzero(agreeing) < max(_MIN_CORNERS, _MIN_SHARE * len(self._corners)):
            return None
        zoom = float(np.hypot(motion[0, 0], motion[1, 0]))
        return np.asarray(motion, np.float64) if _ZOOM[0] <= zoom <= _ZOOM[1] else None

    def laid_over(self, picture: Image, motion: Motion) -> Image:
        """`picture` as the room's camera would see it; where it shows nothing, the room."""
        height, width = self._room.shape[:2]
        laid = self._room.copy()
        cv2.warpAffine(picture, motion, (width, height), dst=laid, borderMode=cv2.BORDER_TRANSPARENT)
        return laid


def steadied(pictures: Sequence[Image]) -> list[Image] | None:
    """`pictures` (each height × width × 3) laid over one of them; None when that works for too few.

    Of some that are tried it is the one that most can be laid over: in others somebody hides the room's corners.
    """
    best: list[Image] = []
    for steadier in map(Steadier, pictures[:: -(-len(pictures) // _TRIED)]):
        motions = [steadier.motion(picture) for picture in pictures]
        if len(pictures) - sum(motion is None for motion in motions) > len(best):
            pairs = zip(pictures, motions, strict=True)
            best = [steadier.laid_over(picture, motion) for picture, motion in pairs if motion is not None]
    return best if len(best) >= _MIN_PICTURES * len(pictures) else None


def back(box: Box, motion: Motion, size: tuple[int, int]) -> Box | None:
    """Where `box`, of the room's picture, is in the one that `motion` leads from; None if it is not in it.

    Both pictures are of `size`, width and height in pixels. The box stays upright: hands turn a camera but little.
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
    return np.asarray(cv2.cvtColor(np.clip(picture, 0, 255).astype(np.uint8), cv2.COLOR_BGR2GRAY), np.uint8)
