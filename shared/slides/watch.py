"""Watch a screen sample by sample, and cut its time into stretches in which the picture stood still.

A stretch begins when a new picture has stood for `SETTLED_SAMPLES`, and ends with the next one that does. People before
the screen are left out by their boxes; what they cover is filled in from the samples in which they did not. A region
that moves all the time, as a video or an animation does, is left out of the comparison while it moves.

Each part of a recording has a watcher of its own. `join.py` puts the stretches of all parts together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.slides.screen import Mask, Picture

Grey = NDArray[np.uint8]
"""Height × width."""

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
_AROUND_PASSING = np.ones((5, 5), np.uint8)
"""A pixel of the last sample that differs from what stood there has just come up: its blurred edge reaches so far."""
_EVERY_PX_FOR_SHIFT = 4
"""The light's change is the median of every fourth pixel: more than 2,800 are enough."""
_CELL_PX = 8
"""Side of the cells in which lasting motion is measured."""
_MOTION_MEMORY = 0.8
"""Weight of the past in a cell's share of moving samples; 0.8 forgets half in three samples."""
_MOVING_SHARE = 0.5
"""Cells that moved in this share of the last samples are left out."""
_RESTLESS_SEC = 10.0
"""A place in which something moved is left out this much longer: an animation that loops comes back to all its places
within some seconds, and jumps to them."""
_MOST_RESTLESS_SHARE = 0.5
"""What moved on more of the screen is a film and no animation on a slide: only what moves now is left out."""
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
    last_grey: Grey
    last_covered: Mask
    composed_moving: Mask
    """Where `composed` was filled in from a sample that moved there."""
    restless: Mask
    """Where something moved in the last sample or not long before it."""
    shift: float = 0.0
    """How much brighter the last sample is than `reference`."""
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
        self._moved_at: NDArray[np.float32] | None = None
        self._last_moved_sec = -np.inf

    def see(self, time_sec: float, grey: Grey, covered: Mask, screen: Callable[[], Picture]) -> Iterator[Stretch]:
        """Take a sample, and yield the stretch that it ends, if it ends one.

        Args:
            time_sec: time of the sample.
            grey: the straightened screen, small.
            covered: where people cover it, of the same shape.
            screen: returns the straightened screen in full size, height × width × 3; called seldom.
        """
        moving = self._moving(grey, covered)
        restless = self._restless(time_sec, moving)
        shift = None if self._now is None else _shift_if_same(self._now, grey, covered | restless)
        if self._now is not None and shift is not None:
            self._extend(self._now, time_sec, grey, shift, covered, moving, screen)
            self._now.restless = restless
            self._next = None
            return
        left_out = covered | moving
        if np.count_nonzero(left_out) > (1 - _LEAST_SEEN_SHARE) * grey.size:
            self._next = None
            return
        shift = None if self._next is None else _shift_if_same(self._next, grey, left_out)
        if self._next is not None and shift is not None:
            self._extend(self._next, time_sec, grey, shift, covered, moving, screen)
            self._next.restless = restless
        else:
            self._next = _Candidate(
                start_sec=time_sec,
                last_sec=time_sec,
                reference=grey.astype(np.float32),
                known=~covered,
                samples=1,
                first=screen,
                composed_known=~covered,
                last=screen,
                last_grey=grey,
                last_covered=covered,
                composed_moving=moving & ~covered,
                restless=restless,
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
        columns, rows = -(-grey.shape[1] // _CELL_PX), -(-grey.shape[0] // _CELL_PX)
        if self._motion is None:
            self._motion = np.zeros((rows, columns), np.float32)
        if before is not None:
            self._motion *= _MOTION_MEMORY
            changed = (cv2.absdiff(grey, before) > _DIFFERENT_STEPS) & ~covered
            if changed.any():
                shares = cv2.resize(changed.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
                self._motion += (1 - _MOTION_MEMORY) * (shares > _CELL_MOVED_SHARE)
        often = self._motion > _MOVING_SHARE
        if not often.any():
            return np.zeros(grey.shape, bool)
        grown = cv2.dilate(often.astype(np.uint8), np.ones((3, 3), np.uint8))
        return cv2.resize(grown, grey.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0

    def _restless(self, time_sec: float, moving: Mask) -> Mask:
        """Return where something moves or moved not long ago; only where it moves, if that is most of the screen."""
        if self._moved_at is None:
            self._moved_at = np.full(moving.shape, -np.inf, np.float32)
        if moving.any():
            self._moved_at[moving] = time_sec
            self._last_moved_sec = time_sec
        if time_sec - self._last_moved_sec > _RESTLESS_SEC:
            return moving
        restless = self._moved_at >= time_sec - _RESTLESS_SEC
        return restless if np.count_nonzero(restless) <= _MOST_RESTLESS_SHARE * restless.size else moving

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
        freed = ~candidate.last_covered & ~candidate.composed_known
        if (freed & covered).any() and np.count_nonzero(freed) >= _NEWLY_SEEN_SHARE * freed.size:
            _fill(candidate.composed(), candidate.last(), freed)
            candidate.composed_known |= freed
            candidate.composed_moving |= freed & candidate.restless
        seen, unknown = ~(covered | moving), ~candidate.known
        cv2.accumulateWeighted(grey, candidate.reference, _FOLLOW_SHARE, mask=seen.view(np.uint8))
        np.add(candidate.reference, _FOLLOW_SHARE * shift, out=candidate.reference, where=~seen)
        if unknown.any():
            candidate.reference[unknown] = grey[unknown] - np.float32(shift)
            candidate.known |= seen
        candidate.samples += 1
        candidate.last_sec, candidate.last, candidate.last_covered = time_sec, screen, covered
        candidate.last_grey, candidate.shift = grey, shift

    def _finished(self, candidate: _Candidate, end_sec: float) -> Stretch:
        picture = candidate.last().copy()
        hidden = candidate.last_covered & candidate.composed_known
        if hidden.any():
            grown = cv2.dilate(hidden.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            _fill(picture, candidate.composed(), grown & candidate.composed_known)
        shown = ~candidate.last_covered | (hidden & ~candidate.composed_moving)
        away = cv2.absdiff(candidate.last_grey.astype(np.float32), candidate.reference + np.float32(candidate.shift))
        passing = cv2.dilate((away > _DIFFERENT_STEPS).astype(np.uint8), _AROUND_PASSING) > 0
        known = shown & ~candidate.restless & ~(passing & ~candidate.last_covered)
        return Stretch(candidate.start_sec, end_sec, known, picture)


def _shift_if_same(candidate: _Candidate, grey: Grey, left_out: Mask) -> float | None:
    """Return how much brighter the sample is than the candidate, if it shows its picture, else None.

    The camera's exposure follows the slides. What people cover and what moves is left out.
    """
    compared = candidate.known & ~left_out
    count = np.count_nonzero(compared)
    if count < _LEAST_SEEN_SHARE * grey.size:
        return None
    difference = np.asarray(cv2.subtract(grey, candidate.reference, dtype=cv2.CV_32F), np.float32)
    away: NDArray[np.float32] = difference[compared]
    some = away[::_EVERY_PX_FOR_SHIFT]
    shift = float(np.partition(some, some.size // 2)[some.size // 2])  # the upper median
    if abs(shift) > _DIFFERENT_STEPS:
        return None
    away -= shift
    return shift if np.count_nonzero(np.abs(away, out=away) > _DIFFERENT_STEPS) <= _SAME_SHARE * count else None


def _fill(picture: Picture, source: Picture, where: Mask) -> None:
    """Copy `source` into `picture` at the pixels that the small mask `where` covers."""
    height, width = picture.shape[:2]
    cv2.copyTo(source, cv2.resize(where.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST), picture)
