"""Finds faces that look at the camera where there is no model: who talks and never leaves is part of the room.

Haar cascades (Viola and Jones, "Rapid object detection using a boosted cascade of simple features", 2001), as OpenCV
brings them. They know nothing of where a person ends, and nothing of a head that is turned away: so they are asked only
where a face is seen again and again at one place, or where no plate can tell. What is found is given the extent of a
head and shoulders, cut off at the picture's edge.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box, Detection, overlap

ANYWHERE: Box = (0.0, 0.0, 1.0, 1.0)

_SMALLEST = 0.07  # of the picture's height: smaller ones are too often something else
_STEP = 1.1
_NEIGHBOURS, _NEIGHBOURS_AGAIN = 6, 3  # how many windows have to agree; where a face is known to be, fewer
_AROUND = 1.2  # of the face's size, each way: people sway
_SMALLER, _LARGER = 0.6, 1.7  # than the face that is known
_WIDE, _ABOVE, _DOWN = 3.0, 0.4, 4.5  # faces: a head and shoulders
_SAME_PLACE = 0.3
_MOST_PICTURES = 10
_STAYS, _IS_SEEN = 0.5, 0.3  # of the pictures
_ALIVE = 1.5  # times as much change from picture to picture as elsewhere


class FaceDetector:
    """Finds faces in one frame at a time; keeps nothing of a frame."""

    name = "face"
    version = "1"

    def __init__(self) -> None:
        self._faces = _cascade("haarcascade_frontalface_default.xml")
        self._eyes = _cascade("haarcascade_eye.xml")

    def detect(self, frame: SampledFrame) -> tuple[Detection, ...]:
        """The people whose faces are seen in `frame`, the likeliest first."""
        return self.detect_around(frame, (ANYWHERE,))

    def detect_around(self, frame: SampledFrame, places: Sequence[Box]) -> tuple[Detection, ...]:
        """Those whose faces are near one of `places`, which are faces, or `ANYWHERE`; the likeliest first."""
        found: list[Detection] = []
        grey = _grey(frame)
        for place in places:
            for face, score in self._look(grey, place):
                box = _person(face)
                if all(overlap(box, other.box) < _SAME_PLACE for other in found):
                    found.append(Detection(box, score, self.name))
        return tuple(sorted(found, key=lambda each: (-each.score, each.box)))

    def has_eyes(self, frame: SampledFrame, face: Box) -> bool:
        """Whether there is an eye in the upper half of `face`: much else looks like a face from afar."""
        grey = _grey(frame)
        left, top, width, height = _pixels(face, grey)
        upper = grey[top : top + round(0.6 * height), left : left + width]
        large = cv2.resize(upper, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC) if upper.size else upper
        return bool(upper.size) and len(self._eyes.detectMultiScale(large, _STEP, 3)) > 0

    def faces(self, frame: SampledFrame) -> list[Box]:
        """All faces in `frame`, without what belongs to them."""
        return [face for face, _ in self._look(_grey(frame), ANYWHERE)]

    def _look(self, grey: NDArray[np.uint8], place: Box) -> list[tuple[Box, float]]:
        height, width = grey.shape
        smallest, largest, neighbours = _SMALLEST * height, float(height), _NEIGHBOURS
        left = top = 0
        if place != ANYWHERE:
            x, y, across, down = _pixels(place, grey)
            left, top = max(0, round(x - _AROUND * across)), max(0, round(y - _AROUND * down))
            grey = grey[top : round(y + (1 + _AROUND) * down), left : round(x + (1 + _AROUND) * across)]
            smallest, largest, neighbours = _SMALLER * across, _LARGER * across, _NEIGHBOURS_AGAIN
        sizes = (max(20, round(smallest)),) * 2, (max(20, round(largest)),) * 2
        boxes, times = self._faces.detectMultiScale2(grey, _STEP, neighbours, 0, *sizes)
        found = []
        for (x, y, across, down), agreeing in zip(boxes, times, strict=True):
            face = (left + x) / width, (top + y) / height, across / width, down / height
            score = agreeing / (agreeing + _NEIGHBOURS)
            found.append(((float(face[0]), float(face[1]), float(face[2]), float(face[3])), round(float(score), 4)))
        return sorted(found, key=lambda each: (-each[1], each[0]))


def places_of_faces(
    pictures: Sequence[SampledFrame], detector: FaceDetector, screen: NDArray[np.bool_], *, anywhere: bool
) -> tuple[Box, ...]:
    """Where in `pictures` (all of one view) a face is seen in half of them or more: with eyes, not on the `screen`
    (height × width), and alive, for a pattern on the wall or a portrait changes no more than the wall does.

    With `anywhere`, as when the camera moves, `ANYWHERE` if faces are seen now and then, wherever.
    """
    some = pictures[:: -(-len(pictures) // _MOST_PICTURES) or 1]
    looks = [[face for face in detector.faces(each) if not _is_on(screen, face)] for each in some]
    if anywhere:
        real = sum(
            any(detector.has_eyes(each, face) for face in faces) for each, faces in zip(some, looks, strict=True)
        )
        return (ANYWHERE,) if some and real >= _IS_SEEN * len(some) else ()
    found: list[Box] = []
    for face in (face for faces in looks for face in faces):
        same = [any(overlap(face, other) >= _SAME_PLACE for other in faces) for faces in looks]
        if sum(same) < _STAYS * len(some) or any(overlap(face, other) > 0 for other in found):
            continue
        eyes = sum(detector.has_eyes(each, face) for each, there in zip(some, same, strict=True) if there)
        if eyes >= _IS_SEEN * sum(same) and _is_alive(some, face):
            found.append(face)
    return tuple(found)


def _cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / name))


def _grey(frame: SampledFrame) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(frame.bgr, cv2.COLOR_BGR2GRAY), np.uint8)


def _pixels(box: Box, picture: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    height, width = picture.shape[:2]
    return round(box[0] * width), round(box[1] * height), round(box[2] * width), round(box[3] * height)


def _person(face: Box) -> Box:
    """The head and shoulders around `face`, inside the picture."""
    x, y, width, height = face
    left, top = max(0.0, x + width / 2 - _WIDE * width / 2), max(0.0, y - _ABOVE * height)
    right, bottom = min(1.0, x + width / 2 + _WIDE * width / 2), min(1.0, y + _DOWN * height)
    return round(left, 4), round(top, 4), round(right - left, 4), round(bottom - top, 4)


def _is_on(screen: NDArray[np.bool_], face: Box) -> bool:
    height, width = screen.shape
    row, column = int((face[1] + face[3] / 2) * height), int((face[0] + face[2] / 2) * width)
    return bool(screen[min(row, height - 1), min(column, width - 1)])


def _is_alive(pictures: Sequence[SampledFrame], face: Box) -> bool:
    """Whether more changes in `face` than in most of the picture."""
    greys = [cv2.GaussianBlur(_grey(each), (5, 5), 0).astype(np.float32) for each in pictures]
    left, top, width, height = _pixels(face, _grey(pictures[0]))
    changes = np.mean([np.abs(one - other) for one, other in pairwise(greys)], axis=0)
    inside = float(np.mean(changes[top : top + height, left : left + width]))
    return inside > _ALIVE * float(np.median(changes)) + 0.5
