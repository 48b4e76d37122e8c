"""Watch a screen sample by sample, and cut its time into stretches in which the picture stood still.

A stretch begins when a new picture has stood for `SETTLED_SAMPLES`, and ends with the next one that does. People before
the screen are left out by their boxes; what they cover is filled in from the samples in which they did not. A region
that moves all the time, as a video or an animation does, is left out of the comparison while it moves.

Each part of a recording has a watcher of its own. `join.py` puts the stretches of all parts together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.slides.screen import Mask, Picture

Grey = NDArray[np.float32]
"""Height × width, 0 to 255."""

SIGNATURE_WIDTH_PX = 240
"""Width of the small picture that is compared."""
SETTLED_SAMPLES = 3
"""A picture counts from so many equal samples in a row on: 1.5 s at 2 samples a second."""
_DIFFERENT_STEPS = 20.0
"""A pixel differs beyond this distance, in steps of 0 to 255."""
_SAME_SHARE = 0.006
"""Most pixels that differ in the same picture; the shortest line of a list changes about 0.8%."""
_LEAST_SEEN_SHARE = 0.35
"""Least share of the screen that has to be comparable; with less, nothing is known of the sample."""
_NEWLY_SEEN_SHARE = 0.003
"""Share of the screen that has to come free before the covered places are filled in again."""
_FOLLOW_SHARE = 0.1
"""Weight of a sample in the picture it is compared with, which follows slow changes of light."""
_CELL_PX = 8
"""Side of the cells in which lasting motion is measured."""
_MOTION_MEMORY = 0.8
"""Weight of the past in a cell's share of moving samples; 0.8 forgets half in three samples."""
_MOVING_SHARE = 0.5
"""Cells that moved in this share of the last samples are left out."""
_CELL_MOVED_SHARE = 0.12
"""Share of a cell's pixels that differ when it moves."""


@dataclass(slots=True)
class Stretch:
    """A time in which the screen stood still."""

    start_sec: float
    end_sec: float
    known: Mask
    """Where `picture` shows the screen: neither people nor motion; of the size of the small pictures."""
    picture: Picture
    """The straightened screen in the stretch's last moment, without people where they left a place free."""


@dataclass(slots=True)
class _Candidate:
    """A picture that has stood since `start_sec`."""

    start_sec: float
    last_sec: float
    reference: Grey
    known: Mask
    """Where `reference` is known."""
    samples: int
    first: Callable[[], Picture]
    """Returns the straightened screen of the first sample."""
    composed_known: Mask
    """Where `composed` shows the screen and no person."""
    last: Callable[[], Picture]
    """Returns the straightened screen of the last sample that agreed."""
    last_covered: Mask
    moving: Mask = field(default_factory=lambda: np.zeros((0, 0), bool))
    """Where the last sample moved."""
    filled_in: Picture | None = None
    """The straightened screen, filled in from several samples; made when it is needed, which is seldom."""

    def composed(self) -> Picture:
        """Return the straightened screen as far as it was seen free of people."""
        if self.filled_in is None:
            self.filled_in = self.first().copy()
        return self.filled_in


class ScreenWatcher:
    """Cuts the samples of one part into stretches.

    Args:
        sample_sec: time between two samples, in seconds.
    """

    def __init__(self, sample_sec: float) -> None:
        self._sample_sec = sample_sec
        self._now: _Candidate | None = None
        self._next: _Candidate | None = None
        self._before: Grey | None = None
        self._motion: NDArray[np.float32] | None = None

    def see(self, time_sec: float, grey: Grey, covered: Mask, screen: Callable[[], Picture]) -> Iterator[Stretch]:
        """Take a sample, and yield the stretch that it ends, if it ends one.

        Args:
            time_sec: time of the sample.
            grey: the straightened screen, small.
            covered: where people cover it, of the same shape.
            screen: returns the straightened screen in full size, height × width × 3; called seldom.
        """
        moving = self._moving(grey, covered)
        shift = None if self._now is None else _shift_if_same(self._now, grey, covered, moving)
        if self._now is not None and shift is not None:
            self._extend(self._now, time_sec, grey, shift, covered, moving, screen)
            self._next = None
            return
        if np.count_nonzero(~(covered | moving)) < _LEAST_SEEN_SHARE * grey.size:
            self._next = None
            return
        shift = None if self._next is None else _shift_if_same(self._next, grey, covered, moving)
        if self._next is not None and shift is not None:
            self._extend(self._next, time_sec, grey, shift, covered, moving, screen)
        else:
            self._next = _Candidate(
                time_sec, time_sec, grey.copy(), ~covered, 1, screen, ~covered, screen, covered, moving
            )
        if self._next.samples >= SETTLED_SAMPLES:
            if self._now is not None:
                yield self._finished(self._now, min(self._next.start_sec, self._now.last_sec + self._sample_sec))
            self._now, self._next = self._next, None

    def finish(self, end_sec: float) -> Iterator[Stretch]:
        """Yield the stretch that lasts until the end of the part."""
        if self._now is not None:
            yield self._finished(self._now, min(end_sec, self._now.last_sec + self._sample_sec))
        self._now = self._next = None

    def _moving(self, grey: Grey, covered: Mask) -> Mask:
        """Return where the screen has moved in most of the last samples."""
        before, self._before = self._before, grey
        rows, columns = -(-grey.shape[0] // _CELL_PX), -(-grey.shape[1] // _CELL_PX)
        if self._motion is None:
            self._motion = np.zeros((rows, columns), np.float32)
        if before is not None:
            changed = ((np.abs(grey - before) > _DIFFERENT_STEPS) & ~covered).astype(np.float32)
            shares = cv2.resize(changed, (columns, rows), interpolation=cv2.INTER_AREA)
            moved = (shares > _CELL_MOVED_SHARE).astype(np.float32)
            self._motion = _MOTION_MEMORY * self._motion + (1 - _MOTION_MEMORY) * moved
        often = cv2.dilate((self._motion > _MOVING_SHARE).astype(np.uint8), np.ones((3, 3), np.uint8))
        return cv2.resize(often, grey.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0

    def _extend(
        self,
        candidate: _Candidate,
        time_sec: float,
        grey: Grey,
        shift: float,
        covered: Mask,
        moving: Mask,
        screen: Callable[[], Picture],
    ) -> None:
        """Note that the candidate still stands at `time_sec`, and fill in what people covered before.

        `shift` tells how much brighter the sample is than the candidate.
        """
        seen = ~covered & ~moving
        blended = (1 - _FOLLOW_SHARE) * candidate.reference + _FOLLOW_SHARE * grey
        known = np.where(seen, blended, candidate.reference + _FOLLOW_SHARE * shift)
        candidate.reference = np.where(candidate.known, known, grey - shift)
        candidate.known |= seen
        newly = ~covered & ~candidate.composed_known
        if np.count_nonzero(newly) >= _NEWLY_SEEN_SHARE * newly.size:
            _fill(candidate.composed(), screen(), newly)
            candidate.composed_known |= newly
        candidate.samples += 1
        candidate.last_sec, candidate.last, candidate.last_covered = time_sec, screen, covered
        candidate.moving = moving

    def _finished(self, candidate: _Candidate, end_sec: float) -> Stretch:
        picture = candidate.last().copy()
        hidden = candidate.last_covered & candidate.composed_known
        if hidden.any():
            _fill(picture, candidate.composed(), cv2.dilate(hidden.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
        shown = candidate.composed_known | ~candidate.last_covered
        return Stretch(candidate.start_sec, end_sec, shown & ~candidate.moving, picture)


def _shift_if_same(candidate: _Candidate, grey: Grey, covered: Mask, moving: Mask) -> float | None:
    """Return how much brighter the sample is than the candidate, if it shows its picture, else None.

    The camera's exposure follows the slides.
    """
    compared = candidate.known & ~covered & ~moving
    count = np.count_nonzero(compared)
    if count < _LEAST_SEEN_SHARE * grey.size:
        return None
    away = (grey - candidate.reference)[compared]
    shift = float(np.partition(away, count // 2)[count // 2])  # the upper median
    if abs(shift) > _DIFFERENT_STEPS:
        return None
    return shift if np.count_nonzero(np.abs(away - shift) > _DIFFERENT_STEPS) <= _SAME_SHARE * count else None


def _fill(picture: Picture, source: Picture, where: Mask) -> None:
    """Copy `source` into `picture` at the pixels that the small mask `where` covers."""
    height, width = picture.shape[:2]
    cv2.copyTo(source, cv2.resize(where.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST), picture)
