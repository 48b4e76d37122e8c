"""Find people who never leave their place by how their outline moves over a whole window.

Such a person is part of the plate. But a person never stands perfectly still: from picture to picture head and
shoulders move against the wall, while the room rests. The activity, the share of the pictures in which a pixel leaves
its median, draws their outline. A region of activity is taken for a person if it has a head above shoulders that reach
down to what hides the rest, and if its pixels change independently of each other. A lamp changes all at once, a film
fills a rectangle, clocks and fans are round, trees and curtains have no head.

Apart from the plate, which is made before and needs no person, and from `repair.py`, which removes people who leave.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.detection import Box, shared_area
from shared.tracking.plate.activity import Activity, Mask
from shared.tracking.plate.exposure import Image
from shared.tracking.plate.fans import find_fans
from shared.tracking.plate.person_likeness import motion_likeness, shape_likeness

MIN_PICTURES = 16
"""Fewer pictures do not tell what moves all the time."""
_LEVELS = (0.07, 0.12, 0.25, 0.4)
"""Shares of the pictures from which a pixel counts as active, each in turn: a calm person is seen at the first
only, one beside something that moves less is apart from it at the last."""
_GAP_SHARES = (0.022, 0.045)
"""Gaps of an outline up to these shares of the picture's width are closed, each in turn."""
_FILM_LEVEL = 0.75
"""Share of the pictures in which the pixels of a film differ from its median."""
_FILMS = ((0.5, 0.03, 0.75), (0.3, 0.06, 0.9))
"""Kinds of films, each by three figures.

The share of the pictures in which its pixels differ from the picture before: a person who stands there does not. Its
least side, as a share of the picture's width. The share of its rectangle that it fills. A film whose scenes last for
seconds has to be larger, and more exactly a rectangle, than one that always moves.
"""
_MIN_HEIGHT_SHARE = 0.1
"""Least visible height of a person, as a share of the picture's."""
_MAX_WIDTH_SHARE = 0.6
"""Largest width of a person, as a share of the picture's."""
_ASPECT_RANGE = (0.35, 1.8)
"""Width to visible height of a person, in pixels."""
_ON_SCREEN_SHARE = 0.9
"""A region that lies on a screen to this share is part of what it shows."""
_AUDIENCE_BOTTOM = 0.97
"""A region that reaches below this fraction of the height may be an audience's."""
_AUDIENCE_TOP = 0.55
"""It is one if it begins below this."""
_BESIDE_SHARE = 0.25
"""A region that comes so near to a likelier one, in its own widths and heights, is a piece of the same person."""
MIN_LIKENESS = 0.3
"""Least likeness to a person, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A region that moves as a person does."""

    box: Box
    """What is seen of the person, in fractions of the picture."""
    likeness: float
    """How much the region is like a person, 0 to 1."""


def find_outlines(activity: Activity, screen: Mask) -> list[Outline]:
    """Return the people whose outlines move all the time, the likeliest first.

    `screen` is where the plate has screens, height × width.
    """
    if len(activity.stack) < MIN_PICTURES:
        return []
    apart = find_films(activity) | find_fans(activity) | _audience(activity.share)
    found = [
        outline
        for level in _LEVELS
        for ignored in ([apart, apart | screen] if screen.any() else [apart])
        for gap in _GAP_SHARES
        for left, top, region in _regions((activity.share >= level) & ~ignored, gap)
        if (outline := _judge(activity, screen, left, top, region)) is not None
    ]
    kept: list[Outline] = []
    for outline in sorted(found, key=lambda each: (-each.likeness * (each.box[2] * each.box[3]) ** 0.5, each.box)):
        if all(shared_area(_widened(outline.box), other.box) == 0 for other in kept):
            kept.append(outline)
    return kept


def _widened(box: Box) -> Box:
    """Return `box` with a margin of `_BESIDE_SHARE` of its size."""
    x, y, width, height = box
    across, down = _BESIDE_SHARE * width, _BESIDE_SHARE * height
    return x - across, y - down, width + 2 * across, height + 2 * down


def find_films(activity: Activity) -> Mask:
    """Return the rectangles in which everything changes most of the time, as on a screen with a film."""
    films = np.zeros(activity.share.shape, bool)
    for moves, core, fill in _FILMS:
        changing = (activity.share >= _FILM_LEVEL) & (activity.restless >= moves)
        side = max(3, round(core * changing.shape[1]))
        solid = cv2.morphologyEx(changing.astype(np.uint8), cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
        count, _, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
        for label in range(1, count):
            left, top, width, height, area = (int(value) for value in stats[label])
            if area >= fill * width * height:
                films[max(0, top - 3) : top + height + 3, max(0, left - 3) : left + width + 3] = True
    return films


def _audience(active: Image) -> Mask:
    """Return the rectangles around what is active at the lower edge, where the heads of an audience are."""
    rows = len(active)
    found = np.zeros(active.shape, bool)
    closed = _closed(active >= _LEVELS[0], _GAP_SHARES[-1])
    count, _, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    for label in range(1, count):
        left, top, width, height = (int(value) for value in stats[label][:4])
        if top + height >= _AUDIENCE_BOTTOM * rows and top > _AUDIENCE_TOP * rows:
            found[top : top + height, left : left + width] = True
    return found


def _closed(mask: Mask, gap_share: float) -> NDArray[np.uint8]:
    """Return `mask` with gaps closed up to `gap_share` of the width."""
    gap = max(3, round(gap_share * mask.shape[1]) | 1)
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8)), np.uint8)


def _regions(mask: Mask, gap_share: float) -> Iterator[tuple[int, int, Mask]]:
    """Yield left, top and the shape of each region of `mask` that has the size of a person, with closed gaps."""
    closed = cv2.morphologyEx(_closed(mask, gap_share), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    for label in range(1, count):
        left, top, width, height = (int(value) for value in stats[label][:4])
        if (
            height >= _MIN_HEIGHT_SHARE * mask.shape[0]
            and width <= _MAX_WIDTH_SHARE * mask.shape[1]
            and _ASPECT_RANGE[0] <= width / height <= _ASPECT_RANGE[1]
        ):
            yield left, top, labels[top : top + height, left : left + width] == label


def _judge(activity: Activity, screen: Mask, left: int, top: int, region: Mask) -> Outline | None:
    """Return the outline if the region `region` at `left`, `top` (pixels) is like a person, else None."""
    height, width = region.shape
    inside = np.s_[top : top + height, left : left + width]
    rows, columns = activity.share.shape
    if np.mean(screen[inside][region]) >= _ON_SCREEN_SHARE:
        return None
    moving = region & (activity.share[inside] >= _LEVELS[0])
    likeness = shape_likeness(region, activity.share[inside])
    if likeness >= MIN_LIKENESS and moving.any():
        values = activity.stack[:, inside[0], inside[1]][:, moving]
        likeness *= motion_likeness(values, activity.threshold[inside][moving])
    if likeness < MIN_LIKENESS:
        return None
    return Outline((left / columns, top / rows, width / columns, height / rows), round(likeness, 4))
