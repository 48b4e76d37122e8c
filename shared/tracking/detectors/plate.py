"""Finds people as what differs from the plate, in one frame at a time.

A person who stands still differs from the empty room as much as one who walks. Light that changes does not count:
exposure is adapted, and a region that is only darker, in the same colours and without edges of its own, is a shadow.
"""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box, Detection
from shared.tracking.plate.exposure import Image, colour_distance, fit_exposure, shrink_and_smooth
from shared.tracking.plate.plate import Plate
from shared.tracking.plate.repair import edge_strength, has_edges_of, is_ghost
from shared.tracking.plate.slides import Screen
from shared.tracking.plate.stabilize import Stabilizer, box_in_picture

# A pixel is different beyond this many steps of 0 to 255, plus what it trembles, plus what an edge there shifts.
_DIFFERENT, _PER_NOISE, _PER_EDGE = 10.0, 4.0, 0.6
_ON_SCREEN = 6.0  # more: screens flicker
_SHADOW = (0.5, 0.99)  # brightness left in a shadow
_SHADOW_COLOUR = 0.06  # how far a shadow's colour may be off, of its brightness
_MIN_CLEAR = 0.3  # share of a blob that is no shadow
_FAR = 22.0  # steps: so far no noise and no clipped light take a picture that shows the same edges
_DIM = 0.6  # of the plate's light: with less, people stand out by fewer steps
_DIMMEST = 0.4  # of the steps: there is noise in the dark, too
_MAX_CHANGED = 0.5  # of the picture: more is another light or another camera
_MIN_HEIGHT, _MAX_WIDTH, _MIN_AREA = 0.1, 0.6, 0.0015  # of the picture
_WIDTH_TO_HEIGHT = (0.12, 1.5)  # in pixels
_MIN_FILL = 0.25
_MIN_SCORE = 0.05
_MARGIN = 8  # pixels: more than the shadows' filters reach

_SUM = np.ones((1, 3), np.float32)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Blob:
    """A region that differs: `area` is of the pixels that do, `strength` in multiples of the threshold."""

    left: int
    top: int
    right: int
    bottom: int
    area: int
    strength: float

    def with_(self, other: "_Blob") -> "_Blob":
        area = self.area + other.area
        strength = (self.strength * self.area + other.strength * other.area) / area
        return _Blob(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
            area,
            strength,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """The room with one slide: its picture, edges, and the steps beyond which a pixel is different."""

    bgr: Image
    edges: Image
    threshold: Image

    @classmethod
    def of(cls, bgr: Image, plate: Plate) -> "_Scene":
        edges = edge_strength(bgr)
        threshold = _DIFFERENT + _PER_NOISE * plate.noise_level + _PER_EDGE * edges + _ON_SCREEN * plate.screen
        return cls(bgr, edges, threshold.astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What differs from the plate: the share of the picture, where (height × width of the plate), and who it is."""

    changed: float
    where: Mask
    detections: tuple[Detection, ...]
    is_dim: bool = False
    """Whether there is so little light that somebody may be missed."""

    @property
    def is_of_the_room(self) -> bool:
        """Whether the picture is of the plate's room in a light like the plate's."""
        return self.changed <= _MAX_CHANGED

    def share_in(self, box: Box) -> float:
        """How much of `box` differs."""
        height, width = self.where.shape
        left, top = int(box[0] * width), int(box[1] * height)
        right, bottom = max(left + 1, round((box[0] + box[2]) * width)), max(top + 1, round((box[1] + box[3]) * height))
        return float(np.mean(self.where[top:bottom, left:right]))


class PlateDetector:
    """Compares frames with a plate; keeps nothing of a frame."""

    name = "plate"
    version = "4"

    def __init__(self, plate: Plate) -> None:
        self._plate = plate
        self._screen = Screen(plate.slides, plate.screen)
        self._empty = _Scene.of(plate.bgr.astype(np.float32), plate)
        self._with_slides: dict[int, _Scene] = {}
        self._stabilizer = Stabilizer(self._empty.bgr) if plate.is_steadied else None

    def detect(self, frame: SampledFrame) -> tuple[Detection, ...]:
        """The people in `frame` (of any size), the likeliest first; none when all of the picture changed."""
        return self.look(frame).detections

    def look(self, frame: SampledFrame) -> "Look":
        """What differs in `frame` (of any size) from the plate."""
        picture = shrink_and_smooth(frame.bgr, self._plate.size)
        if self._stabilizer is None:
            return self._look(picture)
        motion = self._stabilizer.motion(picture)
        if motion is None:
            return Look(1.0, np.ones(picture.shape[:2], bool), ())
        look = self._look(self._stabilizer.warp(picture, motion))
        boxes = [(each, box_in_picture(each.box, motion, self._plate.size)) for each in look.detections]
        return replace(look, detections=tuple(replace(each, box=box) for each, box in boxes if box is not None))

    def _look(self, picture: Image) -> "Look":
        """What differs in `picture`, which is of the plate's size and camera."""
        exposure = fit_exposure(self._empty.bgr, picture, self._plate.screen)
        slide = self._screen.shown(picture, exposure)
        scene = self._scene(slide)
        room = exposure.apply(scene.bgr, picture)
        away = colour_distance(picture, room)
        if float(np.mean(away > _FAR)) > _MAX_CHANGED and not has_edges_of(scene.edges, edge_strength(picture)):
            return Look(1.0, np.ones(away.shape, bool), ())
        light = float(np.mean(exposure.gain))
        threshold = scene.threshold * min(1.0, max(_DIMMEST, light / _DIM))
        strength: Image = (away / (threshold + 3 * float(np.median(away)))).astype(np.float32)
        different = strength > 1
        if slide < 0:
            counted = different & ~self._plate.screen
        else:
            counted = different & ~self._shown_on_screen(different, picture, scene)
        changed = np.count_nonzero(counted) / counted.size
        closed = _closed(counted)
        if changed > _MAX_CHANGED or not closed.any():
            return Look(changed, counted, (), is_dim=light < _DIM)
        # Shadows are looked for only around what may be somebody: most of the picture is the room.
        inside = _around(closed)
        clear = counted.copy()
        clear[inside] &= ~_shadow(picture[inside], room[inside], scene.edges[inside])
        blobs = _join(_blobs(closed, counted, clear, strength))
        found = [detection for blob in blobs if (detection := self._judge(blob)) is not None]
        found.sort(key=lambda detection: -detection.score)
        return Look(changed, counted, tuple(found), is_dim=light < _DIM)

    def _scene(self, slide: int) -> "_Scene":
        if slide < 0:
            return self._empty
        if slide not in self._with_slides:
            bgr = np.where(self._plate.screen[..., None], self._plate.slides[slide], self._empty.bgr)
            self._with_slides[slide] = _Scene.of(bgr.astype(np.float32), self._plate)
        return self._with_slides[slide]

    def _shown_on_screen(self, different: Mask, picture: Image, scene: "_Scene") -> Mask:
        """Where the screen differs from the slide, but by what it shows, or by who stood there in the slide."""
        shown = different & self._plate.screen
        _, labels = cv2.connectedComponents(_closed(different), connectivity=8)
        edges = edge_strength(picture)
        for label in np.unique(labels[shown]):
            blob = labels == label
            if label and self._screen.is_before(blob) and not is_ghost(blob.astype(np.uint8), edges, scene.edges):
                shown &= ~blob
        return shown

    def _judge(self, blob: _Blob) -> Detection | None:
        width, height = self._plate.size
        across, down = blob.right - blob.left, blob.bottom - blob.top
        fill = blob.area / (across * down)
        tall_enough = down >= _MIN_HEIGHT * height and across <= _MAX_WIDTH * width
        shaped = _WIDTH_TO_HEIGHT[0] <= across / down <= _WIDTH_TO_HEIGHT[1] and fill >= _MIN_FILL
        if not (tall_enough and shaped and blob.area >= _MIN_AREA * width * height):
            return None
        size = min(1.0, blob.area / (10 * _MIN_AREA * width * height)) ** 0.5
        contrast = min(1.0, blob.strength / 3.0)
        solid = min(1.0, fill / 0.4)
        upright = 1.0 if across <= 0.9 * down else 0.7
        score = size * contrast * solid * upright
        if score < _MIN_SCORE:
            return None
        box = (blob.left / width, blob.top / height, across / width, down / height)
        return Detection(box=box, score=round(score, 4), source=self.name)


def _shadow(picture: Image, room: Image, edges: Image) -> Mask:
    """Where the room is only darker: the same colours, and no edges that the room has not."""
    light, room_light = cv2.transform(picture, _SUM), cv2.transform(room, _SUM) + 1.0
    left = light / room_light
    darker = (left > _SHADOW[0]) & (left < _SHADOW[1])
    off = colour_distance(picture, left[..., None] * room)
    same_colour = off < 4.0 + _SHADOW_COLOUR * light / 3
    own_edges = cv2.blur(np.maximum(edge_strength(picture) - edges, 0), (5, 5))
    like_shadow: Mask = darker & same_colour
    inner = like_shadow & (own_edges < 4.0)
    # A shadow's own outline is an edge that the room has not: what touches the inside of one belongs to it.
    return like_shadow & (cv2.dilate(inner.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0)


def _closed(different: Mask) -> NDArray[np.uint8]:
    """Without single pixels, and without the gaps that a belt or a neck makes."""
    mask = cv2.morphologyEx(different.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    gap = max(3, round(different.shape[0] * 0.04) | 1)
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((gap, 5), np.uint8)), np.uint8)


def _around(mask: NDArray[np.uint8]) -> tuple[slice, slice]:
    """The rows and columns of `mask`, and those close to them that a shadow's edges depend on."""
    left, top, width, height = cv2.boundingRect(mask)
    return (
        slice(max(0, top - _MARGIN), top + height + _MARGIN),
        slice(max(0, left - _MARGIN), left + width + _MARGIN),
    )


def _blobs(mask: NDArray[np.uint8], different: Mask, clear: Mask, strength: Image) -> list[_Blob]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = []
    for label in range(1, count):
        left, top, width, down, area = (int(value) for value in stats[label])
        if area < 12:
            continue
        inside = np.s_[top : top + down, left : left + width]
        own: NDArray[Any] = labels[inside] == label
        sure = own & clear[inside]
        if np.count_nonzero(sure) < _MIN_CLEAR * np.count_nonzero(own & different[inside]):
            continue
        trimmed = _trim(sure)
        if trimmed is None:
            continue
        first_row, last_row, first_column, last_column = trimmed
        kept = np.s_[first_row:last_row, first_column:last_column]
        values = strength[inside][kept][own[kept]]
        found.append(
            _Blob(
                left + first_column,
                top + first_row,
                left + last_column,
                top + last_row,
                int(np.count_nonzero(own[kept])),
                float(np.mean(np.minimum(values, 6.0))),
            )
        )
    return found


def _trim(sure: Mask) -> tuple[int, int, int, int] | None:
    """The rows and columns that hold more than stray pixels."""
    rows = np.flatnonzero(np.count_nonzero(sure, axis=1) >= 2)
    columns = np.flatnonzero(np.count_nonzero(sure, axis=0) >= 2)
    if not len(rows) or not len(columns):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _join(blobs: list[_Blob]) -> list[_Blob]:
    """Head, trunk and legs are one person: blobs one above the other become one."""
    joined: list[_Blob] = []
    for blob in sorted(blobs, key=lambda b: -b.area):
        for index, other in enumerate(joined):
            if _belong_together(blob, other):
                joined[index] = other.with_(blob)
                break
        else:
            joined.append(blob)
    return joined


def _belong_together(small: _Blob, large: _Blob) -> bool:
    overlap = min(small.right, large.right) - max(small.left, large.left)
    between = max(small.top, large.top) - min(small.bottom, large.bottom)
    narrower = min(small.right - small.left, large.right - large.left)
    return overlap >= 0.5 * narrower and between <= 0.25 * (large.bottom - large.top)
