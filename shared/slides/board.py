"""Watch a blackboard or whiteboard sample by sample: what was written on it before each wipe, without the lecturer.

What stands on the board is ink: lines that differ from what is around them. A place is taken from the samples in which
no person covers it and nothing moves there. When much of the ink goes, the board was wiped, and the picture of its
fullest state is a stretch. Each part of a recording has a watcher of its own; `join.py` puts the stretches together.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.slides.screen import Mask, Picture
from shared.slides.watch import Stretch

Grey = NDArray[np.uint8]

_INK_STEPS = 16
"""A pixel is ink if it differs this much from the median of its surroundings."""
_AROUND_PX = 21
"""Side of the surroundings; strokes are thinner than half of it."""
_EVEN_STEPS = 45
"""The ground of ink is even if it varies by at most this much in the surroundings."""
_MOVING_STEPS = 14
"""A pixel moves if it differs this much from the sample before."""
_MARGIN_PX = 9
"""Motion and people are grown by this much: hands and shadows pass them."""
_NEAR_PX = 5
"""Ink within this distance is the same ink: a camera is never quite still."""
_LEAST_INK_SHARE = 0.0015
"""Least share of the picture that is written, or wiped; a short word in a room has 0.002."""
_WIPED_SHARE = 0.4
"""The board was wiped if this share of what was written on it is gone."""
_FULL_BOARD = 6
"""A part that began with ink on the board began with a full one if this many times the least ink of it is wiped."""
_LASTING = 4
"""How often in a row ink has to be there to be writing; what is put down for a moment, or stands there, is not."""
_SETTLED_SEC = 5.0
"""A wipe is over when no ink has gone for so long."""
_EVERY_SEC = 1.0
"""How often a sample is looked at."""
_JUDGED_EVERY_SEC = 3.0
"""How often it is looked for what was written and wiped."""


class BoardWatcher:
    """Cuts the samples of one part into stretches that end with a wipe, or with the part."""

    def __init__(self) -> None:
        self._looked_at = -_EVERY_SEC
        self._before: Grey | None = None
        self._was_free: Mask | None = None
        self._board: Grey | None = None
        self._seen: Mask
        self._age: NDArray[np.int16]
        self._large: Picture
        self._judged_at = 0.0
        self._start_sec = 0.0
        self._base: Mask
        self._old: Mask
        self._fullest: Mask
        self._picture: Picture
        self._known: Mask
        self._wiped_at: float | None = None
        self._has_ink = False

    def wants(self, time_sec: float) -> bool:
        """Return whether the sample at this time is looked at; not all are."""
        return time_sec - self._looked_at >= _EVERY_SEC - 1e-6

    def see(self, time_sec: float, grey: Grey, covered: Mask, full: Callable[[], Picture]) -> Iterator[Stretch]:
        """Take a sample that `wants` asks for, and yield the stretch that it ends, if it ends one.

        Args:
            time_sec: time of the sample.
            grey: the picture, small.
            covered: where people are, of the same shape.
            full: returns the picture in full size, height × width × 3.
        """
        self._looked_at = time_sec
        before, self._before = self._before, grey
        if before is None:
            return
        moving = _grown((cv2.absdiff(grey, before) > _MOVING_STEPS) | covered, _MARGIN_PX)
        free = ~moving
        was_free, self._was_free = self._was_free, free
        if was_free is None:
            return
        still = free & was_free
        if self._board is None:
            self._begin(time_sec, grey, still, full())
            return
        cv2.copyTo(grey, still.astype(np.uint8), self._board)
        self._seen = self._seen | still
        self._compose(full(), still)
        if time_sec - self._judged_at >= _JUDGED_EVERY_SEC:
            self._judged_at = time_sec
            yield from self._judge(time_sec, still)

    def finish(self, end_sec: float) -> Iterator[Stretch]:
        """Yield what stands on the board at the part's end, if anything was written in this part."""
        if self._board is not None and self._has_ink:
            ink = _ink(self._board) & self._seen
            lost = np.count_nonzero(self._fullest & ~_grown(ink, _NEAR_PX))
            if lost < _LEAST_INK_SHARE * self._board.size:
                self._picture, self._known = self._large, self._seen
            yield Stretch(self._start_sec, end_sec, self._known, self._picture)

    def _begin(self, time_sec: float, grey: Grey, still: Mask, full: Picture) -> None:
        self._board, self._seen, self._large = grey.copy(), still, full.copy()
        self._judged_at, self._start_sec = time_sec, max(0.0, time_sec - 2 * _EVERY_SEC)
        self._age = np.zeros(grey.shape, np.int16)
        self._restart(_ink(self._board) & still)

    def _restart(self, ink: Mask) -> None:
        """Begin a new stretch with this ink on the board."""
        self._base, self._fullest, self._has_ink = ink, ink, False
        self._old = np.zeros_like(ink)
        self._picture, self._known = self._large.copy(), self._seen.copy()

    def _compose(self, full: Picture, still: Mask) -> None:
        size = (full.shape[1], full.shape[0])
        cv2.copyTo(full, cv2.resize(still.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), self._large)

    def _judge(self, time_sec: float, still: Mask) -> Iterator[Stretch]:
        """Notice what was written and what was wiped."""
        assert self._board is not None
        least = _LEAST_INK_SHARE * self._board.size
        ink = _ink(self._board) & self._seen
        self._age = np.where(ink, self._age + 1, np.where(still, 0, self._age)).astype(np.int16)
        self._old = self._old | (self._base & (self._age >= _LASTING))
        near = _grown(ink, _NEAR_PX)
        lost = int(np.count_nonzero(self._fullest & ~near & still))
        written = int(np.count_nonzero(self._fullest & ~_grown(self._base, _NEAR_PX)))
        if self._wiped_at is not None:
            if lost >= least / 4:
                self._wiped_at = time_sec
            elif time_sec - self._wiped_at >= _SETTLED_SEC:
                self._wiped_at = None
            self._restart(ink)
            self._start_sec = time_sec
        elif lost >= least and lost >= _WIPED_SHARE * max(written, 1):
            if self._has_ink or np.count_nonzero(self._old & ~near & still) >= _FULL_BOARD * least:
                yield Stretch(self._start_sec, time_sec, self._known, self._picture)
            self._wiped_at, self._start_sec = time_sec, time_sec
            self._restart(ink)
        else:
            new = ink & ~_grown(self._base, _NEAR_PX)
            now = int(np.count_nonzero(new))
            uncovered = np.count_nonzero(self._seen & ~self._known) >= least
            if now > written or uncovered:
                self._fullest = ink | (self._fullest & ~still)
            if lost < least / 2:
                self._picture, self._known = self._large.copy(), self._seen.copy()
            self._has_ink = self._has_ink or bool(np.count_nonzero(new & (self._age >= _LASTING)) >= least)


def raise_contrast(picture: Picture) -> Picture:
    """Return the board with what is written a quarter stronger against what is around it."""
    around = cv2.GaussianBlur(picture, (0, 0), max(4.0, picture.shape[1] / 60)).astype(np.float32)
    raised = picture.astype(np.float32) + 0.25 * (picture.astype(np.float32) - around)
    return np.clip(raised, 0, 255).astype(np.uint8)


def _ink(board: Grey) -> Mask:
    """Return where thin lines stand on an even ground; the edges of people and furniture have two grounds."""
    around = cv2.medianBlur(board, _AROUND_PX)
    ink = (cv2.absdiff(board, around) > _INK_STEPS).astype(np.uint8)
    window = np.ones((_AROUND_PX, _AROUND_PX), np.uint8)
    is_even = cv2.subtract(cv2.dilate(around, window), cv2.erode(around, window)) <= _EVEN_STEPS
    return np.asarray((cv2.medianBlur(ink, 3) > 0) & is_even)


def _grown(mask: Mask, by_px: int) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((by_px, by_px), np.uint8)) > 0)
