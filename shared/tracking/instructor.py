"""Who of those that were found may be the instructor, and how sure that is; before one path through them is chosen.

Looks at all parts' frames together, so that how the recording was cut does not matter. Pure arithmetic.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from shared.tracking.association import TrackPoint
from shared.tracking.detection import Box, Detection, FrameDetections, overlap

SEVERAL = (
    "Several people are in the picture for much of the time: the one who is there longest and moves as one person does "
    "was followed. A region of interest tells who is meant."
)
NEVER_MOVES = "Whoever is followed hardly leaves their place: only the model tells them from the room."
SEVERAL_STILL = "Several people stay in their places all the time: which of them is the instructor is a guess."
LOW = "Whoever is followed is mostly at the picture's lower edge: it may be somebody in the audience."
OTHER_PICTURE = (
    "For {percent} % of the time the background could not be used (another camera, another light or a camera that "
    "moves): {then}."
)
MODEL_LOOKED, NOBODY_LOOKED = "the model alone looked there", "nobody could be found there"

_AROUND_SEC = 15.0
_SAME_PLACE = 0.5
_MIN_LOOKS = 4
_NEVER_CONFIRMED = 0.15
"""What is left of the score of something that the model looked at again and again and never took for a person."""
_LOW_BOTTOM, _LOW_TOP = 0.97, 0.62
_LOW_SCORE = 0.7
_SURE = 0.4
_MOVERS = 0.25  # of the frames: then nobody who is part of the room is the instructor
_OFTEN = 0.3
_MOSTLY_LOW = 0.6
_MENTIONED = 0.01
_STILL = "still"


@dataclass(frozen=True, slots=True)
class Zones:
    """Only whose centre is in `region` (None: everywhere) and in none of `ignored` is followed; in fractions."""

    region: Box | None = None
    ignored: tuple[Box, ...] = ()

    def allow(self, box: Box) -> bool:
        centre = box[0] + box[2] / 2, box[1] + box[3] / 2
        wanted = self.region is None or _holds(self.region, centre)
        return wanted and not any(_holds(zone, centre) for zone in self.ignored)


EVERYWHERE = Zones()


def candidates(frames: Sequence[FrameDetections], zones: Zones, sample_fps: float) -> list[FrameDetections]:
    """`frames` with those who may be the instructor, and with how much that is to be believed as their scores."""
    allowed = [
        replace(frame, detections=tuple(each for each in frame.detections if zones.allow(each.box))) for frame in frames
    ]
    believed = _confirmed(allowed, max(1, round(_AROUND_SEC * sample_fps)))
    movers = sum(any(each.source != _STILL and each.score >= _SURE for each in f.detections) for f in believed)
    leave_still = movers >= _MOVERS * max(1, len(believed))
    return [
        replace(
            frame, detections=tuple(_placed(d) for d in frame.detections if not (leave_still and d.source == _STILL))
        )
        for frame in believed
    ]


def doubts(frames: Sequence[FrameDetections], points: Sequence[TrackPoint]) -> list[str]:
    """What speaks against a track through `frames` (as `candidates` gave them), in sentences."""
    found = []
    sure = [[each for each in frame.detections if each.score >= _SURE] for frame in frames]
    some = sum(bool(each) for each in sure)
    still = [[each.box for each in of_frame if each.source == _STILL] for of_frame in sure]
    if points and sum(len(boxes) > 1 for boxes in still) > _OFTEN * some:
        found.append(SEVERAL_STILL)
    elif points and sum(map(_are_several, sure)) > _OFTEN * some:
        found.append(SEVERAL)
    if points and sum(map(bool, still)) > _OFTEN * some:
        found.append(NEVER_MOVES)
    if points and sum(_is_low(point.box, 0.55) for point in points) > _MOSTLY_LOW * len(points):
        found.append(LOW)
    by_plate = any("plate" in frame.judged_by for frame in frames)
    others = [frame for frame in frames if by_plate and "plate" not in frame.judged_by]
    if len(others) > _MENTIONED * len(frames):
        then = MODEL_LOOKED if all(frame.judged_by for frame in others) else NOBODY_LOOKED
        found.append(OTHER_PICTURE.format(percent=round(100 * len(others) / len(frames)), then=then))
    return found


def _confirmed(frames: Sequence[FrameDetections], around: int) -> list[FrameDetections]:
    """`frames`, with less belief in what stays in a place and was never taken for a person there by the model."""
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


def _placed(detection: Detection) -> Detection:
    """An audience's heads are at the lower edge; a lecturer seldom is, and is larger."""
    if _is_low(detection.box, _LOW_TOP):
        return replace(detection, score=round(detection.score * _LOW_SCORE, 4))
    return detection


def _is_low(box: Box, top: float) -> bool:
    return box[1] + box[3] >= _LOW_BOTTOM and box[1] > top


def _are_several(detections: Sequence[Detection]) -> bool:
    return any(overlap(one.box, other.box) < 0.2 for one, other in combinations(detections[:8], 2))


def _holds(zone: Box, point: tuple[float, float]) -> bool:
    return zone[0] <= point[0] <= zone[0] + zone[2] and zone[1] <= point[1] <= zone[1] + zone[3]
