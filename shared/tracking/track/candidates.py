"""Select the detections that may be the instructor, and tell what makes a track doubtful.

Apart from `association.py`, which chooses one path through the selected detections. Works on the frames of all parts
together, so that the cut into parts does not matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

from shared.domain.warning import About, RecordingWarning
from shared.tracking.detection import Box, Detection, FrameDetections, overlap, shared_area
from shared.tracking.track.association import MAX_FILLED_SEC, TrackPoint
from shared.tracking.track.confidence import OUTLINE, STILL, SURE, lower_unconfirmed, mark_still_people, raise_at_edges

SEVERAL = RecordingWarning(
    "several_people",
    About.TRACK,
    "Several people are in the picture for much of the time: the one who is there longest and moves as one person does "
    "was followed. A region of interest tells who is meant.",
)
NEVER_MOVES = RecordingWarning(
    "instructor_never_moves",
    About.TRACK,
    "The person who is followed hardly moves: only the model tells them from the room.",
)
BY_OUTLINE = RecordingWarning(
    "found_by_outline",
    About.TRACK,
    "The person who is followed never leaves their place: they are told from the room by how their outline moves. The "
    "confidence of the points says how sure that is.",
)
BY_FACE = RecordingWarning(
    "found_by_face",
    About.TRACK,
    "The person who is followed is found by their face, without a model: not while it is turned away.",
)
SEVERAL_STILL = RecordingWarning(
    "several_people_still",
    About.TRACK,
    "Several people stay in their places all the time: which of them is the instructor is a guess.",
)
FEW = (
    "A person is followed for only {percent} % of the time and hardly moves: it may be a part of a person who never "
    "leaves, or no person."
)
LOW = RecordingWarning(
    "at_lower_edge",
    About.TRACK,
    "The person who is followed is mostly at the picture's lower edge: it may be a person in the audience.",
)
OTHER_PICTURE = (
    "For {percent} % of the time the background could not be used (another camera, another light or a camera that "
    "moves): {then}."
)
MODEL_LOOKED, NOBODY_LOOKED = "the model alone looked there", "no person could be found there"
FACES_LOOKED = "only faces were looked for there"

_LOW_BOTTOM = 0.97
"""A box reaches the lower edge if its bottom is below this fraction of the height."""
_LOW_TOP = 0.62
"""A box at the lower edge is an audience's if its top is below this fraction of the height."""
_LOW_FACTOR = 0.7
"""Factor on the score of a box at the lower edge."""
_MOVERS_SHARE = 0.4
"""If moving people are detected in this share of the frames, a still person is not the instructor."""
_OFTEN_SHARE = 0.3
"""Share of the frames with a person from which a warning about them is given."""
_MOSTLY_LOW_SHARE = 0.6
"""Share of the points at the lower edge from which `LOW` is given."""
_MENTIONED_SHARE = 0.01
"""Share of the frames without a usable plate from which it is mentioned."""
_FEW_SHARE = 0.25
"""Share of the frames with a point below which `FEW` may be given."""
_IN_PLACE_SHARE = 0.1
"""Distance that counts as staying in place, as a fraction of the width."""
_NEVER_LEAVE = (STILL, OUTLINE)
"""Sources of people who never leave their place."""
_SAME_PERSON_SHARE = 0.3
"""Share of the smaller of two boxes that they have in common if both may show one person."""
_FACE = "face"


@dataclass(frozen=True, slots=True)
class Zones:
    """Limits on who is followed, by the centre of the box; in fractions of the frame."""

    region: Box | None = None
    """Only people in this box are followed; None for everywhere."""
    ignored: tuple[Box, ...] = ()
    """People in these boxes are not followed."""

    def allow(self, box: Box) -> bool:
        """Return whether a person at `box` may be followed."""
        centre = box[0] + box[2] / 2, box[1] + box[3] / 2
        wanted = self.region is None or _holds(self.region, centre)
        return wanted and not any(_holds(zone, centre) for zone in self.ignored)


EVERYWHERE = Zones()


def select_candidates(frames: Sequence[FrameDetections], zones: Zones, sample_fps: float) -> list[FrameDetections]:
    """Return `frames` with only those detections that may be the instructor, with corrected scores."""
    allowed = [
        replace(frame, detections=tuple(each for each in frame.detections if zones.allow(each.box))) for frame in frames
    ]
    corrected = raise_at_edges(mark_still_people(lower_unconfirmed(allowed, sample_fps)))
    outlines = {each.box for frame in corrected for each in frame.detections if each.source == OUTLINE}
    movers = sum(any(_moves_about(each, outlines) for each in frame.detections) for frame in corrected)
    leave_still = movers >= _MOVERS_SHARE * max(1, len(corrected))
    return [
        replace(
            frame,
            detections=tuple(_placed(d) for d in frame.detections if not (leave_still and d.source in _NEVER_LEAVE)),
        )
        for frame in corrected
    ]


def track_warnings(frames: Sequence[FrameDetections], points: Sequence[TrackPoint]) -> list[RecordingWarning]:
    """Return warnings about the track `points` through `frames`, which `select_candidates` returned."""
    found = []
    sure = [[each for each in frame.detections if each.score >= SURE] for frame in frames]
    some = sum(bool(each) for each in sure)
    still = [[each.box for each in of_frame if each.source in _NEVER_LEAVE] for of_frame in sure]
    if points and sum(len(boxes) > 1 for boxes in still) > _OFTEN_SHARE * some:
        found.append(SEVERAL_STILL)
    elif points and sum(map(_are_several, sure)) > _OFTEN_SHARE * some:
        found.append(SEVERAL)
    for source, warning in ((STILL, NEVER_MOVES), (OUTLINE, BY_OUTLINE)):
        if points and sum(any(each.source == source for each in of_frame) for of_frame in sure) > _OFTEN_SHARE * some:
            found.append(warning)
    if points and sum(any(each.source == _FACE for each in of_frame) for of_frame in sure) > _OFTEN_SHARE * some:
        found.append(BY_FACE)
    if points and sum(_is_low(point.box, 0.55) for point in points) > _MOSTLY_LOW_SHARE * len(points):
        found.append(LOW)
    by_plate_alone = all(frame.judged_by in ((), ("plate",)) for frame in frames)
    if points and by_plate_alone and len(points) < _FEW_SHARE * len(frames) and _hardly_moves(points):
        text = FEW.format(percent=max(1, round(100 * len(points) / len(frames))))
        found.append(RecordingWarning("seldom_seen", About.TRACK, text))
    by_plate = any("plate" in frame.judged_by for frame in frames)
    others = [frame for frame in frames if by_plate and "plate" not in frame.judged_by]
    if len(others) > _MENTIONED_SHARE * len(frames):
        then = MODEL_LOOKED if all(frame.judged_by for frame in others) else NOBODY_LOOKED
        then = FACES_LOOKED if any(_FACE in frame.judged_by for frame in others) else then
        text = OTHER_PICTURE.format(percent=round(100 * len(others) / len(frames)), then=then)
        found.append(RecordingWarning("background_unusable", About.TRACK, text))
    return found


def _moves_about(detection: Detection, outlines: Iterable[Box]) -> bool:
    """Return whether `detection` is a person who moves, and no part of one who never leaves.

    `outlines` are the boxes of those in the whole recording: where a face is seen, its detection takes their place.
    """
    if detection.source in _NEVER_LEAVE or detection.score < SURE:
        return False
    return not any(
        shared_area(box, detection.box)
        >= _SAME_PERSON_SHARE * min(box[2] * box[3], detection.box[2] * detection.box[3])
        for box in outlines
    )


def _placed(detection: Detection) -> Detection:
    """Return `detection` with a lower score if it is a small box at the lower edge.

    The heads of an audience are there. A lecturer seldom is, and is larger.
    """
    if _is_low(detection.box, _LOW_TOP):
        return replace(detection, score=round(detection.score * _LOW_FACTOR, 4))
    return detection


def _is_low(box: Box, top: float) -> bool:
    """Return whether `box` reaches the lower edge and begins below `top`."""
    return box[1] + box[3] >= _LOW_BOTTOM and box[1] > top


def _are_several(detections: Sequence[Detection]) -> bool:
    """Return whether two of the best eight detections hardly overlap."""
    return any(overlap(one.box, other.box) < 0.2 for one, other in combinations(detections[:8], 2))


def _hardly_moves(points: Sequence[TrackPoint]) -> bool:
    """Return whether each presence stays within `_IN_PLACE_SHARE` of where it begins."""
    start = points[0]
    for before, point in pairwise(points):
        if point.time_sec - before.time_sec > MAX_FILLED_SEC:
            start = point
        elif abs(point.x - start.x) > _IN_PLACE_SHARE:
            return False
    return True


def _holds(zone: Box, point: tuple[float, float]) -> bool:
    """Return whether `point` (x, y) is inside `zone`."""
    return zone[0] <= point[0] <= zone[0] + zone[2] and zone[1] <= point[1] <= zone[1] + zone[3]
