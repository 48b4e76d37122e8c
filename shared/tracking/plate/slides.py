"""Learn the slides that a screen has shown, and tell which of them a frame shows.

A person before a screen covers some of its columns, and another slide changes nearly all of them. So two pictures show
the same slide if at least half of the columns agree. An unknown slide, a fade or a video mostly matches none.

Apart from the plate, which only stores the slides.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.plate.exposure import Exposure, Image, add_to_channels, colour_distance
from shared.tracking.plate.median import median_over_first

MAX_SLIDES = 40
"""Most slides that a plate keeps; those shown longest."""
_COLUMNS = 16
"""Number of column bands in which two pictures are compared."""
_SAME_COLUMN_SHARE = 0.97
"""Least share of a band's pixels that agree in the same slide."""
_SAME_SLIDE_SHARE = 0.5
"""Least share of the bands that agree in the same slide."""
_DIFFERENT_STEPS = 18.0
"""A pixel differs beyond this distance, in steps of 0 to 255."""
_STEP_PX = 3
"""Distance between samples, both ways."""
_SHARE_OF_CHANGES = 0.3
"""A pixel belongs to the screen's content if it changes in this share of the slide changes."""
_EDGE_PX = 3
"""Error of a screen's edge."""
_ROUNDS = 2
"""Rounds of assigning pictures to the medians of slides (as in k-means)."""
_MIN_AREA_SHARE = 0.001
"""Smallest region beside the screen that may be a person's legs, as a share of the picture."""
_MAX_WIDTH_SHARE = 0.3
"""Widest region beside the screen that may be a person's legs, as a share of the picture's width."""
_KERNEL = np.ones((9, 9), np.uint8)

Mask = NDArray[np.bool_]
Slides = NDArray[np.uint8]


def learn_slides(stack: Image, room: Image, screen: Mask) -> tuple[Slides, NDArray[np.int64]]:
    """Return the slides in `stack`, and the number of the slide that each picture shows.

    A slide is the median of its pictures, so that a person who walks past the screen is not part of it. Columns above a
    region that differs from `room` below the screen count only if a slide has no other pictures. A person who stands
    before a slide for most of its time, with no part beside the screen, becomes part of the slide.

    Args:
        stack: pictures (n × height × width × 3, 0 to 255) in one exposure, in order of time.
        room: the plate, height × width × 3.
        screen: the mask of the screens, height × width.

    Returns:
        at most `MAX_SLIDES` slides (m × height × width × 3, black outside of `screen`) in order of appearance.
        the slide of each picture (n); -1 for none.
    """
    labels = np.full(len(stack), -1)
    if not screen.any():
        return np.zeros((0, *stack.shape[1:]), np.uint8), labels
    samples = _Samples(screen)
    samples_of_slides = np.stack([samples.of(picture) for picture in stack])
    centres: list[Image] = []
    for at, values in enumerate(samples_of_slides):
        labels[at] = samples.best(np.array(centres), values) if centres else -1
        if labels[at] < 0:
            labels[at] = len(centres)
            centres.append(values)
    for _ in range(_ROUNDS):
        groups = [samples_of_slides[labels == label] for label in np.unique(labels[labels >= 0])]
        medians = np.stack([median_over_first(group) for group in groups])
        labels = np.array([samples.best(medians, values) for values in samples_of_slides])
    kept = list(np.unique(labels[labels >= 0]))
    kept = sorted(sorted(kept, key=lambda label: (-np.count_nonzero(labels == label), label))[:MAX_SLIDES])
    covered = np.stack([_covered(picture, room, screen) for picture in stack])
    slides = [_uncovered(stack[labels == label], covered[labels == label]) * screen[..., None] for label in kept]
    numbers = {label: number for number, label in enumerate(kept)}
    shown = np.array([numbers.get(label, -1) for label in labels])
    if not slides:
        return np.zeros((0, *stack.shape[1:]), np.uint8), shown
    return np.clip(np.round(np.stack(slides)), 0, 255).astype(np.uint8), shown


def _covered(picture: Image, room: Image, screen: Mask) -> NDArray[np.bool_]:
    """Return the picture's columns (bool, width) in which a person may stand before the screen."""
    beside = (colour_distance(picture, room) > _DIFFERENT_STEPS) & ~screen
    around = cv2.dilate(screen.astype(np.uint8), _KERNEL) > 0
    columns = np.zeros(screen.shape[1], bool)
    closed = cv2.morphologyEx(beside.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    for label in np.unique(labels[around & (closed > 0)]):
        left, _, width, _, area = (int(value) for value in stats[label])
        if area >= _MIN_AREA_SHARE * screen.size and width <= _MAX_WIDTH_SHARE * len(columns):
            columns[max(0, left - width) : left + 2 * width] = True
    return columns


def _uncovered(pictures: Image, covered: NDArray[np.bool_]) -> Image:
    """Return the median of `pictures`; each column uses those in which it is not `covered`, if there are any."""
    median = median_over_first(pictures)
    for column in np.flatnonzero(covered.any(axis=0) & ~covered.all(axis=0)):
        median[:, column] = median_over_first(pictures[~covered[:, column], :, column])
    return median


class Screen:
    """The screen of a room: picks the slide that a frame shows, and separates people from content on the screen."""

    def __init__(self, slides: Slides, screen: Mask) -> None:
        self._samples = _Samples(screen) if len(slides) else None
        self._slide_samples = np.stack([self._samples.of(slide) for slide in slides]) if self._samples else None
        self._content_area = _content_area(slides, screen)
        self._area = _bounding_rectangles(self._content_area)
        self._around = cv2.dilate(self._area.astype(np.uint8), np.ones((2 * _EDGE_PX + 1,) * 2, np.uint8)) > 0

    def shown(self, picture: Image, exposure: Exposure) -> int:
        """Return the number of the slide in `picture`, or -1 for none.

        `exposure` leads from the slides to `picture`.
        """
        if self._samples is None or self._slide_samples is None:
            return -1
        samples_of_slides = self._slide_samples * self._samples.of(exposure.gain)
        add_to_channels(samples_of_slides, exposure.offset)
        np.clip(samples_of_slides, 0, 255, out=samples_of_slides)
        return self._samples.best(samples_of_slides, self._samples.of(picture))

    def is_before(self, blob: Mask) -> bool:
        """Return whether `blob`, a region that differs from a slide, stands before the screen.

        Content ends at the screen's edge. A person extends beyond it, or ends at an object before the screen such as a
        desk.
        """
        if np.count_nonzero(blob & ~self._around) >= max(6, 0.02 * np.count_nonzero(blob)):
            return True
        rows = np.flatnonzero(blob.any(axis=1))
        foot = np.flatnonzero(blob[rows[-1] - _EDGE_PX : rows[-1] + 1].any(axis=0))
        below = min(int(rows[-1]) + _EDGE_PX, blob.shape[0] - 1)
        held = self._area[min(below + _EDGE_PX, blob.shape[0] - 1), foot] & ~self._content_area[below, foot]
        return bool(np.count_nonzero(held) >= 0.5 * len(foot))


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    """A grid of a screen's pixels, with the column band of each."""

    where: NDArray[np.int64]
    """Numbers of the samples in the picture, row by row."""
    column: NDArray[np.int64]
    """The band of each sample, 0 to `_COLUMNS` - 1."""

    def __init__(self, screen: Mask) -> None:
        grid = np.zeros_like(screen)
        grid[::_STEP_PX, ::_STEP_PX] = True
        where = np.flatnonzero(screen & grid)
        columns = where % screen.shape[1]
        left, right = int(columns.min()), int(columns.max()) + 1
        object.__setattr__(self, "where", where)
        object.__setattr__(self, "column", (columns - left) * _COLUMNS // (right - left))

    def of(self, picture: NDArray[np.generic]) -> Image:
        """Return the values of `picture` at the samples, n × 3."""
        return picture.reshape(-1, picture.shape[-1]).take(self.where, axis=0).astype(np.float32, copy=False)

    def best(self, samples_of_slides: Image, values: Image) -> int:
        """Return the number of the row of `samples_of_slides` (m × n × 3) that shows the slide of `values` (n × 3).

        Return -1 for none.
        """
        sizes = np.bincount(self.column, minlength=_COLUMNS)
        different = colour_distance(samples_of_slides, values) > _DIFFERENT_STEPS
        counts = np.stack([np.bincount(self.column[row], minlength=_COLUMNS) for row in different])
        same = (counts <= (1 - _SAME_COLUMN_SHARE) * sizes).sum(axis=1)
        best = int(np.lexsort((counts.sum(axis=1), -same))[0])
        return best if same[best] >= _SAME_SLIDE_SHARE * np.count_nonzero(sizes) else -1


def _content_area(slides: Slides, screen: Mask) -> Mask:
    """Return the pixels of `screen` that change with the slides.

    The rest belongs to the room, or to an object before the screen.
    """
    if len(slides) < 2:
        return screen
    times = np.zeros(screen.shape, np.int32)
    for before, after in pairwise(slides.astype(np.float32)):
        times += colour_distance(before, after) > _DIFFERENT_STEPS
    often = (times >= max(1, np.ceil(_SHARE_OF_CHANGES * (len(slides) - 1)))).astype(np.uint8)
    return cv2.morphologyEx(cv2.morphologyEx(often, cv2.MORPH_CLOSE, _KERNEL), cv2.MORPH_OPEN, _KERNEL) > 0


def _bounding_rectangles(mask: Mask) -> Mask:
    """Return a mask of the upright bounding rectangles of the regions of `mask`."""
    filled = np.zeros_like(mask)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for left, top, width, height, _ in stats[1:]:
        filled[top : top + height, left : left + width] = True
    return filled
