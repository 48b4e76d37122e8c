"""Choose the instructor: find the best path through the candidates of all frames, with a state for absence.

A Viterbi search over the whole recording (https://en.wikipedia.org/wiki/Viterbi_algorithm). A candidate earns by its
score. A transition costs by how far the box moves and how much it grows in the time between. Arriving and leaving cost,
and a path may skip a few frames in which its person was missed. Switching from a person who is plainly still there to
another costs extra. Of two people, the one with the higher path is followed: who stays longer and moves as people move.

Where people wear different clothes (`identities.py`), a path also knows whose it is. Each of its candidates costs by
how much its clothes speak against that person, and becoming another person costs once. That is remembered through a
blob in which two people are one.

Apart from files, pictures and metrics, which it knows nothing of.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shared.tracking.detection import Box, Detection, FrameDetections
from shared.tracking.track.observations import SIZE_COST, Candidates, gather

MAX_FILLED_SEC = 2.0
"""Longest gap without an observation that is interpolated."""
INTERPOLATED_CONFIDENCE = 0.5
"""Factor on the confidence of an interpolated point: no person was seen there."""

# Costs are for a sample at 2 a second or slower; at faster rates a sample counts for less (see `_weight`).
_COME_OR_GO_COST = 0.3
"""Cost of arriving, and of leaving. Both together cost more than one sample can earn (0.36), so that a blip is no
presence."""
_MISS_COST_PER_SEC = 0.2
"""Cost of time without an observation. Two seconds cost more than a sample earns, so that a later blip does not extend
a presence."""
_STILL_SHARE = 0.05
"""Distance by which detections of a standing person move, in frame widths."""
_WALK_PER_SEC = 0.4
"""Speed up to which people walk, in frame widths a second."""
_DISTANCE_COST = 0.25
"""Cost of a way of one frame width."""
_TOO_FAR_COST = 4.0
"""Cost of each frame width beyond the distance that a person can walk."""
_SAME_LOG_SIZE = math.log(2.0)
"""Change of the logarithm of the area that costs nothing."""
_JUMP_LOSES = 0.25
"""Excess of a jump's cost over leaving and arriving. A cut of the camera moves a person anywhere; a jump costs a little
less than leaving, losing a sure sample and arriving, which would leave a gap to be interpolated half way."""
_OTHER_PERSON_COST = 1.5
"""Cost of switching to another person while the first is still visible, or to one who was visible before: that is no
cut."""
_BECOMES_ANOTHER_COST = 2.0
"""Cost of following another person from here on."""


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """A position of the instructor."""

    time_sec: float
    """Time on the recording's clock."""
    box: Box
    """Box in fractions of the frame."""
    confidence: float
    """Confidence, 0 to 1."""
    state: Literal["observed", "interpolated"]

    @property
    def x(self) -> float:
        """Return the x of the box's centre, in fractions of the frame."""
        return self.box[0] + self.box[2] / 2

    @property
    def y(self) -> float:
        """Return the y of the box's centre, in fractions of the frame."""
        return self.box[1] + self.box[3] / 2


@dataclass(frozen=True, slots=True, eq=False)
class _Absence:
    """The best paths that are in absence after a frame, for each person."""

    earned: NDArray[np.float64]
    """What each path has earned."""
    left: NDArray[np.int64]
    """The last state of each path; -1 for none."""


def associate(frames: Sequence[FrameDetections], sample_fps: float) -> list[TrackPoint]:
    """Return the instructor's track over the whole recording: points on the grid t = index / `sample_fps`, in order.

    Two observations up to `MAX_FILLED_SEC` apart (not counting the sample period of the first one) are joined by linear
    interpolation at every grid point. Longer gaps stay open. Time and memory are proportional to the number of frames.

    Raise ValueError if `sample_fps` is not positive or the indices of `frames` do not rise.
    """
    if sample_fps <= 0:
        raise ValueError(f"sample_fps is {sample_fps}, and has to be above 0")
    for index, after in pairwise(frame.index for frame in frames):
        if after <= index:
            raise ValueError(f"frame {after} does not come after frame {index}")
    missable = math.floor(MAX_FILLED_SEC * sample_fps + 1e-6)
    candidates = gather(frames, _weight(sample_fps))
    path = _best_path(frames, candidates, missable, sample_fps)
    points: list[TrackPoint] = []
    seen = [(int(candidates.index[node]), candidates.detections[node]) for node in path]
    for n, (at, detection) in enumerate(seen):
        if n and at - seen[n - 1][0] - 1 <= missable:
            points += _interpolate(seen[n - 1], seen[n], sample_fps)
        points.append(TrackPoint(at / sample_fps, detection.box, detection.score, "observed"))
    return points


def _weight(sample_fps: float) -> float:
    """Return the weight of a sample: above 2 samples a second, in proportion to the time that it stands for."""
    return min(1.0, 2.0 / sample_fps)


def _best_path(
    frames: Sequence[FrameDetections], candidates: Candidates, missable: int, sample_fps: float
) -> list[int]:
    """Return the numbers of the candidates along the path that earns most, at most one for each frame.

    A state is a candidate as one of the people, and its number is candidate × people + person. A state that follows an
    absence is linked directly to the one before the absence.
    """
    first, people = candidates.first, candidates.earns.shape[1]
    total = np.zeros(candidates.earns.shape)
    came_from = np.full(total.shape, -1, dtype=np.int64)
    absent = _Absence(np.zeros(people), np.full(people, -1, dtype=np.int64))
    oldest = 0  # the first frame that a path may come from without an absence
    for n, frame in enumerate(frames):
        while frames[oldest].index < frame.index - 1 - missable:
            oldest += 1
        missing = n > 0 and frame.index - frames[n - 1].index > 1
        if missing:  # a missing frame leaves time to leave and to arrive again
            absent = _leave(total, candidates, first[n - 1], first[n], absent)
        here, behind = slice(first[n], first[n + 1]), slice(first[oldest], first[n])
        if here.stop > here.start:
            hasty = _OTHER_PERSON_COST * (candidates.previous_same[here] >= 0)
            arrived = absent.earned - _COME_OR_GO_COST - hasty[:, None]
            origin = np.broadcast_to(absent.left, arrived.shape)
            if behind.stop > behind.start:
                cost = _transition_cost(candidates, behind, here, sample_fps)
                reached = total[behind][None] - cost[:, :, None]
                best = np.argmax(reached, axis=1)
                earned = np.take_along_axis(reached, best[:, None], axis=1)[:, 0]
                origin = np.where(earned > arrived, (best + behind.start) * people + np.arange(people), origin)
                arrived = np.maximum(earned, arrived)
            total[here], came_from[here] = _become_another(arrived + candidates.earns[here], origin)
        if n and not missing:
            absent = _leave(total, candidates, first[n - 1], first[n], absent)
    if frames:
        absent = _leave(total, candidates, first[-2], first[-1], absent)
    path = []
    at = int(absent.left[np.argmax(absent.earned)])
    while at >= 0:
        path.append(at // people)
        at = int(came_from.flat[at])
    return path[::-1]


def _become_another(earned: NDArray[np.float64], origin: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what paths earn as each person (last axis) and where they came from, with the option of a change."""
    best = np.argmax(earned, axis=-1)[..., None]
    changed = np.take_along_axis(earned, best, axis=-1) - _BECOMES_ANOTHER_COST
    better = changed > earned
    return np.where(better, changed, earned), np.where(better, np.take_along_axis(origin, best, axis=-1), origin)


def _leave(total: NDArray[np.float64], candidates: Candidates, start: int, stop: int, absent: "_Absence") -> "_Absence":
    """Return the absence with the option of leaving after candidates `start` to `stop`."""
    if stop <= start:
        return absent
    hasty = _OTHER_PERSON_COST * (candidates.next_same[start:stop] >= 0)
    leaving = total[start:stop] - _COME_OR_GO_COST - hasty[:, None]
    best = np.argmax(leaving, axis=0)
    people = np.arange(len(absent.earned))
    better = leaving[best, people] > absent.earned
    left = np.where(better, (start + best) * len(people) + people, absent.left)
    return _Absence(*_become_another(np.where(better, leaving[best, people], absent.earned), left))


def _transition_cost(candidates: Candidates, behind: slice, here: slice, sample_fps: float) -> NDArray[np.float64]:
    """Return the cost of going from each candidate `behind` (columns) to each one `here` (rows)."""
    steps = candidates.index[here][:, None] - candidates.index[behind][None, :]
    way = candidates.centre[here][:, None, :] - candidates.centre[behind][None, :, :]
    distance = np.sqrt((way**2).sum(axis=2))
    growth = np.abs(candidates.log_area[here][:, None] - candidates.log_area[behind][None, :])
    too_far = np.maximum(distance - _STILL_SHARE - _WALK_PER_SEC * steps / sample_fps, 0.0)
    cost = _DISTANCE_COST * distance + _TOO_FAR_COST * too_far + SIZE_COST * np.maximum(growth - _SAME_LOG_SIZE, 0.0)
    jump = 2 * _COME_OR_GO_COST + _JUMP_LOSES * _weight(sample_fps)
    behind_are, here_are = np.arange(behind.start, behind.stop), np.arange(here.start, here.stop)
    next_same, previous_same = candidates.next_same[behind][None, :], candidates.previous_same[here][:, None]
    others = ((next_same >= 0) & (next_same != here_are[:, None])).astype(np.int64)
    others += (previous_same >= 0) & (previous_same != behind_are[None, :])
    missed = _MISS_COST_PER_SEC / sample_fps * (steps - 1)
    priced: NDArray[np.float64] = np.minimum(cost, jump) + missed + _OTHER_PERSON_COST * others
    return priced


def _interpolate(before: tuple[int, Detection], after: tuple[int, Detection], sample_fps: float) -> list[TrackPoint]:
    """Return the grid points between two observations, on the straight line between them."""
    points = []
    for index in range(before[0] + 1, after[0]):
        part = (index - before[0]) / (after[0] - before[0])
        x, y, width, height = (
            round((1 - part) * a + part * b, 4) for a, b in zip(before[1].box, after[1].box, strict=True)
        )
        confidence = INTERPOLATED_CONFIDENCE * ((1 - part) * before[1].score + part * after[1].score)
        points.append(TrackPoint(index / sample_fps, (x, y, width, height), confidence, "interpolated"))
    return points
