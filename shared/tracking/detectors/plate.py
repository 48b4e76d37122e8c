"""Detect people as what differs from the plate, one frame at a time.

A person who stands still differs from the empty room as much as one who walks. Changing light does not count: the
exposure is matched, and a region that is only darker, with the same colours and no edges of its own, is a shadow.

Apart from `plate/`, which builds the plate that this module compares with.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box, Detection
from shared.tracking.detectors.blobs import Blob, Mask, closed_gaps, find_blobs, join_blobs, surroundings
from shared.tracking.detectors.clothes import describe_clothes
from shared.tracking.plate.exposure import ExposureFit, Image, colour_distance, shrink_and_smooth, upper_median
from shared.tracking.plate.plate import Plate
from shared.tracking.plate.repair import edge_strength, has_edges_of, is_ghost
from shared.tracking.plate.slides import Screen
from shared.tracking.plate.stabilize import Stabilizer, box_in_picture

_DIFFERENT_STEPS = 10.0
"""A pixel differs beyond this distance in steps of 0 to 255, plus the terms below."""
_STEPS_PER_NOISE = 4.0
"""Added to the threshold for each step of noise."""
_STEPS_PER_EDGE = 0.6
"""Added for each step a pixel of edge strength, because edges shift."""
_SCREEN_STEPS = 6.0
"""Added on a screen, because screens flicker."""
_SHADOW_RANGE = (0.5, 0.99)
"""Share of the brightness that a shadow leaves."""
_SHADOW_COLOUR_SHARE = 0.06
"""Error of a shadow's colour, as a share of its brightness."""
_FAR_STEPS = 22.0
"""Distance that noise and clipping do not reach in a picture with the same edges."""
_DIM_SHARE = 0.6
"""Share of the plate's light below which people stand out less."""
_MIN_THRESHOLD_SHARE = 0.4
"""Least share of the threshold in dim light: there is noise in the dark, too."""
_MAX_CHANGED_SHARE = 0.5
"""Share of the picture beyond which it shows another light or another camera."""
_MIN_HEIGHT_SHARE = 0.1
"""Least height of a person, as a share of the picture's."""
_MAX_WIDTH_SHARE = 0.6
"""Largest width of a person, as a share of the picture's."""
_MIN_AREA_SHARE = 0.0015
"""Least area of a person, as a share of the picture's."""
_ASPECT_RANGE = (0.12, 1.5)
"""Width to height of a person, in pixels."""
_MIN_FILL_SHARE = 0.25
"""Least share of the bounding box that differs."""
_MIN_SCORE = 0.05
"""Least score of a detection."""
_LIGHT_STEP_PX = 8
"""Distance between the pixels by which the light is judged, both ways; it changes slowly over the picture."""
_NOISE_STEP_PX = 2
"""Distance between the pixels by which the frame's noise is judged, both ways."""

_SUM = np.ones((1, 3), np.float32)
"""Sums the three channels."""


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """The room with one slide."""

    bgr: Image
    """Height × width × 3."""
    edges: Image
    """Edge strength, height × width."""
    threshold: Image
    """Steps beyond which a pixel differs, height × width."""

    @classmethod
    def of(cls, bgr: Image, plate: Plate) -> "_Scene":
        """Return the scene for the picture `bgr` of the room."""
        edges = edge_strength(bgr)
        threshold = (
            _DIFFERENT_STEPS
            + _STEPS_PER_NOISE * plate.noise_level
            + _STEPS_PER_EDGE * edges
            + _SCREEN_STEPS * plate.screen
        )
        return cls(bgr, edges, threshold.astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class PlateComparison:
    """A frame compared with the plate."""

    changed: float
    """Share of the picture that differs."""
    where: Mask
    """Where it differs, height × width of the plate."""
    detections: tuple[Detection, ...]
    """The people, in descending order of score."""
    is_dim: bool = False
    """Whether there is so little light that a person may be missed."""

    @property
    def is_of_the_room(self) -> bool:
        """Return whether the frame shows the plate's room in similar light."""
        return self.changed <= _MAX_CHANGED_SHARE

    def share_in(self, box: Box) -> float:
        """Return the share of `box` that differs."""
        height, width = self.where.shape
        left, top = int(box[0] * width), int(box[1] * height)
        right, bottom = max(left + 1, round((box[0] + box[2]) * width)), max(top + 1, round((box[1] + box[3]) * height))
        return float(np.mean(self.where[top:bottom, left:right]))


class PlateDetector:
    """Compares frames with a plate, without memory of other frames."""

    name = "plate"
    version = "6"

    def __init__(self, plate: Plate) -> None:
        self._plate = plate
        self._screen = Screen(plate.slides, plate.screen)
        self._empty = _Scene.of(plate.bgr.astype(np.float32), plate)
        self._exposure = ExposureFit(self._empty.bgr, plate.screen)
        self._with_slides: dict[int, _Scene] = {}
        self._stabilizer = Stabilizer(self._empty.bgr) if plate.is_steadied else None

    def detect(self, frame: SampledFrame) -> tuple[Detection, ...]:
        """Return the people in `frame` (of any size) by descending score; none if the whole picture changed."""
        return self.compare(frame).detections

    def compare(self, frame: SampledFrame) -> "PlateComparison":
        """Compare `frame` (of any size) with the plate."""
        picture = shrink_and_smooth(frame.bgr, self._plate.size)
        if self._stabilizer is None:
            return self._compare(picture)
        motion = self._stabilizer.motion(picture)
        if motion is None:
            return PlateComparison(1.0, np.ones(picture.shape[:2], bool), ())
        comparison = self._compare(self._stabilizer.warp(picture, motion))
        boxes = [(each, box_in_picture(each.box, motion, self._plate.size)) for each in comparison.detections]
        return replace(comparison, detections=tuple(replace(each, box=box) for each, box in boxes if box is not None))

    def _compare(self, picture: Image) -> "PlateComparison":
        """Compare `picture`, which has the plate's size and is aligned with it."""
        exposure = self._exposure.to(picture)
        slide = self._screen.shown(picture, exposure)
        scene = self._scene(slide)
        room = exposure.apply(scene.bgr, picture)
        away = colour_distance(picture, room)
        is_far = np.count_nonzero(away > _FAR_STEPS) > _MAX_CHANGED_SHARE * away.size
        if is_far and not has_edges_of(scene.edges, edge_strength(picture)):
            return PlateComparison(1.0, np.ones(away.shape, bool), ())
        light = float(np.mean(exposure.gain[::_LIGHT_STEP_PX, ::_LIGHT_STEP_PX]))
        threshold = scene.threshold * min(1.0, max(_MIN_THRESHOLD_SHARE, light / _DIM_SHARE))
        threshold += 3 * upper_median(away[::_NOISE_STEP_PX, ::_NOISE_STEP_PX].ravel())
        strength: Image = away / threshold
        different = strength > 1
        if slide < 0:
            counted = different & ~self._plate.screen
        else:
            counted = different & ~self._shown_on_screen(different, picture, scene)
        changed = np.count_nonzero(counted) / counted.size
        closed = closed_gaps(counted)
        if changed > _MAX_CHANGED_SHARE or not closed.any():
            return PlateComparison(changed, counted, (), is_dim=light < _DIM_SHARE)
        # Search for shadows only around possible people: most of the picture is the room.
        inside = surroundings(closed)
        clear = counted.copy()
        clear[inside] &= ~_shadow(picture[inside], room[inside], scene.edges[inside])
        blobs = join_blobs(find_blobs(closed, counted, clear, strength))
        found = []
        for blob in blobs:
            detection = self._to_detection(blob)
            if detection is not None:
                own = np.s_[blob.top : blob.bottom, blob.left : blob.right]
                clothes = describe_clothes(exposure.revert(picture, own), clear[own])
                found.append(replace(detection, clothes=clothes))
        found.sort(key=lambda detection: -detection.score)
        return PlateComparison(changed, counted, tuple(found), is_dim=light < _DIM_SHARE)

    def _scene(self, slide: int) -> "_Scene":
        """Return the scene with this slide; -1 for the room without one."""
        if slide < 0:
            return self._empty
        if slide not in self._with_slides:
            bgr = np.where(self._plate.screen[..., None], self._plate.slides[slide], self._empty.bgr)
            self._with_slides[slide] = _Scene.of(bgr.astype(np.float32), self._plate)
        return self._with_slides[slide]

    def _shown_on_screen(self, different: Mask, picture: Image, scene: "_Scene") -> Mask:
        """Return where the screen differs from the slide by its content, or by a person baked into the slide."""
        shown = different & self._plate.screen
        closed = closed_gaps(different)
        if not shown.any() or not closed.any():
            return shown
        inside = surroundings(closed)
        _, labels = cv2.connectedComponents(closed[inside], connectivity=8)
        room, edges = scene.edges[inside], None
        for label in np.flatnonzero(np.bincount(labels[shown[inside]])):
            if not label:
                continue
            blob = labels == label
            whole = np.zeros_like(shown)
            whole[inside] = blob
            if not self._screen.is_before(whole):
                continue
            edges = edge_strength(picture[inside]) if edges is None else edges
            if not is_ghost(blob.astype(np.uint8), edges, room):
                shown[inside] &= ~blob
        return shown

    def _to_detection(self, blob: Blob) -> Detection | None:
        """Return the detection for `blob`, or None if its size, shape or score rule out a person."""
        width, height = self._plate.size
        across, down = blob.right - blob.left, blob.bottom - blob.top
        fill = blob.area / (across * down)
        tall_enough = down >= _MIN_HEIGHT_SHARE * height and across <= _MAX_WIDTH_SHARE * width
        shaped = _ASPECT_RANGE[0] <= across / down <= _ASPECT_RANGE[1] and fill >= _MIN_FILL_SHARE
        if not (tall_enough and shaped and blob.area >= _MIN_AREA_SHARE * width * height):
            return None
        size = min(1.0, blob.area / (10 * _MIN_AREA_SHARE * width * height)) ** 0.5
        contrast = min(1.0, blob.strength / 3.0)
        solid = min(1.0, fill / 0.4)
        upright = 1.0 if across <= 0.9 * down else 0.7
        score = size * contrast * solid * upright
        if score < _MIN_SCORE:
            return None
        box = (blob.left / width, blob.top / height, across / width, down / height)
        return Detection(box=box, score=round(score, 4), source=self.name)


def _shadow(picture: Image, room: Image, edges: Image) -> Mask:
    """Return where the room is only darker: the same colours, and no edges that the room lacks."""
    light, room_light = cv2.transform(picture, _SUM), cv2.transform(room, _SUM) + 1.0
    left = light / room_light
    darker = (left > _SHADOW_RANGE[0]) & (left < _SHADOW_RANGE[1])
    off = colour_distance(picture, room * np.asarray(cv2.merge((left, left, left)), np.float32))
    same_colour = off < 4.0 + _SHADOW_COLOUR_SHARE * light / 3
    own_edges = cv2.blur(np.maximum(edge_strength(picture) - edges, 0), (5, 5))
    like_shadow: Mask = darker & same_colour
    inner = like_shadow & (own_edges < 4.0)
    # The outline of a shadow is an edge that the room lacks: what touches the inside of a shadow belongs to it.
    return like_shadow & (cv2.dilate(inner.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0)
