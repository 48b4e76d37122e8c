"""Find projector screens and displays: large upright rectangles that change all at once.

A new slide changes a broad, well-filled rectangle from one picture to the next. The same place changes again and again,
and rests before and after. People change tall, ragged regions and seldom rest.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.plate.exposure import Image, colour_distance

_DIFFERENT_STEPS = 18.0
"""A pixel changes beyond this distance, in steps of 0 to 255."""
_MIN_AREA_SHARE = 0.015
"""Smallest screen, as a share of the picture."""
_MAX_AREA_SHARE = 0.6
"""Largest screen, as a share of the picture."""
_MIN_WIDTH_TO_HEIGHT = 0.9
"""Narrower regions are people."""
_MIN_FILL_SHARE = 0.7
"""Least share of the bounding rectangle that changes."""
_FULL_SHARE = 0.88
"""A rectangle filled to this share is a screen after a single change."""
_MIN_RESTED_SHARE = 0.6
"""Least share of the changed pixels that rest both before and after the change."""
_MIN_CHANGES = 2
"""Number of changes that make a screen."""
_SHARE_OF_MOST = 0.3
"""A screen changes at least this share as often as the place that changes most."""
_GAP_PX = 9
"""Gap between lines of text that belong to one change."""

Mask = NDArray[np.bool_]


def find_screens(stack: Image) -> Mask:
    """Return the mask of the screens, height × width.

    `stack` holds pictures (n × height × width × 3, 0 to 255) in one exposure, in order of time.
    """
    times = np.zeros(stack.shape[1:3], np.int32)
    changes = [colour_distance(after, before) > _DIFFERENT_STEPS for before, after in pairwise(stack)]
    quiet = np.zeros(times.shape, bool)
    for earlier, change, later in zip([quiet, *changes], changes, [*changes[1:], quiet], strict=False):
        joined = _joined(change)
        for left, top, width, height in _rectangles(joined):
            inside = np.s_[top : top + height, left : left + width]
            changed = change[inside]
            rested = changed & ~earlier[inside] & ~later[inside]
            if np.count_nonzero(rested) >= _MIN_RESTED_SHARE * np.count_nonzero(changed):
                filled = np.count_nonzero(joined[inside]) / (width * height)
                times[inside] += _MIN_CHANGES if filled >= _FULL_SHARE else 1
    screens = np.zeros(times.shape, bool)
    often = max(_MIN_CHANGES, _SHARE_OF_MOST * int(times.max()))
    for left, top, width, height in _rectangles((times >= often).astype(np.uint8)):
        screens[top : top + height, left : left + width] = True
    return screens


def _joined(change: Mask) -> NDArray[np.uint8]:
    """Return `change` with gaps between lines of text closed and thin regions removed."""
    joined = cv2.morphologyEx(change.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((_GAP_PX, _GAP_PX), np.uint8))
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((_GAP_PX, _GAP_PX), np.uint8))
    return np.asarray(joined, np.uint8)


def _rectangles(mask: NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
    """Return left, top, width and height in pixels of the large, broad, well-filled regions of `mask`."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = []
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        share = width * height / mask.size
        broad = width >= _MIN_WIDTH_TO_HEIGHT * height
        if _MIN_AREA_SHARE <= share <= _MAX_AREA_SHARE and broad and area >= _MIN_FILL_SHARE * width * height:
            found.append((left, top, width, height))
    return found
