"""Find the wheels of fans, whose blades are elsewhere in each sample.

What differs from the plate there has the size of a person, and comes and goes at one place. A wheel looks the same
when it is turned by a part of a turn, and a person does not. Apart from `outlines.py`, which finds what looks like a
person, and whose films are rectangles.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.plate.activity import Activity, Mask
from shared.tracking.plate.exposure import Image

_ACTIVE_SHARE = 0.1
"""Share of the pictures in which a pixel of a wheel differs from the plate."""
_MIN_SIDE_SHARE = 0.03
"""Least width and height of a wheel, as a share of the picture's width; a smaller one has no person's size."""
_MAX_SIDE_SHARE = 0.5
"""Largest width and height of a wheel, as a share of the picture's width."""
_LIKE_ELLIPSE_IOU = 0.88
"""Intersection over union of a wheel and the ellipse in its bounding box: 0.92 to 0.98, and up to 0.86 where a person
walks about. A fan is mostly seen at an angle."""
_TURNS = (3, 4, 5)
"""Parts of a whole turn of which one makes a wheel look the same: with six blades it does after a third. A half is not
tried, because a person who passes looks much the same upside down."""
_DISC_PX = 48
"""Width and height at which a wheel is turned."""
_HUB_SHARE = 0.25
"""Share of the radius that the hub takes, which has no blades."""
_LEAST_ALIKE = 0.7
"""Least correlation of a wheel with the turned wheel, in the median over the pictures: 0.85 to 0.99, and up to 0.4 for
people."""
_LEAST_CONTRAST_STEPS = 8.0
"""Least standard deviation within a wheel, in steps of 0 to 255, in the median over the pictures: lamps have none."""


def find_fans(activity: Activity) -> Mask:
    """Return the rectangles around the wheels of fans, height × width."""
    rows, columns = activity.share.shape
    found = np.zeros((rows, columns), bool)
    active = (activity.share >= _ACTIVE_SHARE).astype(np.uint8)
    closed = cv2.morphologyEx(active, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        left, top, width, height = cv2.boundingRect(outline)
        if min(width, height) < _MIN_SIDE_SHARE * columns or max(width, height) > _MAX_SIDE_SHARE * columns:
            continue
        box = np.s_[top : top + height, left : left + width]
        filled = np.zeros(found.shape, np.uint8)
        cv2.drawContours(filled, [outline], -1, 1, cv2.FILLED)
        if _is_ellipse(filled[box]) and _is_wheel(activity.stack[:, box[0], box[1]]):
            found[max(0, top - 2) : top + height + 2, max(0, left - 2) : left + width + 2] = True
    return found


def _is_ellipse(region: NDArray[np.uint8]) -> bool:
    """Return whether `region`, height × width, is like the ellipse that touches its sides."""
    height, width = region.shape
    ellipse = np.zeros_like(region)
    cv2.ellipse(ellipse, (width // 2, height // 2), ((width - 1) // 2, (height - 1) // 2), 0, 0, 360, 1, -1)
    return bool(np.sum(region & ellipse) >= _LIKE_ELLIPSE_IOU * np.sum(region | ellipse))


def _is_wheel(pictures: Image) -> bool:
    """Return whether what changes in `pictures` (n × height × width × 3) looks the same after a part of a turn."""
    changes = pictures.mean(axis=3)
    changes -= changes.mean(axis=0)
    discs = np.stack([cv2.resize(each, (_DISC_PX, _DISC_PX), interpolation=cv2.INTER_LINEAR) for each in changes])
    rows, columns = np.mgrid[:_DISC_PX, :_DISC_PX] - (_DISC_PX - 1) / 2
    away = np.hypot(rows, columns) / (_DISC_PX / 2)
    ring = (away >= _HUB_SHARE) & (away <= 0.95)
    if np.median(_centred(discs[:, ring]).std(axis=1)) < _LEAST_CONTRAST_STEPS:
        return False
    return any(_alike(discs, ring, parts) >= _LEAST_ALIKE for parts in _TURNS)


def _alike(discs: Image, ring: Mask, parts: int) -> float:
    """Return the correlation of `discs` (n × side × side) within `ring` with the discs turned by one of `parts`."""
    middle = ((_DISC_PX - 1) / 2,) * 2
    turn = cv2.getRotationMatrix2D(middle, 360 / parts, 1.0)
    turned = np.stack([cv2.warpAffine(each, turn, (_DISC_PX, _DISC_PX)) for each in discs]).astype(np.float32)
    one, other = _centred(discs[:, ring]), _centred(turned[:, ring])
    size = np.sqrt(np.sum(one**2, axis=1) * np.sum(other**2, axis=1)) + 1e-6
    return float(np.median(np.sum(one * other, axis=1) / size))


def _centred(values: Image) -> Image:
    """Return `values` (n × pixels) less the mean of each row."""
    centred: Image = values - values.mean(axis=1, keepdims=True)
    return centred
