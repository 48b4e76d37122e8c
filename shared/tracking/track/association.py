"""Whom to follow: the best path through all frames' candidates, with a state for nobody being there.

A Viterbi search over the whole recording (https://en.wikipedia.org/wiki/Viterbi_algorithm): a candidate earns by its
score, a step costs by how far the box moves and how much it grows in the time between, coming and going cost, and a
path may pass over a few frames in which its person was not seen. To leave somebody who is plainly still there for
somebody else costs extra. Among two people the one whose path earns more is
followed: who stays longer, and moves as people move. Knows nothing of files, pictures or metrics.
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
"""The longest gap that is filled in: the time in which nobody was observed."""
MAX_CANDIDATES = 8
"""The best-scored detections of a frame that are considered."""
INTERPOLATED_CONFIDENCE = 0.5
"""Of what the observations on both sides would give: nobody was seen there."""

# Earnings and costs are for a sample at 2 a second or slower; at faster rates a sample counts for less (see `_weight`).
# A score of 0.25 tells nothing either way. From 0.4 on a candidate is most likely a person, above 0.6 surely, and
# hardly more so with a higher score: a passer-by with high scores must not outbid the one who is there all the time.
_SCORES, _EARN = (0.0, 0.25, 0.4, 0.6, 1.0), (-0.25, 0.0, 0.25, 0.35, 0.36)
# Coming and going together cost more than one sample can earn (at most 0.36): a blip is no presence. Two seconds
# without an observation cost as much, so that a blip after them does not make the presence before it longer.
_COME_OR_GO = 0.3
_MISS_PER_SEC = 0.2
# People walk at up to 0.4 frame widths a second; detections of one who stands still move by 0.05.
_STILL = 0.05
_WALK_PER_SEC = 0.4
_DISTANCE = 0.25
_TOO_FAR = 4.0
_SAME_SIZE = math.log(2.0)
_SIZE = 0.3
# A cut of the camera moves a person to anywhere, so a jump has a price: a little less than going, losing a sure sample
# and coming again, which would leave a hole to be filled in half way between the two places.
_JUMP_LOSES = 0.25
# To go over to somebody else while the one before is still to be seen, or to one who was to be seen before, is no cut.
_OTHER_PERSON = 1.5
_PLAINLY_SEEN = 0.3
_SAME_PERSON = 0.12
_PLAINLY_NEARER = 2.0


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """Where the instructor is `time_sec` into the recording; box in fractions of the frame, confidence 0 to 1."""

    time_sec: float
    box: Box
    confidence: float
    state: Literal["observed", "interpolated"]

    @property
    def x(self) -> float:
        return self.box[0] + self.box[2] / 2

    @property
    def y(self) -> float:
        return self.box[1] + self.box[3] / 2


@dataclass(frozen=True, slots=True)
class _Candidates:
    """All frames' candidates in one row; frame n's are those from `first[n]` to `first[n + 1]`."""

    detections: Sequence[Detection]
    first: Sequence[int]
    index: NDArray[np.int64]
    earns: NDArray[np.float64]
    centre: NDArray[np.float64]
    log_area: NDArray[np.float64]
    goes_on: NDArray[np.int64]
    """Who of the next sample's is the same person, as far as that can be told from the two alone; -1: nobody."""
    was: NDArray[np.int64]
    """Who of the sample's before is; -1: nobody."""


def associate(frames: Sequence[FrameDetections], sample_fps: float) -> list[TrackPoint]:
    """The instructor's track over the whole recording: points on the grid t = index / `sample_fps`, in order.

    `frames` are in order of their index, each once (ValueError otherwise). Between two observations that are up to
    `MAX_FILLED_SEC` apart, not counting the sample period that the first of them stands for, every grid point is filled
    in linearly; longer gaps stay open. Takes time and memory in proportion to the number of frames.
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
            points += _between(seen[n - 1], seen[n], sample_fps)
        points.append(TrackPoint(at / sample_fps, detection.box, detection.score, "observed"))
    return points


def _weight(sample_fps: float) -> float:
    """How much a sample counts: at more than 2 a second, in proportion to the time that it stands for."""
    return min(1.0, 2.0 / sample_fps)


def _candidates(frames: Sequence[FrameDetections], weight: float) -> _Candidates:
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
    earns = np.interp(scores, _SCORES, _EARN)
    centre = boxes[:, :2] + boxes[:, 2:] / 2
    log_area = np.log(np.maximum(boxes[:, 2] * boxes[:, 3], 1e-6))
    goes_on, was = np.full((2, len(detections)), -1, dtype=np.int64)
    for n, (frame, after) in enumerate(pairwise(frames)):
        if after.index == frame.index + 1 and first[n + 2] > first[n + 1] > first[n]:
            one, other = np.arange(first[n], first[n + 1]), np.arange(first[n + 1], first[n + 2])
            _link(one[scores[one] >= _PLAINLY_SEEN], other[scores[other] >= _PLAINLY_SEEN], centre, log_area, goes_on)
    linked = np.flatnonzero(goes_on >= 0)
    was[goes_on[linked]] = linked
    return _Candidates(detections, first, np.array(index, np.int64), earns * weight, centre, log_area, goes_on, was)


def _link(
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    centre: NDArray[np.float64],
    log_area: NDArray[np.float64],
    goes_on: NDArray[np.int64],
) -> None:
    """Note in `goes_on` which of the `other` sample's candidates are which of `one`'s: those plainly nearest to each
    other, but nobody where two cross."""
    if not len(one) or not len(other):
        return
    away = np.hypot(*np.moveaxis(centre[one][:, None] - centre[other][None], 2, 0))
    unlike = away + _SIZE * np.abs(log_area[one][:, None] - log_area[other][None])
    for row, column in enumerate(np.argmin(unlike, axis=1)):
        rivals = np.concatenate([np.delete(unlike[row], column), np.delete(unlike[:, column], row)])
        is_plain = len(rivals) == 0 or float(rivals.min()) >= _PLAINLY_NEARER * unlike[row, column]
        if is_plain and away[row, column] <= _SAME_PERSON:
            goes_on[one[row]] = other[column]


def _best_path(
    frames: Sequence[FrameDetections], candidates: _Candidates, missable: int, sample_fps: float
) -> list[int]:
    """The candidates along the path that earns most, one a frame at most.

    `absent` is what the best path earns that has nobody at the frame before, `left` the last candidate on it; a
    candidate that comes out of absence so leads straight back to the one before the absence, and -1 is none.
    """
    first = candidates.first
    total = np.zeros(len(candidates.detections))
    came_from = np.full(len(candidates.detections), -1, dtype=np.int64)
    absent, left = 0.0, -1
    oldest = 0  # the first frame that a path may come from without having been absent
    for n, frame in enumerate(frames):
        while frames[oldest].index < frame.index - 1 - missable:
            oldest += 1
        missing = n > 0 and frame.index - frames[n - 1].index > 1
        if missing:  # time to leave and to come again, without a frame that shows it
            absent, left = _leave(total, candidates, first[n - 1], first[n], absent, left)
        here, behind = slice(first[n], first[n + 1]), slice(first[oldest], first[n])
        if here.stop > here.start:
            arrived = absent - _COME_OR_GO - _OTHER_PERSON * (candidates.was[here] >= 0)
            origin = np.full(here.stop - here.start, left, dtype=np.int64)
            if behind.stop > behind.start:
                reached = total[behind] - _step_cost(candidates, behind, here, sample_fps)
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
    """What absence earns, and its last candidate, once one may have left after the candidates `start` to `stop`."""
    if stop > start:
        earned = total[start:stop] - _COME_OR_GO - _OTHER_PERSON * (candidates.goes_on[start:stop] >= 0)
        best = int(np.argmax(earned))
        if earned[best] > absent:
            return float(earned[best]), start + best
    return absent, left


def _step_cost(candidates: _Candidates, behind: slice, here: slice, sample_fps: float) -> NDArray[np.float64]:
    """What it costs to go from each candidate `behind` (columns) to each one `here` (rows)."""
    steps = candidates.index[here][:, None] - candidates.index[behind][None, :]
    way = candidates.centre[here][:, None, :] - candidates.centre[behind][None, :, :]
    distance = np.sqrt((way**2).sum(axis=2))
    growth = np.abs(candidates.log_area[here][:, None] - candidates.log_area[behind][None, :])
    too_far = np.maximum(distance - _STILL - _WALK_PER_SEC * steps / sample_fps, 0.0)
    cost = _DISTANCE * distance + _TOO_FAR * too_far + _SIZE * np.maximum(growth - _SAME_SIZE, 0.0)
    jump = 2 * _COME_OR_GO + _JUMP_LOSES * _weight(sample_fps)
    behind_are, here_are = np.arange(behind.start, behind.stop), np.arange(here.start, here.stop)
    goes_on, was = candidates.goes_on[behind][None, :], candidates.was[here][:, None]
    others = ((goes_on >= 0) & (goes_on != here_are[:, None])).astype(np.int64)
    others += (was >= 0) & (was != behind_are[None, :])
    missed = _MISS_PER_SEC / sample_fps * (steps - 1)
    priced: NDArray[np.float64] = np.minimum(cost, jump) + missed + _OTHER_PERSON * others
    return priced


def _between(before: tuple[int, Detection], after: tuple[int, Detection], sample_fps: float) -> list[TrackPoint]:
    """The grid points between two observations, on the straight line from the one to the other."""
    points = []
    for index in range(before[0] + 1, after[0]):
        part = (index - before[0]) / (after[0] - before[0])
        x, y, width, height = (
            round((1 - part) * a + part * b, 4) for a, b in zip(before[1].box, after[1].box, strict=True)
        )
        confidence = INTERPOLATED_CONFIDENCE * ((1 - part) * before[1].score + part * after[1].score)
        points.append(TrackPoint(index / sample_fps, (x, y, width, height), confidence, "interpolated"))
    return points
