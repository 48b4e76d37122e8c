"""Finds projector screens and displays: large upright rectangles whose content changes at once.

From one picture to the next, a new slide changes a broad, well-filled rectangle, again and again in the same place,
and before and after it stays as it is; people change tall, ragged shapes, and seldom rest.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.plate.exposure import Image, apart

_DIFFERENT = 18.0  # steps of 0 to 255
_MIN_AREA, _MAX_AREA = 0.015, 0.6  # of the picture
_MIN_WIDTH_TO_HEIGHT = 0.9
_MIN_FILL = 0.7  # of the rectangle around the change
_FULL = 0.88  # so well filled is a rectangle that once is enough
_MIN_RESTED = 0.6  # of the changed pixels: the same before the change, and the same after
_MIN_TIMES = 2
_SHARE_OF_MOST = 0.3
_GAP = 9  # pixels between lines of text, which are one change

Mask = NDArray[np.bool_]


def find_screens(stack: Image) -> Mask:
    """Where screens are, height × width; `stack` are pictures (n × height × width × 3) in one exposure, in order."""
    times = np.zeros(stack.shape[1:3], np.int32)
    changes = [apart(after, before) > _DIFFERENT for before, after in pairwise(stack)]
    quiet = np.zeros(times.shape, bool)
    for earlier, change, later in zip([quiet, *changes], changes, [*changes[1:], quiet], strict=False):
        joined = _joined(change)
        for left, top, width, height in _rectangles(joined):
            inside = np.s_[top : top + height, left : left + width]
            changed = change[inside]
            rested = changed & ~earlier[inside] & ~later[inside]
            if np.count_nonzero(rested) >= _MIN_RESTED * np.count_nonzero(changed):
                filled = np.count_nonzero(joined[inside]) / (width * height)
                times[inside] += _MIN_TIMES if filled >= _FULL else 1
    screens = np.zeros(times.shape, bool)
    often = max(_MIN_TIMES, _SHARE_OF_MOST * int(times.max()))
    for left, top, width, height in _rectangles((times >= often).astype(np.uint8)):
        screens[top : top + height, left : left + width] = True
    return screens


def _joined(change: Mask) -> NDArray[np.uint8]:
    joined = cv2.morphologyEx(change.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8))
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((_GAP, _GAP), np.uint8))
    return np.asarray(joined, np.uint8)


def _rectangles(mask: NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of the large, broad, well-filled regions of `mask`."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = []
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        share = width * height / mask.size
        broad = width >= _MIN_WIDTH_TO_HEIGHT * height
        if _MIN_AREA <= share <= _MAX_AREA and broad and area >= _MIN_FILL * width * height:
            found.append((left, top, width, height))
    return found
