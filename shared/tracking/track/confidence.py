"""Correct the scores of detections by what was found before and after them.

Apart from `candidates.py`, which decides who may be the instructor. Works on the frames of all parts together.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from math import dist

from shared.tracking.detection import Box, Detection, FrameDetections, overlap

STILL = "still"
"""Source of detections of people who are always in one place."""
OUTLINE = "outline"
"""Source of detections of people who never leave their place and are known by how their outline moves."""
SURE = 0.4
"""Score from which a detection is most likely a person."""

_AROUND_SEC = 15.0
"""Time each way in which the model may confirm a detection."""
_SAME_PLACE_IOU = 0.5
"""Intersection over union from which two boxes are at the same place."""
_MIN_LOOKS = 4
"""Least number of frames that the model examined for a verdict."""
_UNCONFIRMED_FACTOR = 0.15
"""Factor on the score of a detection that the model never confirmed."""
_NEVER_LEAVES_SHARE = 0.9
"""Share of the frames judged by the model alone in which a still person is detected."""
_MAX_FRAMES = 300
"""Most frames that are searched for still people."""
_AT_EDGE_SHARE = 0.015
"""Distance from the picture's edge at which a box touches it, as a fraction of the picture."""
_PLAIN_SCORE = 0.45
"""Score from which a person is plainly detected."""
_REACH_SHARE = 0.3
"""Distance that a person moves between two samples, as a fraction of the picture."""
_HALF_SEEN_SCORE = 0.5
"""Score of a person who is half in the picture just before or after being plainly detected."""


def lower_unconfirmed(frames: Sequence[FrameDetections], sample_fps: float) -> list[FrameDetections]:
    """Return `frames` with lower scores for what stays in one place and was never confirmed by the model."""
    around = max(1, round(_AROUND_SEC * sample_fps))
    examined = [frame for frame in frames if len(frame.judged_by) > 1]
    at = [frame.index for frame in examined]
    if not examined:
        return list(frames)
    corrected = []
    for frame in frames:
        near = examined[bisect_left(at, frame.index - around) : bisect_right(at, frame.index + around)]
        detections = tuple(
            replace(each, score=round(each.score * _UNCONFIRMED_FACTOR, 4)) if _is_refuted(each, near) else each
            for each in frame.detections
        )
        corrected.append(replace(frame, detections=detections))
    return corrected


def _is_refuted(detection: Detection, examined: Sequence[FrameDetections]) -> bool:
    """Return whether the model examined the place of `detection` often enough and never found a person there."""
    if detection.source != "plate":
        return False
    same = [
        [other.source for other in other_frame.detections if overlap(other.box, detection.box) >= _SAME_PLACE_IOU]
        for other_frame in examined
    ]
    seen = [sources for sources in same if sources]
    return len(seen) >= _MIN_LOOKS and all(source == "plate" for sources in seen for source in sources)


def mark_still_people(frames: Sequence[FrameDetections]) -> list[FrameDetections]:
    """Return `frames` with people who never leave their places marked as still, where no plate can judge.

    Mostly these are an audience.
    """
    alone = [frame for frame in frames if frame.judged_by and "plate" not in frame.judged_by]
    places = _always_taken(alone[:: -(-len(alone) // _MAX_FRAMES) or 1])

    def marked(frame: FrameDetections) -> FrameDetections:
        return replace(
            frame,
            detections=tuple(
                replace(each, source=STILL)
                if any(overlap(each.box, place) >= _SAME_PLACE_IOU for place in places)
                else each
                for each in frame.detections
            ),
        )

    return [frame if not places or "plate" in frame.judged_by else marked(frame) for frame in frames]


def _always_taken(frames: Sequence[FrameDetections]) -> list[Box]:
    """Return the boxes at which a person is detected in nearly all of `frames`."""
    places: list[tuple[Box, int]] = []
    for frame in frames:
        for each in frame.detections:
            if each.score < SURE:
                continue
            at = next((n for n, (box, _) in enumerate(places) if overlap(box, each.box) >= _SAME_PLACE_IOU), None)
            if at is None:
                places.append((each.box, 1))
            else:
                places[at] = (places[at][0], places[at][1] + 1)
    return [box for box, times in places if len(frames) >= _MIN_LOOKS and times >= _NEVER_LEAVES_SHARE * len(frames)]


def raise_at_edges(frames: Sequence[FrameDetections]) -> list[FrameDetections]:
    """Return `frames` with higher scores for weak detections of people who enter or leave the picture.

    A weak detection at the picture's edge is raised if a person is plainly detected beside it in the next sample or in
    the one before, unless it stays there.
    """
    none: tuple[Detection, ...] = ()
    corrected = list(frames)
    for n, frame in enumerate(frames):
        before = frames[n - 1].detections if n and frames[n - 1].index == frame.index - 1 else none
        after = frames[n + 1].detections if n + 1 < len(frames) and frames[n + 1].index == frame.index + 1 else none
        detections = tuple(
            replace(each, score=_HALF_SEEN_SCORE)
            if each.score < _HALF_SEEN_SCORE
            and _touches_edge(each.box)
            and (_is_half_of(each, after, before) or _is_half_of(each, before, after))
            else each
            for each in frame.detections
        )
        if detections != frame.detections:
            corrected[n] = replace(frame, detections=detections)
    return corrected


def _is_half_of(weak: Detection, near: Sequence[Detection], far: Sequence[Detection]) -> bool:
    """Return whether `weak` belongs to a plainly detected person in `near` and has no counterpart in `far`."""
    if any(overlap(weak.box, each.box) >= _SAME_PLACE_IOU for each in far):
        return False
    return any(each.score >= _PLAIN_SCORE and dist(each.centre, weak.centre) <= _REACH_SHARE for each in near)


def _touches_edge(box: Box) -> bool:
    """Return whether `box` touches the left, right or lower edge of the picture."""
    return box[0] <= _AT_EDGE_SHARE or box[0] + box[2] >= 1 - _AT_EDGE_SHARE or box[1] + box[3] >= 1 - _AT_EDGE_SHARE
