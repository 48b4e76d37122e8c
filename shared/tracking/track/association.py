"""Choose the instructor: find the best path through the candidates of all frames, with a state for absence.

A Viterbi search over the whole recording (https://en.wikipedia.org/wiki/Viterbi_algorithm). A candidate earns by its
score. A transition costs by how far the box moves and how much it grows in the time between. Arriving and leaving cost,
and a path may skip a few frames in which its person was missed. Switching from a person who is plainly still there to
another costs extra. Of two people, the one with the higher path is followed: who stays longer and moves as people move.

Apart from files, pictures and metrics, which it knows nothing of.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shared.tracking.detection import Box, Detection, FrameDetections

MAX_FILLED_SEC = 2.0
"""Longest gap without an observation that is interpolated."""
MAX_CANDIDATES = 8
"""Number of detections of a frame that are considered, by score."""
INTERPOLATED_CONFIDENCE = 0.5
"""Factor on the confidence of an interpolated point: no person was seen there."""

# Earnings and costs are for a sample at 2 a second or slower; at faster rates a sample counts for less (see `_weight`).
_SCORES = (0.0, 0.25, 0.4, 0.6, 1.0)
"""Support points of the earning of a score. Above 0.6 it hardly rises: a passer-by with high scores must not outbid the
person who is always there."""
_EARNINGS = (-0.25, 0.0, 0.25, 0.35, 0.36)
"""Earning at each of `_SCORES`. A score of 0.25 is neutral, from 0.4 it is most likely a person, above 0.6 surely."""
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
_SIZE_COST = 0.3
"""Cost of each further unit of the logarithm of the area."""
_JUMP_LOSES = 0.25
"""Excess of a jump's cost over leaving and arriving. A cut of the camera moves a person anywhere; a jump costs a little
less than leaving, losing a sure sample and arriving, which would leave a gap to be interpolated half way."""
_OTHER_PERSON_COST = 1.5
"""Cost of switching to another person while the first is still visible, or to one who was visible before: that is no
cut."""
_PLAINLY_SEEN_SCORE = 0.3
"""Least score of a candidate that is linked to the next sample."""
_SAME_PERSON_SHARE = 0.12
"""Largest distance of linked candidates, in frame widths."""
_PLAINLY_NEARER_RATIO = 2.0
"""Candidates are linked if every rival is at least this many times less alike."""


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


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The candidates of all frames in flat arrays; frame n owns those from `first[n]` to `first[n + 1]`."""

    detections: Sequence[Detection]
    first: Sequence[int]
    index: NDArray[np.int64]
    """Number of the frame of each candidate on the sampling grid."""
    earns: NDArray[np.float64]
    """Weighted earning of each candidate."""
    centre: NDArray[np.float64]
    """Centre of each box, n × 2."""
    log_area: NDArray[np.float64]
    """Natural logarithm of the area of each box."""
    next_same: NDArray[np.int64]
    """Candidate of the next sample that is the same person, as far as the two samples tell; -1 for none."""
    previous_same: NDArray[np.int64]
    """Candidate of the previous sample that is the same person; -1 for none."""


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
    candidates = _candidates(frames, _weight(sample_fps))
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


def _candidates(frames: Sequence[FrameDetections], weight: float) -> _Candidates:
    """Return the best `MAX_CANDIDATES` detections of each frame, with earnings and links to the next sample's."""
    detections: list[Detection] = []
    index: list[int] = []
    first = [0]
    for frame in frames:
        best = sorted(frame.detections, key=lambda each: (-each.score, each.box))[:MAX_CANDIDATES]
        detections += best
        index += [frame.index] * len(best)
        first.append(len(detections))
    boxes = np.array([each.box for each in detections], dtype=np.float64).reshape(-1, 4)
    scores = np.array([each.score for each in detections], dtype=np.float64)
    earns = np.interp(scores, _SCORES, _EARNINGS)
    centre = boxes[:, :2] + boxes[:, 2:] / 2
    log_area = np.log(np.maximum(boxes[:, 2] * boxes[:, 3], 1e-6))
    next_same, previous_same = np.full((2, len(detections)), -1, dtype=np.int64)
    for n, (frame, after) in enumerate(pairwise(frames)):
        if after.index == frame.index + 1 and first[n + 2] > first[n + 1] > first[n]:
            one, other = np.arange(first[n], first[n + 1]), np.arange(first[n + 1], first[n + 2])
            _link(
                one[scores[one] >= _PLAINLY_SEEN_SCORE],
                other[scores[other] >= _PLAINLY_SEEN_SCORE],
                centre,
                log_area,
                next_same,
            )
    linked = np.flatnonzero(next_same >= 0)
    previous_same[next_same[linked]] = linked
    return _Candidates(
        detections, first, np.array(index, np.int64), earns * weight, centre, log_area, next_same, previous_same
    )


def _link(
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    centre: NDArray[np.float64],
    log_area: NDArray[np.float64],
    next_same: NDArray[np.int64],
) -> None:
    """Fill `next_same` with the links from candidates `one` to candidates `other` of the next sample.

    Two candidates are linked if they are plainly the nearest to each other. Where two people cross, neither is linked.
    """
    if not len(one) or not len(other):
        return
    away = np.hypot(*np.moveaxis(centre[one][:, None] - centre[other][None], 2, 0))
    unlike = away + _SIZE_COST * np.abs(log_area[one][:, None] - log_area[other][None])
    for row, column in enumerate(np.argmin(unlike, axis=1)):
        rivals = np.concatenate([np.delete(unlike[row], column), np.delete(unlike[:, column], row)])
        is_plain = len(rivals) == 0 or float(rivals.min()) >= _PLAINLY_NEARER_RATIO * unlike[row, column]
        if is_plain and away[row, column] <= _SAME_PERSON_SHARE:
            next_same[one[row]] = other[column]


def _best_path(
    frames: Sequence[FrameDetections], candidates: _Candidates, missable: int, sample_fps: float
) -> list[int]:
    """Return the numbers of the candidates along the path that earns most, at most one for each frame.

    `absent` is the earning of the best path that is in absence at the frame before, and `left` its last candidate (-1
    for none). A candidate that follows an absence is linked directly to the one before the absence.
    """
    first = candidates.first
    total = np.zeros(len(candidates.detections))
    came_from = np.full(len(candidates.detections), -1, dtype=np.int64)
    absent, left = 0.0, -1
    oldest = 0  # the first frame that a path may come from without an absence
    for n, frame in enumerate(frames):
        while frames[oldest].index < frame.index - 1 - missable:
            oldest += 1
        missing = n > 0 and frame.index - frames[n - 1].index > 1
        if missing:  # a missing frame leaves time to leave and to arrive again
            absent, left = _leave(total, candidates, first[n - 1], first[n], absent, left)
        here, behind = slice(first[n], first[n + 1]), slice(first[oldest], first[n])
        if here.stop > here.start:
            arrived = absent - _COME_OR_GO_COST - _OTHER_PERSON_COST * (candidates.previous_same[here] >= 0)
            origin = np.full(here.stop - here.start, left, dtype=np.int64)
            if behind.stop > behind.start:
                reached = total[behind] - _transition_cost(candidates, behind, here, sample_fps)
                best = np.argmax(reached, axis=1)
                earned = reached[np.arange(len(best)), best]
                origin = np.where(earned > arrived, best + behind.start, origin)
                arrived = np.maximum(earned, arrived)
            total[here] = arrived + candidates.earns[here]
            came_from[here] = origin
        if n and not missing:
            absent, left = _leave(total, candidates, first[n - 1], first[n], absent, left)
    if frames:
        absent, left = _leave(total, candidates, first[-2], first[-1], absent, left)
    path = []
    while left >= 0:
        path.append(left)
        left = int(came_from[left])
    return path[::-1]


def _leave(
    total: NDArray[np.float64], candidates: _Candidates, start: int, stop: int, absent: float, left: int
) -> tuple[float, int]:
    """Return the earning of absence and its last candidate, with the option of leaving after candidates `start` to
    `stop`."""
    if stop > start:
        earned = total[start:stop] - _COME_OR_GO_COST - _OTHER_PERSON_COST * (candidates.next_same[start:stop] >= 0)
        best = int(np.argmax(earned))
        if earned[best] > absent:
            return float(earned[best]), start + best
    return absent, left


def _transition_cost(candidates: _Candidates, behind: slice, here: slice, sample_fps: float) -> NDArray[np.float64]:
    """Return the cost of going from each candidate `behind` (columns) to each one `here` (rows)."""
    steps = candidates.index[here][:, None] - candidates.index[behind][None, :]
    way = candidates.centre[here][:, None, :] - candidates.centre[behind][None, :, :]
    distance = np.sqrt((way**2).sum(axis=2))
    growth = np.abs(candidates.log_area[here][:, None] - candidates.log_area[behind][None, :])
    too_far = np.maximum(distance - _STILL_SHARE - _WALK_PER_SEC * steps / sample_fps, 0.0)
    cost = _DISTANCE_COST * distance + _TOO_FAR_COST * too_far + _SIZE_COST * np.maximum(growth - _SAME_LOG_SIZE, 0.0)
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
