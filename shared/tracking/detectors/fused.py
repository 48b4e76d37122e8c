"""Detect people in the frames of a recording with the plate, with a model, or with both.

The plate tells at every sample where a person is and how far they reach. The model tells whether it is a person. It
runs every two seconds, because it costs as much again, and at every sample that the plate cannot judge: another light,
another camera, a moving camera, or lights turned down. Each frame is still judged alone, since the number of the sample
decides whether the model runs.
"""

from collections.abc import Callable, Sequence

from shared.domain.options import DetectorKind
from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box, Detection, Detector, FrameDetections, overlap, shared_area
from shared.tracking.detectors.faces import FaceDetector
from shared.tracking.detectors.onnx import OnnxDetector
from shared.tracking.detectors.plate import PlateComparison, PlateDetector
from shared.tracking.payload import TrackingDetector
from shared.tracking.plan import PlateOfWindow, TrackingPlan
from shared.tracking.plate.plate import Plate
from shared.tracking.track.confidence import OUTLINE, STILL

MODEL_EVERY_SEC = 2.0
"""Interval at which the model examines what the plate can judge: every fourth sample at 2 a second."""
BOTH = "plate+onnx"
"""Name of the detector of plate and model."""
BY_FACE = "plate+face"
"""Name of the detector of plate and faces."""

_SAME_EXTENT_IOU = 0.5
"""Intersection over union from which plate and model agree on the extent."""
_COVERED_SHARE = 0.6
"""Share of the smaller box that two boxes of one person have in common."""
_WITHIN_SHARE = 0.7
"""Share of a blob inside the box of a still person from which it is part of them."""
_MAX_MOVING_SHARE = 0.35
"""Share of the box of a still person that may differ while they sit there."""


class RecordingDetector:
    """Detects people in any frame of one recording."""

    def __init__(
        self,
        plan: TrackingPlan,
        load_plate: Callable[[str], Plate],
        model: Detector | None,
        sample_fps: float,
        faces: FaceDetector | None = None,
    ) -> None:
        """Take the plan and what it needs.

        Args:
            plan: the plan of the recording.
            load_plate: returns the plate with this name.
            model: None with plates only.
            sample_fps: samples a second.
            faces: None if the plan needs none.
        """
        self._plan = plan
        self._faces = faces
        self._model_every = max(1, round(MODEL_EVERY_SEC * sample_fps))
        self._load_plate = load_plate
        self._model = model
        self._loaded: dict[str, PlateDetector] = {}

    def detect(self, frame: SampledFrame) -> FrameDetections:
        """Return the detections in `frame` by descending score, and the detectors that could judge it."""
        model, seen = self._model, self._compare(frame)
        if model is None:
            return self._without_model(frame, seen)
        if seen is None:
            return FrameDetections(frame.index, frame.time_sec, model.detect(frame), (model.name,))
        found = _add_still_people(seen[1], seen[0].still, STILL)
        if frame.index % self._model_every and not seen[1].is_dim:
            return FrameDetections(frame.index, frame.time_sec, _sorted(found), ("plate",))
        return FrameDetections(frame.index, frame.time_sec, fuse(found, model.detect(frame)), ("plate", model.name))

    def _without_model(
        self, frame: SampledFrame, seen: tuple[PlateOfWindow, PlateComparison] | None
    ) -> FrameDetections:
        """Return what differs from the plate and the people with a visible face.

        Where there are faces to go by, a plate that is not trusted is not used.
        """
        plates = [seen[0]] if seen is not None else self._plan.plates_at(frame.time_sec)
        places = tuple(place for plate in plates for place in plate.faces)
        found = _sorted(_add_still_people(seen[1], seen[0].still, OUTLINE)) if seen is not None else ()
        judged: tuple[str, ...] = ("plate",) if seen is not None else ()
        if self._faces is not None and places:
            people = self._faces.detect_around(frame, places)
            if seen is not None and (seen[0].is_trusted or seen[0].is_steadied):
                found = fuse(found, people)
            else:
                found, judged = people, (self._faces.name,)
        return FrameDetections(frame.index, frame.time_sec, found, judged)

    def _compare(self, frame: SampledFrame) -> tuple[PlateOfWindow, PlateComparison] | None:
        """Return the plate most like `frame` and the comparison, or None if none is like it or trusted."""
        comparisons = [
            (plate, self._detector(plate.name).compare(frame))
            for plate in self._plan.plates_at(frame.time_sec)
            if plate.is_trusted or self._model is None
        ]
        nearest = min(comparisons, key=lambda each: each[1].changed, default=None)
        return nearest if nearest is not None and nearest[1].is_of_the_room else None

    def _detector(self, name: str) -> PlateDetector:
        """Return the detector for the plate with this name; keep the last three."""
        if name not in self._loaded:
            if len(self._loaded) >= 3:  # the plates of a window: frames come in order
                self._loaded.pop(next(iter(self._loaded)))
            self._loaded[name] = PlateDetector(self._load_plate(name))
        return self._loaded[name]


def describe_detector(kind: DetectorKind, model: OnnxDetector | None, *, faces: bool = False) -> TrackingDetector:
    """Return the detector as the result names it; `faces` tells that faces are searched for."""
    if kind == "plate" and faces:
        return TrackingDetector(name=BY_FACE, version=f"{PlateDetector.version}+{FaceDetector.version}")
    version = {"plate": PlateDetector.version, "onnx": OnnxDetector.version}.get(
        kind, f"{PlateDetector.version}+{OnnxDetector.version}"
    )
    name = BOTH if kind == "fused" else kind
    return TrackingDetector(name=name, version=version, model=None if model is None else model.model)


def fuse(plate: Sequence[Detection], model: Sequence[Detection]) -> tuple[Detection, ...]:
    """Return the union of the detections of the plate and the model (or faces), each person once.

    Where both agree on the extent the plate's box is kept, else the model's. A person who is part of the plate takes
    the model's, too, because the plate's box does not move with them.
    """
    left = list(plate)
    fused = []
    for person in model:
        same = [each for each in plate if _is_same(each.box, person.box)]
        if not same:
            fused.append(person)
            continue
        nearest = max(same, key=lambda each: overlap(each.box, person.box))
        left = [each for each in left if each not in same]
        agree = overlap(nearest.box, person.box) >= _SAME_EXTENT_IOU and nearest.source not in (STILL, OUTLINE)
        score = 1 - (1 - nearest.score) * (1 - person.score)
        source = STILL if nearest.source == STILL else BOTH if person.source == OnnxDetector.name else person.source
        clothes = nearest.clothes or person.clothes
        fused.append(Detection(nearest.box if agree else person.box, round(score, 4), source, clothes))
    return _sorted([*fused, *left])


def _add_still_people(comparison: PlateComparison, still: Sequence[tuple[Box, float]], source: str) -> list[Detection]:
    """Return foreground blobs plus people baked into the plate who have not left.

    Blobs inside such a person are merged into them. `source` is that of their detections.
    """
    found = list(comparison.detections)
    for box, score in still:
        inside = [each for each in found if shared_area(each.box, box) >= _WITHIN_SHARE * each.box[2] * each.box[3]]
        if inside or comparison.share_in(box) <= _MAX_MOVING_SHARE:
            found = [each for each in found if each not in inside]
            found.append(Detection(box, round(score, 4), source))
    return found


def _is_same(one: Box, other: Box) -> bool:
    """Return whether two boxes show the same person."""
    smaller = min(one[2] * one[3], other[2] * other[3])
    return overlap(one, other) >= 0.3 or shared_area(one, other) >= _COVERED_SHARE * smaller


def _sorted(found: Sequence[Detection]) -> tuple[Detection, ...]:
    """Return the detections by descending score, ties by box and source."""
    return tuple(sorted(found, key=lambda each: (-each.score, each.box, each.source)))
