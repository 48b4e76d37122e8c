"""Find faces that look at the camera, for recordings without a model.

A person who speaks and never leaves is part of the plate, and only the face tells them from the room. Haar cascades
(Viola and Jones, "Rapid object detection using a boosted cascade of simple features", 2001), as OpenCV ships them. They
give no extent of the person and miss a head that is turned away. So they are used only where a face is seen repeatedly
at one place, or where no plate can judge. A face is widened to head and shoulders, cut at the picture's edge.
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
"""The whole picture."""

_MIN_FACE_SHARE = 0.07
"""Least height of a face, as a share of the picture's; smaller ones are too often something else."""
_SCALE_STEP = 1.1
"""Factor from one size of the search window to the next."""
_NEIGHBOURS = 6
"""Number of agreeing windows that make a face."""
_NEIGHBOURS_AT_KNOWN = 3
"""Number of agreeing windows where a face is known to be."""
_SEARCH_MARGIN = 1.2
"""Margin of the search around a known face, in sizes of the face: people sway."""
_MIN_KNOWN_SCALE = 0.6
"""Least size of a face, in sizes of the known face."""
_MAX_KNOWN_SCALE = 1.7
"""Largest size of a face, in sizes of the known face."""
_PERSON_WIDTH = 3.0
"""Width of head and shoulders, in face widths."""
_PERSON_ABOVE = 0.4
"""Extent above the face, in face heights."""
_PERSON_BELOW = 4.5
"""Extent below the top of the face, in face heights."""
_SAME_PLACE_IOU = 0.3
"""Intersection over union from which two boxes are at the same place."""
_MAX_PICTURES = 10
"""Most pictures that are searched for places."""
_STAYS_SHARE = 0.5
"""Share of the pictures in which a face is at its place."""
_HAS_EYES_SHARE = 0.3
"""Share of these in which it has eyes."""
_ALIVE_RATIO = 1.5
"""A face changes at least this many times as much from picture to picture as the median of the picture."""


class FaceDetector:
    """Finds faces in one frame, without memory of other frames."""

    name = "face"
    version = "1"

    def __init__(self) -> None:
        self._faces = _cascade("haarcascade_frontalface_default.xml")
        self._eyes = _cascade("haarcascade_eye.xml")

    def detect(self, frame: SampledFrame) -> tuple[Detection, ...]:
        """Return the people with a face visible in `frame`, in descending order of score."""
        return self.detect_around(frame, (ANYWHERE,))

    def detect_around(self, frame: SampledFrame, places: Sequence[Box]) -> tuple[Detection, ...]:
        """Return the people with a face near one of `places` (boxes of faces, or `ANYWHERE`), by descending score."""
        found: list[Detection] = []
        grey = _grey(frame)
        for place in places:
            for face, score in self._find(grey, place):
                box = person_of(face)
                if all(overlap(box, other.box) < _SAME_PLACE_IOU for other in found):
                    found.append(Detection(box, score, self.name))
        return tuple(sorted(found, key=lambda each: (-each.score, each.box)))

    def has_eyes(self, frame: SampledFrame, face: Box) -> bool:
        """Return whether there is an eye in the upper half of `face`; many patterns look like a face from afar."""
        grey = _grey(frame)
        left, top, width, height = _pixels(face, grey)
        upper = grey[top : top + round(0.6 * height), left : left + width]
        large = cv2.resize(upper, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC) if upper.size else upper
        return bool(upper.size) and len(self._eyes.detectMultiScale(large, _SCALE_STEP, 3)) > 0

    def faces(self, frame: SampledFrame) -> list[Box]:
        """Return the boxes of all faces in `frame`, without the shoulders."""
        return [face for face, _ in self._find(_grey(frame), ANYWHERE)]

    def _find(self, grey: NDArray[np.uint8], place: Box) -> list[tuple[Box, float]]:
        """Return box and score (0 to 1) of the faces near `place` in the picture `grey`."""
        height, width = grey.shape
        smallest, largest, neighbours = _MIN_FACE_SHARE * height, float(height), _NEIGHBOURS
        left = top = 0
        if place != ANYWHERE:
            x, y, across, down = _pixels(place, grey)
            left, top = max(0, round(x - _SEARCH_MARGIN * across)), max(0, round(y - _SEARCH_MARGIN * down))
            grey = grey[top : round(y + (1 + _SEARCH_MARGIN) * down), left : round(x + (1 + _SEARCH_MARGIN) * across)]
            smallest, largest, neighbours = _MIN_KNOWN_SCALE * across, _MAX_KNOWN_SCALE * across, _NEIGHBOURS_AT_KNOWN
        sizes = (max(20, round(smallest)),) * 2, (max(20, round(largest)),) * 2
        boxes, times = self._faces.detectMultiScale2(grey, _SCALE_STEP, neighbours, 0, *sizes)
        found = []
        for (x, y, across, down), agreeing in zip(boxes, times, strict=True):
            face = (left + x) / width, (top + y) / height, across / width, down / height
            score = agreeing / (agreeing + _NEIGHBOURS)
            found.append(((float(face[0]), float(face[1]), float(face[2]), float(face[3])), round(float(score), 4)))
        return sorted(found, key=lambda each: (-each[1], each[0]))


def find_face_places(
    pictures: Sequence[SampledFrame], detector: FaceDetector, screen: NDArray[np.bool_], *, anywhere: bool
) -> tuple[Box, ...]:
    """Return the boxes at which a face is seen in at least half of `pictures`, which are all of one view.

    The face must have eyes, be outside of `screen` (height × width), and be alive: a pattern or a portrait on the wall
    changes no more than the wall does. With `anywhere` (as for a moving camera), return `ANYWHERE` if faces are seen
    now and then at any place.
    """
    some = pictures[:: -(-len(pictures) // _MAX_PICTURES) or 1]
    faces_of_pictures = [[face for face in detector.faces(each) if not _is_on(screen, face)] for each in some]
    if anywhere:
        real = sum(
            any(detector.has_eyes(each, face) for face in faces)
            for each, faces in zip(some, faces_of_pictures, strict=True)
        )
        return (ANYWHERE,) if some and real >= _HAS_EYES_SHARE * len(some) else ()
    found: list[Box] = []
    for face in (face for faces in faces_of_pictures for face in faces):
        same = [any(overlap(face, other) >= _SAME_PLACE_IOU for other in faces) for faces in faces_of_pictures]
        if sum(same) < _STAYS_SHARE * len(some) or any(overlap(face, other) > 0 for other in found):
            continue
        eyes = sum(detector.has_eyes(each, face) for each, there in zip(some, same, strict=True) if there)
        if eyes >= _HAS_EYES_SHARE * sum(same) and _is_alive(some, face):
            found.append(face)
    return tuple(found)


def _cascade(name: str) -> cv2.CascadeClassifier:
    """Return the cascade with this file name from those that OpenCV ships."""
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / name))


def _grey(frame: SampledFrame) -> NDArray[np.uint8]:
    """Return the frame in grey, 0 to 255."""
    return np.asarray(cv2.cvtColor(frame.bgr, cv2.COLOR_BGR2GRAY), np.uint8)


def _pixels(box: Box, picture: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return left, top, width and height of `box` in pixels of `picture`."""
    height, width = picture.shape[:2]
    return round(box[0] * width), round(box[1] * height), round(box[2] * width), round(box[3] * height)


def person_of(face: Box) -> Box:
    """Return the head and shoulders around `face`, inside the picture."""
    x, y, width, height = face
    left, top = max(0.0, x + width / 2 - _PERSON_WIDTH * width / 2), max(0.0, y - _PERSON_ABOVE * height)
    right, bottom = min(1.0, x + width / 2 + _PERSON_WIDTH * width / 2), min(1.0, y + _PERSON_BELOW * height)
    return round(left, 4), round(top, 4), round(right - left, 4), round(bottom - top, 4)


def _is_on(screen: NDArray[np.bool_], face: Box) -> bool:
    """Return whether the centre of `face` is on the screen."""
    height, width = screen.shape
    row, column = int((face[1] + face[3] / 2) * height), int((face[0] + face[2] / 2) * width)
    return bool(screen[min(row, height - 1), min(column, width - 1)])


def _is_alive(pictures: Sequence[SampledFrame], face: Box) -> bool:
    """Return whether more changes in `face` than in most of the picture."""
    greys = [cv2.GaussianBlur(_grey(each), (5, 5), 0).astype(np.float32) for each in pictures]
    left, top, width, height = _pixels(face, _grey(pictures[0]))
    changes = np.mean([np.abs(one - other) for one, other in pairwise(greys)], axis=0)
    inside = float(np.mean(changes[top : top + height, left : left + width]))
    return inside > _ALIVE_RATIO * float(np.median(changes)) + 0.5
