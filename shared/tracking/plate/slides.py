"""What a screen has shown: the slides, learned from pictures of the recording, and which of them a frame shows.

A person before a screen covers some of its columns; another slide changes nearly all of them. So two pictures show the
same slide when at least half of the columns agree, whoever stands before the others. A slide that was never learned,
a fade and a video mostly agree with none. Knows nothing of plates or detectors.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.plate.exposure import Exposure, Image, apart

MAX_SLIDES = 40
_COLUMNS = 16
_SAME_COLUMN = 0.97  # of a column's pixels
_SAME_SLIDE = 0.5  # of the columns
_DIFFERENT = 18.0  # steps of 0 to 255
_STEP = 3  # every third pixel both ways tells slides apart
_SHARE_OF_CHANGES = 0.3
_EDGE = 3  # pixels by which a screen's edge may be off
_ROUNDS = 2
_MIN_AREA, _MAX_WIDTH = 0.001, 0.3  # of the picture: what may be a person's legs
_OPEN = np.ones((9, 9), np.uint8)

Mask = NDArray[np.bool_]
Slides = NDArray[np.uint8]


def learn_slides(stack: Image, room: Image, screen: Mask) -> tuple[Slides, NDArray[np.int64]]:
    """The slides in `stack` (n × height × width × 3, in one exposure), at most `MAX_SLIDES`, in order of appearance.

    Black where there is no `screen`. With them, for each picture, which slide it shows; -1: none of them. A slide is
    the median of its pictures, so that whoever walks before it is not part of it; above what differs from the `room`
    below the screen, pictures count only where a slide has no others. Who stands before a slide for most of its time
    with nothing of them to be seen beside the screen becomes part of it.
    """
    labels = np.full(len(stack), -1)
    if not screen.any():
        return np.zeros((0, *stack.shape[1:]), np.uint8), labels
    samples = _Samples(screen)
    looks = np.stack([samples.of(picture) for picture in stack])
    centres: list[Image] = []
    for at, look in enumerate(looks):
        labels[at] = samples.best(np.array(centres), look) if centres else -1
        if labels[at] < 0:
            labels[at] = len(centres)
            centres.append(look)
    for _ in range(_ROUNDS):
        groups = [looks[labels == label] for label in np.unique(labels[labels >= 0])]
        medians = np.stack([np.median(group, axis=0) for group in groups]).astype(np.float32)
        labels = np.array([samples.best(medians, look) for look in looks])
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
    """The picture's columns in which somebody may stand before the screen."""
    beside = (apart(picture, room) > _DIFFERENT) & ~screen
    around = cv2.dilate(screen.astype(np.uint8), _OPEN) > 0
    columns = np.zeros(screen.shape[1], bool)
    closed = cv2.morphologyEx(beside.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    for label in np.unique(labels[around & (closed > 0)]):
        left, _, width, _, area = (int(value) for value in stats[label])
        if area >= _MIN_AREA * screen.size and width <= _MAX_WIDTH * len(columns):
            columns[max(0, left - width) : left + 2 * width] = True
    return columns


def _uncovered(pictures: Image, covered: NDArray[np.bool_]) -> Image:
    """The median of `pictures`, in each column of those that are not `covered` there, if there are any."""
    median = np.median(pictures, axis=0).astype(np.float32)
    for column in np.flatnonzero(covered.any(axis=0) & ~covered.all(axis=0)):
        median[:, column] = np.median(pictures[~covered[:, column], :, column], axis=0)
    return median


class Screen:
    """The screen of a room: picks the slide that a frame shows, and tells people before it from what is on it."""

    def __init__(self, slides: Slides, screen: Mask) -> None:
        self._samples = _Samples(screen) if len(slides) else None
        self._looks = np.stack([self._samples.of(slide) for slide in slides]) if self._samples else None
        self._changing = _changing(slides, screen)
        self._area = _rectangles(self._changing)
        self._around = cv2.dilate(self._area.astype(np.uint8), np.ones((2 * _EDGE + 1,) * 2, np.uint8)) > 0

    def shown(self, picture: Image, exposure: Exposure) -> int:
        """The number of the slide in `picture`, to which `exposure` leads from the slides'; -1: none of them."""
        if self._samples is None or self._looks is None:
            return -1
        looks = self._looks * self._samples.of(exposure.gain) + exposure.offset
        return self._samples.best(np.clip(looks, 0, 255), self._samples.of(picture))

    def is_before(self, blob: Mask) -> bool:
        """Whether `blob`, a region that differs from a slide, is something before the screen.

        What is shown on a screen ends at its edge. A person goes on beyond it, or ends at something that stands before
        the screen, such as a desk.
        """
        if np.count_nonzero(blob & ~self._around) >= max(6, 0.02 * np.count_nonzero(blob)):
            return True
        rows = np.flatnonzero(blob.any(axis=1))
        foot = np.flatnonzero(blob[rows[-1] - _EDGE : rows[-1] + 1].any(axis=0))
        below = min(int(rows[-1]) + _EDGE, blob.shape[0] - 1)
        held = self._area[min(below + _EDGE, blob.shape[0] - 1), foot] & ~self._changing[below, foot]
        return bool(np.count_nonzero(held) >= 0.5 * len(foot))


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    """Some of a screen's pixels, and in which of its columns they are."""

    where: tuple[NDArray[np.int64], NDArray[np.int64]]
    column: NDArray[np.int64]

    def __init__(self, screen: Mask) -> None:
        grid = np.zeros_like(screen)
        grid[::_STEP, ::_STEP] = True
        where = np.nonzero(screen & grid)
        left, right = int(where[1].min()), int(where[1].max()) + 1
        object.__setattr__(self, "where", where)
        object.__setattr__(self, "column", (where[1] - left) * _COLUMNS // (right - left))

    def of(self, picture: NDArray[np.generic]) -> Image:
        return picture[self.where].astype(np.float32)

    def best(self, looks: Image, look: Image) -> int:
        """Which of `looks` shows what `look` shows; -1: none."""
        sizes = np.bincount(self.column, minlength=_COLUMNS)
        different = np.abs(looks - look).max(axis=-1) > _DIFFERENT
        counts = np.stack([np.bincount(self.column[row], minlength=_COLUMNS) for row in different])
        same = (counts <= (1 - _SAME_COLUMN) * sizes).sum(axis=1)
        best = int(np.lexsort((counts.sum(axis=1), -same))[0])
        return best if same[best] >= _SAME_SLIDE * np.count_nonzero(sizes) else -1


def _changing(slides: Slides, screen: Mask) -> Mask:
    """The pixels of `screen` that change with the slides: others are of the room, or of something before the screen."""
    if len(slides) < 2:
        return screen
    times = np.zeros(screen.shape, np.int32)
    for before, after in pairwise(slides.astype(np.float32)):
        times += apart(before, after) > _DIFFERENT
    often = (times >= max(1, np.ceil(_SHARE_OF_CHANGES * (len(slides) - 1)))).astype(np.uint8)
    return cv2.morphologyEx(cv2.morphologyEx(often, cv2.MORPH_CLOSE, _OPEN), cv2.MORPH_OPEN, _OPEN) > 0


def _rectangles(mask: Mask) -> Mask:
    """The upright rectangles around the regions of `mask`."""
    filled = np.zeros_like(mask)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for left, top, width, height, _ in stats[1:]:
        filled[top : top + height, left : left + width] = True
    return filled
