"""Put the candidates of all frames into arrays, with what each earns and who is plainly the same in the next frame.

Apart from `association.py`, which searches the best path through them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shared.tracking.detection import Detection, FrameDetections
from shared.tracking.track.identities import clothes_of, learn_people, speaks_against

MAX_CANDIDATES = 8
"""Number of detections of a frame that are considered, by score."""
SIZE_COST = 0.3
"""Cost of each further unit of the logarithm of the area."""

_SCORES = (0.0, 0.25, 0.4, 0.6, 1.0)
"""Support points of the earning of a score. Above 0.6 it hardly rises: a passer-by with high scores must not outbid the
person who is always there."""
_EARNINGS = (-0.25, 0.0, 0.25, 0.35, 0.36)
"""Earning at each of `_SCORES`. A score of 0.25 is neutral, from 0.4 it is most likely a person, above 0.6 surely."""
_OTHER_CLOTHES_COST = 0.25
"""Cost of a sample whose clothes speak wholly against the person. Less than a sample earns: a person who is there is
followed in any clothes."""
_PLAINLY_SEEN_SCORE = 0.3
"""Least score of a candidate that is linked to the next sample."""
_SAME_PERSON_SHARE = 0.12
"""Largest distance of linked candidates, in frame widths."""
_PLAINLY_NEARER_RATIO = 2.0
"""Candidates are linked if every rival is at least this many times less alike."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of all frames in flat arrays; frame n owns those from `first[n]` to `first[n + 1]`."""

    detections: Sequence[Detection]
    first: Sequence[int]
    index: NDArray[np.int64]
    """Number of the frame of each candidate on the sampling grid."""
    earns: NDArray[np.float64]
    """Weighted earning of each candidate as each person, n × people; one column where clothes tell no two apart."""
    centre: NDArray[np.float64]
    """Centre of each box, n × 2."""
    log_area: NDArray[np.float64]
    """Natural logarithm of the area of each box."""
    next_same: NDArray[np.int64]
    """Candidate of the next sample that is the same person, as far as the two samples tell; -1 for none."""
    previous_same: NDArray[np.int64]
    """Candidate of the previous sample that is the same person; -1 for none."""


def gather(frames: Sequence[FrameDetections], weight: float) -> Candidates:
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
    earns = np.interp(scores, _SCORES, _EARNINGS)[:, None]
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
    frame_of = np.repeat(np.arange(len(frames)), np.diff(first))
    colours = clothes_of(detections)
    people = learn_people(colours, frame_of)
    if len(people) > 1:
        earns = earns - _OTHER_CLOTHES_COST * speaks_against(colours, people, frame_of)
    linked = np.flatnonzero(next_same >= 0)
    previous_same[next_same[linked]] = linked
    return Candidates(
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
    unlike = away + SIZE_COST * np.abs(log_area[one][:, None] - log_area[other][None])
    for row, column in enumerate(np.argmin(unlike, axis=1)):
        rivals = np.concatenate([np.delete(unlike[row], column), np.delete(unlike[:, column], row)])
        is_plain = len(rivals) == 0 or float(rivals.min()) >= _PLAINLY_NEARER_RATIO * unlike[row, column]
        if is_plain and away[row, column] <= _SAME_PERSON_SHARE:
            next_same[one[row]] = other[column]
