"""Describe the clothes of a person by two colours, so that two people who cross can be told apart.

Apart from the detectors, which know where a person is.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.detection import Box, Clothes

_BANDS = ((0.15, 0.5), (0.5, 0.92))
"""Upper and lower body, from below the head to above the shoes, in fractions of the height."""
_MIN_PIXELS = 12
"""Fewest pixels of a band from which a colour is taken."""
_MIDDLE = (0.3, 0.7)
"""Columns of a box that mostly show the person, in fractions of the width."""
_MAX_ROWS = 96
"""Rows of a box that are looked at, so that a large picture costs no more than a small one."""


def describe_clothes(bgr: NDArray[np.uint8], is_person: NDArray[np.bool_]) -> Clothes | None:
    """Return the median colours of the upper and the lower body, or None if too little of either is visible.

    A median is not moved by a hand, a book, or the edge of another person.

    Args:
        bgr: the pixels in a person's box, height × width × 3.
        is_person: where they show the person, height × width.
    """
    lab = cv2.cvtColor(bgr, cv2.COLOR_BGR2LAB)
    height = len(bgr)
    found: list[int] = []
    for top, bottom in _BANDS:
        rows = np.s_[round(top * height) : round(bottom * height)]
        pixels = lab[rows][is_person[rows]]
        if len(pixels) < _MIN_PIXELS:
            return None
        found += (int(value) for value in np.partition(pixels, len(pixels) // 2, axis=0)[len(pixels) // 2])
    return found[0], found[1], found[2], found[3], found[4], found[5]


def describe_clothes_in(bgr: NDArray[np.uint8], box: Box) -> Clothes | None:
    """Return the colours in the middle of `box` in the picture `bgr`, whose pixels are not known to be the person's."""
    height, width = bgr.shape[:2]
    left, right = ((box[0] + share * box[2]) * width for share in _MIDDLE)
    top, bottom = round(box[1] * height), round((box[1] + box[3]) * height)
    step = max(1, (bottom - top) // _MAX_ROWS)
    inside = np.ascontiguousarray(bgr[top:bottom:step, round(left) : round(right) : step])
    return describe_clothes(inside, np.ones(inside.shape[:2], bool)) if inside.size else None
