"""Find where slides are shown in the picture, and straighten that place.

A room's screen is a quadrilateral in the picture. A screencast is the whole picture. Apart from the watching of the
screen, so that every part of a recording looks at the same place.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Height × width × 3, BGR."""
Mask = NDArray[np.bool_]
Corner = tuple[float, float]
"""x and y as fractions of the picture."""
Corners = tuple[Corner, Corner, Corner, Corner]
"""Top left, top right, bottom right, bottom left."""

WHOLE_PICTURE: Corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))

_MARGIN_SHARE = 0.25
"""The screen's edge is looked for this far around the region that changes, as a share of the region's size."""
_LEAST_COVERED_SHARE = 0.97
"""A quadrilateral is the screen only if it covers this share of the region that changes."""
_MOST_LARGER = 2.5
"""A quadrilateral is the screen only if it is at most this many times as large as the region that changes."""
_LEAST_FILLED_SHARE = 0.9
"""A quadrilateral is the screen only if the area with its brightness fills this share of it."""
_APPROXIMATIONS = (0.01, 0.02, 0.03, 0.05, 0.08)
"""Tolerances, as shares of the outline's length, at which the outline may become four corners."""
_GROWN_SHARE = 0.01
"""The region that changes is grown by this share of the picture where no edge of a screen is found."""
_NARROWEST = 1.1
"""Least width by height of a screen without an edge."""
_WIDEST = 2.4
_LEAST_AREA_SHARE = 0.1
"""Least share of the picture of a screen without an edge."""
_ANOTHER_SCREEN_SHARE = 0.5
"""A region that changes is another screen if it has this share of the largest one's area."""


@dataclass(frozen=True, slots=True)
class Screen:
    """The place in the picture where slides are shown."""

    corners: Corners
    is_whole_picture: bool = False
    """Whether no screen was found in the picture, so that the whole picture is looked at."""

    @property
    def region(self) -> tuple[float, float, float, float]:
        """Return x, y, width and height of the bounding rectangle, in fractions of the picture."""
        xs, ys = zip(*self.corners, strict=True)
        left, top = max(0.0, min(xs)), max(0.0, min(ys))
        return left, top, min(1.0, max(xs)) - left, min(1.0, max(ys)) - top

    def size_in(self, width: int, height: int) -> tuple[float, float]:
        """Return the width and height in pixels of the straightened screen in a picture of this size."""
        scaled = _points(self.corners) * _points((width, height))
        top_left, top_right, bottom_right, bottom_left = scaled
        across = max(np.linalg.norm(top_right - top_left), np.linalg.norm(bottom_right - bottom_left))
        down = max(np.linalg.norm(bottom_left - top_left), np.linalg.norm(bottom_right - top_right))
        return max(1.0, float(across)), max(1.0, float(down))

    def straighten(self, picture: Picture, size: tuple[int, int]) -> Picture:
        """Return the screen of `picture` (height × width × 3 or height × width) as an upright picture of `size`
        (width, height)."""
        height, width = picture.shape[:2]
        if self.is_whole_picture:
            return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(picture.dtype, copy=False)
        corners = _points(self.corners) * _points((width, height))
        across, _ = self.size_in(width, height)
        if across > 1.5 * size[0]:  # a warp does not average pixels: shrink the screen first
            left, top, right, bottom = _around(corners, width, height)
            shrink = size[0] / across
            small = (max(1, round((right - left) * shrink)), max(1, round((bottom - top) * shrink)))
            picture = cv2.resize(picture[top:bottom, left:right], small, interpolation=cv2.INTER_AREA).astype(
                picture.dtype, copy=False
            )
            corners = (corners - _points((left, top))) * _points(small) / _points((right - left, bottom - top))
        matrix = cv2.getPerspectiveTransform(corners, _points(WHOLE_PICTURE) * _points(size))
        warped = cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return warped.astype(picture.dtype, copy=False)

    def covered_by(self, boxes: Iterable[Sequence[float]], size: tuple[int, int]) -> Mask:
        """Return where `boxes` (x, y, width, height in fractions of the picture) cover the straightened screen.

        The mask is height × width for `size` (width, height).
        """
        covered = np.zeros((size[1], size[0]), np.uint8)
        matrix = cv2.getPerspectiveTransform(_points(self.corners), _points(WHOLE_PICTURE) * _points(size))
        for x, y, width, height in boxes:
            outline = _points([[(x, y), (x + width, y), (x + width, y + height), (x, y + height)]])
            cv2.fillConvexPoly(covered, np.round(cv2.perspectiveTransform(outline, matrix)).astype(np.int32), 1)
        return covered > 0


def find_screen(rooms: Iterable[tuple[Picture, Mask]]) -> Screen:
    """Return the screen that most rooms agree on; the whole picture where no room has one.

    `rooms` are pairs of the picture of the room and the mask of the regions that change in steps, both of one size.
    """
    found = [corners for picture, mask in rooms if (corners := _corners_in(picture, mask)) is not None]
    if not found:
        return Screen(WHOLE_PICTURE, is_whole_picture=True)
    middle = np.median(np.asarray(found, np.float64), axis=0).round(5)
    points = [(float(x), float(y)) for x, y in middle]
    return Screen((points[0], points[1], points[2], points[3]))


def _corners_in(picture: Picture, mask: Mask) -> Corners | None:
    """Return the corners of the largest screen of a room; None if what changes is no screen.

    A screen has an edge around all that changes, or is a large region of a screen's shape. Lines of text that change on
    a screencast are neither. A region half as large as the largest is another screen.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = 1 + int(np.argmax(areas))
    others = [label for label, area in enumerate(areas, start=1) if area >= _ANOTHER_SCREEN_SHARE * areas.max()]
    changing = mask & ~np.isin(labels, [label for label in others if label != largest])
    left, top, width, height = (int(value) for value in stats[largest][:4])
    outline = _edge_of_screen(picture, changing, (left, top, width, height))
    if outline is None:
        by_x, by_y = _GROWN_SHARE * mask.shape[1], _GROWN_SHARE * mask.shape[0]
        west, north = max(0, round(left - by_x)), max(0, round(top - by_y))
        east, south = min(mask.shape[1], round(left + width + by_x)), min(mask.shape[0], round(top + height + by_y))
        has_shape = _NARROWEST <= width / height <= _WIDEST and width * height >= _LEAST_AREA_SHARE * mask.size
        covered = np.count_nonzero(changing[north:south, west:east])
        if not has_shape or covered < _LEAST_COVERED_SHARE * np.count_nonzero(changing):
            return None
        outline = _points([(west, north), (east, north), (east, south), (west, south)])
    shares = np.clip(outline / _points((mask.shape[1], mask.shape[0])), 0.0, 1.0)
    points = [(float(x), float(y)) for x, y in shares]
    return points[0], points[1], points[2], points[3]


def _edge_of_screen(picture: Picture, changing: Mask, box: tuple[int, int, int, int]) -> NDArray[np.float32] | None:
    """Return the four corners in pixels of a bright or dark quadrilateral around the region that changes."""
    left, top, width, height = box
    by_x, by_y = round(_MARGIN_SHARE * width), round(_MARGIN_SHARE * height)
    window = np.s_[max(0, top - by_y) : top + height + by_y, max(0, left - by_x) : left + width + by_x]
    luma = cv2.GaussianBlur(cv2.cvtColor(picture[window], cv2.COLOR_BGR2GRAY), (5, 5), 0)
    inside = changing[window]
    _, bright = cv2.threshold(luma, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    for binary in (bright, 1 - bright):
        _, labels = cv2.connectedComponents(binary.astype(np.uint8), connectivity=4)
        label = int(np.argmax(np.bincount(labels[inside & (labels > 0)], minlength=1))) if labels[inside].any() else 0
        if label == 0:
            continue
        contours, _ = cv2.findContours((labels == label).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        contour = max(contours, key=cv2.contourArea)
        hull = cv2.convexHull(contour)
        for tolerance in _APPROXIMATIONS:
            corners = cv2.approxPolyDP(hull, tolerance * cv2.arcLength(hull, closed=True), closed=True)
            if len(corners) == 4:
                break
        else:
            continue
        if cv2.contourArea(contour) < _LEAST_FILLED_SHARE * cv2.contourArea(corners):
            continue
        if _is_cut_off(corners, window, picture.shape):
            continue
        filled = np.zeros(inside.shape, np.uint8)
        cv2.fillConvexPoly(filled, corners, 1)
        covers = np.count_nonzero(filled[inside]) >= _LEAST_COVERED_SHARE * np.count_nonzero(changing)
        if covers and np.count_nonzero(filled) <= _MOST_LARGER * width * height:
            points = _clockwise(corners.reshape(4, 2).astype(np.float32))
            points[[1, 2], 0] += 1  # corners are pixels; the screen ends behind the last one
            points[[2, 3], 1] += 1
            return points + _points((window[1].start, window[0].start))
    return None


def _is_cut_off(corners: NDArray[np.int32], window: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Return whether the corners lie at an edge of the window that is not the picture's edge."""
    rows, columns = window
    bottom, right = min(rows.stop, shape[0]) - rows.start - 1, min(columns.stop, shape[1]) - columns.start - 1
    x, y = corners[..., 0], corners[..., 1]
    return bool(
        (columns.start > 0 and (x <= 0).any())
        or (rows.start > 0 and (y <= 0).any())
        or (columns.stop < shape[1] and (x >= right).any())
        or (rows.stop < shape[0] and (y >= bottom).any())
    )


def _around(corners: NDArray[np.float32], width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the pixels of a picture of this size that the corners enclose."""
    left, top = (max(0, math.floor(value)) for value in corners.min(axis=0))
    right, bottom = (math.ceil(value) for value in corners.max(axis=0))
    return left, top, min(width, right), min(height, bottom)


def _points(values: object) -> NDArray[np.float32]:
    """Return coordinates as OpenCV wants them."""
    return np.asarray(values, np.float32)


def _clockwise(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return four corners in the order top left, top right, bottom right, bottom left."""
    sums, differences = points.sum(axis=1), points[:, 1] - points[:, 0]
    return points[[int(sums.argmin()), int(differences.argmin()), int(sums.argmax()), int(differences.argmax())]]
