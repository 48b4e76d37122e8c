"""How much of what was found is to be believed, seen together with what was found before and after.

Pure arithmetic over all parts' frames; knows nothing of who the instructor is.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from math import dist

from shared.tracking.detection import Box, Detection, FrameDetections, overlap

STILL = "still"
"""The source of detections of people who are always where they are."""
SURE = 0.4

_AROUND_SEC = 15.0
_SAME_PLACE = 0.5
_MIN_LOOKS = 4
_NEVER_CONFIRMED = 0.15
"""What is left of the score of something that the model looked at again and again and never took for a person."""
_NEVER_LEAVES = 0.9  # of the frames that the model alone looked at
_MOST_FRAMES = 300
_AT_EDGE = 0.015
_PLAIN, _WITHIN_REACH = 0.45, 0.3
_HALF_SEEN = 0.5
"""The score of somebody who is half in the picture, just before or after they were plainly seen."""


def confirmed(frames: Sequence[FrameDetections], sample_fps: float) -> list[FrameDetections]:
    """`frames`, with less belief in what stays in a place and was never taken for a person there by the model."""
    around = max(1, round(_AROUND_SEC * sample_fps))
    looked = [frame for frame in frames if len(frame.judged_by) > 1]
    at = [frame.index for frame in looked]
    if not looked:
        return list(frames)
    believed = []
    for frame in frames:
        near = looked[bisect_left(at, frame.index - around) : bisect_right(at, frame.index + around)]
        detections = tuple(
            replace(each, score=round(each.score * _NEVER_CONFIRMED, 4)) if _is_refuted(each, near) else each
            for each in frame.detections
        )
        believed.append(replace(frame, detections=detections))
    return believed


def _is_refuted(detection: Detection, looks: Sequence[FrameDetections]) -> bool:
    if detection.source != "plate":
        return False
    same = [
        [other.source for other in look.detections if overlap(other.box, detection.box) >= _SAME_PLACE]
        for look in looks
    ]
    seen = [sources for sources in same if sources]
    return len(seen) >= _MIN_LOOKS and all(source == "plate" for sources in seen for source in sources)


def with_still(frames: Sequence[FrameDetections]) -> list[FrameDetections]:
    """`frames`, with those who never leave their places marked as still where no plate tells: an audience, mostly."""
    alone = [frame for frame in frames if frame.judged_by and "plate" not in frame.judged_by]
    places = _always_taken(alone[:: -(-len(alone) // _MOST_FRAMES) or 1])

    def marked(frame: FrameDetections) -> FrameDetections:
        return replace(
            frame,
            detections=tuple(
                replace(each, source=STILL)
                if any(overlap(each.box, place) >= _SAME_PLACE for place in places)
                else each
                for each in frame.detections
            ),
        )

    return [frame if not places or "plate" in frame.judged_by else marked(frame) for frame in frames]


def _always_taken(frames: Sequence[FrameDetections]) -> list[Box]:
    """The places at which there is somebody in nearly all of `frames`."""
    places: list[tuple[Box, int]] = []
    for frame in frames:
        for each in frame.detections:
            if each.score < SURE:
                continue
            at = next((n for n, (box, _) in enumerate(places) if overlap(box, each.box) >= _SAME_PLACE), None)
            if at is None:
                places.append((each.box, 1))
            else:
                places[at] = (places[at][0], places[at][1] + 1)
    return [box for box, times in places if len(frames) >= _MIN_LOOKS and times >= _NEVER_LEAVES * len(frames)]


def coming_and_going(frames: Sequence[FrameDetections]) -> list[FrameDetections]:
    """`frames`, with more belief in the weak signs of somebody at the picture's edge who is plainly seen in the next
    sample or was in the one before; but not in what stays there."""
    nobody: tuple[Detection, ...] = ()
    believed = list(frames)
    for n, frame in enumerate(frames):
        before = frames[n - 1].detections if n and frames[n - 1].index == frame.index - 1 else nobody
        after = frames[n + 1].detections if n + 1 < len(frames) and frames[n + 1].index == frame.index + 1 else nobody
        detections = tuple(
            replace(each, score=_HALF_SEEN)
            if each.score < _HALF_SEEN
            and _touches_edge(each.box)
            and (_is_half_of(each, after, before) or _is_half_of(each, before, after))
            else each
            for each in frame.detections
        )
        if detections != frame.detections:
            believed[n] = replace(frame, detections=detections)
    return believed


def _is_half_of(weak: Detection, near: Sequence[Detection], far: Sequence[Detection]) -> bool:
    """Whether `weak` goes with somebody plainly seen in the sample `near`, and nothing is there in the one `far`."""
    if any(overlap(weak.box, each.box) >= _SAME_PLACE for each in far):
        return False
    return any(each.score >= _PLAIN and dist(each.centre, weak.centre) <= _WITHIN_REACH for each in near)


def _touches_edge(box: Box) -> bool:
    return box[0] <= _AT_EDGE or box[0] + box[2] >= 1 - _AT_EDGE or box[1] + box[3] >= 1 - _AT_EDGE
