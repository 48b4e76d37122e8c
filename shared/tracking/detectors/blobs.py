"""Find the regions in which a frame differs from the plate: connected, without shadows, a person's parts in one.

Apart from the detector, which tells where a frame differs, and which regions are people.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.plate.exposure import Image

_MIN_CLEAR_SHARE = 0.3
"""Least share of a blob that is no shadow."""
_MARGIN_PX = 8
"""More than the reach of the shadows' filters."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Blob:
    """A region that differs from the plate; bounds in pixels, right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int
    area: int
    """Number of pixels that differ."""
    strength: float
    """Mean difference in multiples of the threshold."""

    def union(self, other: "Blob") -> "Blob":
        """Return the union of two blobs."""
        area = self.area + other.area
        strength = (self.strength * self.area + other.strength * other.area) / area
        return Blob(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
            area,
            strength,
        )


def closed_gaps(different: Mask) -> NDArray[np.uint8]:
    """Return `different` without single pixels, with the gaps closed that a belt or a neck makes."""
    mask = cv2.morphologyEx(different.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    gap = max(3, round(different.shape[0] * 0.04) | 1)
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((gap, 5), np.uint8)), np.uint8)


def surroundings(mask: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Return rows and columns of `mask` with the margin that the shadows' filters need."""
    left, top, width, height = cv2.boundingRect(mask)
    return (
        slice(max(0, top - _MARGIN_PX), top + height + _MARGIN_PX),
        slice(max(0, left - _MARGIN_PX), left + width + _MARGIN_PX),
    )


def find_blobs(mask: NDArray[np.uint8], different: Mask, clear: Mask, strength: Image) -> list[Blob]:
    """Return the regions of `mask` that are not mostly shadow.

    `different` and `clear` mark differing pixels with and without shadows; `strength` is in multiples of the threshold.
    """
    around = surroundings(mask)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask[around], connectivity=8)
    found = []
    for label in range(1, count):
        left, top, width, down, area = (int(value) for value in stats[label])
        if area < 12:
            continue
        own: NDArray[Any] = labels[top : top + down, left : left + width] == label
        left, top = left + around[1].start, top + around[0].start
        inside = np.s_[top : top + down, left : left + width]
        sure = own & clear[inside]
        if np.count_nonzero(sure) < _MIN_CLEAR_SHARE * np.count_nonzero(own & different[inside]):
            continue
        trimmed = _trim(sure)
        if trimmed is None:
            continue
        first_row, last_row, first_column, last_column = trimmed
        kept = np.s_[first_row:last_row, first_column:last_column]
        values = strength[inside][kept][own[kept]]
        if not values.size:  # rows and columns that do not meet, as of a ring of single pixels
            continue
        found.append(
            Blob(
                left + first_column,
                top + first_row,
                left + last_column,
                top + last_row,
                int(np.count_nonzero(own[kept])),
                float(np.mean(np.minimum(values, 6.0))),
            )
        )
    return found


def _trim(sure: Mask) -> tuple[int, int, int, int] | None:
    """Return first and last (exclusive) row and column with more than one pixel, or None if there are none."""
    rows = np.flatnonzero(np.count_nonzero(sure, axis=1) >= 2)
    columns = np.flatnonzero(np.count_nonzero(sure, axis=0) >= 2)
    if not len(rows) or not len(columns):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def join_blobs(blobs: list[Blob]) -> list[Blob]:
    """Return the blobs with those above each other united: head, trunk and legs are one person."""
    joined: list[Blob] = []
    for blob in sorted(blobs, key=lambda b: -b.area):
        for index, other in enumerate(joined):
            if _belong_together(blob, other):
                joined[index] = other.union(blob)
                break
        else:
            joined.append(blob)
    return joined


def _belong_together(small: Blob, large: Blob) -> bool:
    """Return whether two blobs overlap horizontally and are close vertically."""
    overlap = min(small.right, large.right) - max(small.left, large.left)
    between = max(small.top, large.top) - min(small.bottom, large.bottom)
    narrower = min(small.right - small.left, large.right - large.left)
    return overlap >= 0.5 * narrower and between <= 0.25 * (large.bottom - large.top)
