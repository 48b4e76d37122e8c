"""Looks at a recording's frames with the plate that holds at their time, a model that knows people, or both.

The plate says where somebody is and how far they reach, at every sample. The model says whether that is a person:
every two seconds, for it costs as much again, and at every sample where the plate cannot tell (another light, another
camera, one that moves) or not well (lights that are turned down). Still each frame is judged alone: which samples the
model sees goes by their number.
"""

from collections.abc import Callable, Sequence

from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box, Detection, Detector, FrameDetections, overlap, shared_area
from shared.tracking.detectors.faces import FaceDetector
from shared.tracking.detectors.onnx import OnnxDetector
from shared.tracking.detectors.plate import Look, PlateDetector
from shared.tracking.payload import TrackingDetector
from shared.tracking.plan import DetectorKind, PlateOfWindow, TrackingPlan
from shared.tracking.plate.plate import Plate
from shared.tracking.track.confidence import STILL

MODEL_EVERY_SEC = 2.0
"""How often the model looks at what the plate can judge: at every fourth sample of 2 a second."""
BOTH = "plate+onnx"
BY_FACE = "plate+face"

_SAME_EXTENT = 0.5
_MOSTLY = 0.6  # of the smaller box
_WITHIN = 0.7
_MOVES_AT_MOST = 0.35  # of the box of somebody who sits still


class RecordingDetector:
    """Looks at any frame of one recording; `load_plate` gets a plate by its name, `model` is None with plates only,
    `faces` where the plan needs none."""

    def __init__(
        self,
        plan: TrackingPlan,
        load_plate: Callable[[str], Plate],
        model: Detector | None,
        sample_fps: float,
        faces: FaceDetector | None = None,
    ) -> None:
        self._plan = plan
        self._faces = faces
        self._model_every = max(1, round(MODEL_EVERY_SEC * sample_fps))
        self._load_plate = load_plate
        self._model = model
        self._loaded: dict[str, PlateDetector] = {}

    def look(self, frame: SampledFrame) -> FrameDetections:
        """All that is found in `frame`, the likeliest first, and by whom it was judged."""
        model, seen = self._model, self._compare(frame)
        if model is None:
            return self._without_model(frame, seen)
        if seen is None:
            return FrameDetections(frame.index, frame.time_sec, model.detect(frame), (model.name,))
        found = _with_still(seen[1], seen[0].still)
        if frame.index % self._model_every and not seen[1].is_dim:
            return FrameDetections(frame.index, frame.time_sec, _sorted(found), ("plate",))
        return FrameDetections(frame.index, frame.time_sec, fuse(found, model.detect(frame)), ("plate", model.name))

    def _without_model(self, frame: SampledFrame, seen: tuple[PlateOfWindow, Look] | None) -> FrameDetections:
        """What differs from the plate, and whose face is seen; where there are faces to go by, a plate that is not to
        be trusted is not asked."""
        plates = [seen[0]] if seen is not None else self._plan.plates_at(frame.time_sec)
        places = tuple(place for plate in plates for place in plate.faces)
        found = seen[1].detections if seen is not None else ()
        judged: tuple[str, ...] = ("plate",) if seen is not None else ()
        if self._faces is not None and places:
            people = self._faces.detect_around(frame, places)
            if seen is not None and (seen[0].is_trusted or seen[0].is_steadied):
                found = fuse(found, people)
            else:
                found, judged = people, (self._faces.name,)
        return FrameDetections(frame.index, frame.time_sec, found, judged)

    def _compare(self, frame: SampledFrame) -> tuple[PlateOfWindow, Look] | None:
        """What differs from the plate that is most like `frame`; None when none is like it, or not to be trusted."""
        looks = [
            (plate, self._detector(plate.name).look(frame))
            for plate in self._plan.plates_at(frame.time_sec)
            if plate.is_trusted or self._model is None
        ]
        nearest = min(looks, key=lambda each: each[1].changed, default=None)
        return nearest if nearest is not None and nearest[1].is_of_the_room else None

    def _detector(self, name: str) -> PlateDetector:
        if name not in self._loaded:
            if len(self._loaded) >= 3:  # the plates of a window: frames come in order
                self._loaded.pop(next(iter(self._loaded)))
            self._loaded[name] = PlateDetector(self._load_plate(name))
        return self._loaded[name]


def described(kind: DetectorKind, model: OnnxDetector | None, *, faces: bool = False) -> TrackingDetector:
    """The detector as the result names it; with `faces`, they are looked for, too."""
    if kind == "plate" and faces:
        return TrackingDetector(name=BY_FACE, version=f"{PlateDetector.version}+{FaceDetector.version}")
    version = {"plate": PlateDetector.version, "onnx": OnnxDetector.version}.get(
        kind, f"{PlateDetector.version}+{OnnxDetector.version}"
    )
    name = BOTH if kind == "fused" else kind
    return TrackingDetector(name=name, version=version, model=None if model is None else model.model)


def fuse(plate: Sequence[Detection], model: Sequence[Detection]) -> tuple[Detection, ...]:
    """What the plate and the model (or the faces) found, once: with the plate's extent where they agree on it, else
    with the model's; and the rest."""
    left = list(plate)
    fused = []
    for person in model:
        same = [each for each in plate if _is_same(each.box, person.box)]
        if not same:
            fused.append(person)
            continue
        nearest = max(same, key=lambda each: overlap(each.box, person.box))
        left = [each for each in left if each not in same]
        agree = overlap(nearest.box, person.box) >= _SAME_EXTENT and nearest.source != STILL
        score = 1 - (1 - nearest.score) * (1 - person.score)
        source = STILL if nearest.source == STILL else BOTH if person.source == OnnxDetector.name else person.source
        fused.append(Detection(nearest.box if agree else person.box, round(score, 4), source))
    return _sorted([*fused, *left])


def _with_still(look: Look, still: Sequence[tuple[Box, float]]) -> list[Detection]:
    """What differs, and those who are part of the plate and still there; what differs within one of these is them."""
    found = list(look.detections)
    for box, score in still:
        inside = [each for each in found if shared_area(each.box, box) >= _WITHIN * each.box[2] * each.box[3]]
        if inside or look.share_in(box) <= _MOVES_AT_MOST:
            found = [each for each in found if each not in inside]
            found.append(Detection(box, round(score, 4), STILL))
    return found


def _is_same(one: Box, other: Box) -> bool:
    smaller = min(one[2] * one[3], other[2] * other[3])
    return overlap(one, other) >= 0.3 or shared_area(one, other) >= _MOSTLY * smaller


def _sorted(found: Sequence[Detection]) -> tuple[Detection, ...]:
    return tuple(sorted(found, key=lambda each: (-each.score, each.box, each.source)))
