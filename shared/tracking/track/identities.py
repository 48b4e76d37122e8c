"""Tell people apart by their clothes: learn the colours that are worn, and what speaks against a person wearing them.

Apart from `association.py`, which weighs this against how people move. Two people who cross are one blob for a moment.
Places cannot tell who comes out of it on which side, and clothes can.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.tracking.detection import Detection

MAX_PEOPLE = 4
"""Most people who are told apart."""

_LIGHTNESS_WEIGHT = 0.5
"""Weight of a difference in lightness: it changes with the light and the side that is seen."""
_SAME_CLOTHES = 14.0
"""Distance within which two detections wear the same, in steps of 0 to 255."""
_OTHER_CLOTHES = 24.0
"""Distance between the clothes of two people who are told apart."""
_SCALE = 20.0
"""Distance at which clothes speak wholly against a person."""
_CHOICE_SHARE = 0.6
"""Share that counts only if another candidate of the frame is more alike."""
_MIN_SHARE = 0.02
"""Least share of the samples that show clothes; fewer are people who merge, or no person."""
_MIN_TOGETHER = 2
"""Least number of frames in which two clothes are seen at once: proof that they are two people."""
_MAX_EXAMINED = 600
"""Most detections from which clothes are learned."""

Colours = NDArray[np.float64]
"""n × 6: L*, a* and b* of upper and lower body; NaN where a detection does not tell."""


def clothes_of(detections: Sequence[Detection]) -> Colours:
    """Return the colours of the detections, one a row."""
    unknown = (np.nan,) * 6
    return np.array([each.clothes or unknown for each in detections], np.float64).reshape(-1, 6)


def learn_people(colours: Colours, frame_of: NDArray[np.int64]) -> Colours:
    """Return the clothes of the people who are seen together now and then, at most `MAX_PEOPLE`; one a row.

    With fewer than two rows, clothes cannot tell people apart. Clothes are the densest places among the detections, as
    in mode seeking (Cheng, "Mean shift, mode seeking, and clustering", 1995).

    Args:
        colours: the clothes of all candidates.
        frame_of: number of the frame of each.
    """
    known = np.flatnonzero(~np.isnan(colours[:, 0]))
    some = known[:: -(-len(known) // _MAX_EXAMINED) or 1]
    left = colours[some]
    found: list[Colours] = []
    while len(found) < MAX_PEOPLE and len(left) > _MIN_SHARE * len(some):
        near = _distance(left, left) <= _SAME_CLOTHES
        around = near[int(np.argmax(near.sum(axis=1)))]
        if around.sum() <= _MIN_SHARE * len(some):
            break
        worn = np.median(left[around], axis=0)
        if all(_distance(worn[None], other[None])[0, 0] > _OTHER_CLOTHES for other in found):
            found.append(worn)
        left = left[~around]
    people = np.array(found).reshape(-1, 6)
    return people[_seen_with_others(people, colours[known], frame_of[known])]


def speaks_against(colours: Colours, people: Colours, frame_of: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how much the clothes of each candidate (row) speak against each person (column), 0 to 1.

    Clothes that are another's speak most where a candidate with more alike clothes is in the frame. Without one they
    speak less: a person may have turned round, or a lamp gone out. Unknown clothes speak against no person.
    """
    away = _distance(colours, people)
    known = np.isfinite(away)
    nearest = np.full((int(frame_of[-1]) + 1 if len(frame_of) else 0, len(people)), np.inf)
    np.minimum.at(nearest, frame_of, np.where(known, away, np.inf))
    excess = np.where(known, away, 0.0) - np.where(known, nearest[frame_of], 0.0)
    beyond = np.where(known, away - _SAME_CLOTHES, 0.0)
    by_choice, by_itself = np.clip(excess / _SCALE, 0.0, 1.0), np.clip(beyond / _SCALE, 0.0, 1.0)
    return _CHOICE_SHARE * by_choice + (1 - _CHOICE_SHARE) * by_itself


def _distance(one: Colours, other: Colours) -> NDArray[np.float64]:
    """Return the distance of each row of `one` to each of `other`, root mean square of upper and lower body."""
    weights = np.array([_LIGHTNESS_WEIGHT, 1.0, 1.0] * 2)
    squares = ((one[:, None] - other[None]) * weights) ** 2
    return np.asarray(np.sqrt(squares.sum(axis=2) / 2), np.float64)


def _seen_with_others(people: Colours, colours: Colours, frame_of: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of `people` are seen in one frame with another of them, often enough."""
    if len(people) < 2:
        return np.zeros(len(people), bool)
    away = _distance(colours, people)
    worn = np.where(away.min(axis=1) <= _SAME_CLOTHES, np.argmin(away, axis=1), -1)
    present = np.zeros((int(frame_of.max()) + 1, len(people)), np.int64)
    present[frame_of[worn >= 0], worn[worn >= 0]] = 1
    together = present.T @ present
    np.fill_diagonal(together, 0)
    return np.asarray(together.max(axis=1) >= _MIN_TOGETHER)
