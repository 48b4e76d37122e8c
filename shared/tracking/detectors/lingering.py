"""Find the people who are part of a plate because they never leave, without a model.

Seeds are outlines that move (`plate/outlines.py`) and places where a face is seen again and again (`faces.py`). Apart
from both, because a seed counts only if the plate shows the person: one who comes and goes differs from the plate.
"""

from collections.abc import Sequence

from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box, shared_area
from shared.tracking.detectors.faces import ANYWHERE, person_of
from shared.tracking.detectors.plate import PlateDetector
from shared.tracking.plate.plate import Plate

_SCORES = (0.5, 0.9)
"""Score of an outline that is hardly like a person, and of one that could not be more like one."""
_FACE_SCORE = 0.5
"""Score of a place where only a face was seen, for the time in which it is turned away."""
_LOOKS = 12
"""Most pictures that are compared with the plate."""
_COVERED_SHARE = 0.35
"""Share of a box that differs from the plate when it shows a person and the plate does not: 0.43 to 0.52. Where the
person is part of the plate, it is up to 0.2 and seldom 0.34. The box of an outline is larger than the person who made
it."""
_COMES_AND_GOES_SHARE = 0.3
"""Share of the pictures in which a person who comes and goes is there."""
_SAME_SHARE = 0.5
"""Share of the smaller of two boxes, one inside of the other, from which they show one person."""


def find_lingering(
    pictures: Sequence[SampledFrame], plate: Plate, faces: Sequence[Box]
) -> tuple[tuple[Box, float], ...]:
    """Return box and score, 0 to 1, of each person who is part of `plate`, the likeliest first.

    Args:
        pictures: pictures of the plate's window.
        plate: the plate.
        faces: boxes of faces that are seen again and again.
    """
    low, high = _SCORES
    seeds = [(each.box, low + (high - low) * each.likeness) for each in plate.outlines]
    for face in faces:
        person = person_of(face)
        if face != ANYWHERE and not any(is_same_place(person, box) for box, _ in seeds):
            seeds.append((person, _FACE_SCORE))
    if not seeds or not plate.is_trusted:
        return ()
    detector = PlateDetector(plate)
    compared = [detector.compare(each) for each in pictures[:: -(-len(pictures) // _LOOKS)]]
    of_room = [each for each in compared if each.is_of_the_room]
    if not of_room:
        return ()
    return tuple(
        (box, round(score, 4))
        for box, score in seeds
        if sum(each.share_in(box) >= _COVERED_SHARE for each in of_room) <= _COMES_AND_GOES_SHARE * len(of_room)
    )


def is_same_place(one: Box, other: Box) -> bool:
    """Return whether one box lies mostly inside of the other."""
    return shared_area(one, other) >= _SAME_SHARE * min(one[2] * one[3], other[2] * other[3])
