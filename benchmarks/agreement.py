"""Measure how well what was found agrees with what a person saw; the tests use it too."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box, Detection, Detector, FrameDetections, overlap
from shared.tracking.payload import InstructorTracking

CLIP = Path(__file__).resolve().parents[2] / "shared" / "data" / "tracking" / "one-by-one-person-detection.mp4"
MODEL = CLIP.parents[2] / "models" / "yolox_nano.onnx"
FLOOR = 0.25
"""The score from which a detection counts: below, the association takes it as a sign of absence."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a person saw at `time_sec`: `state` is present or absent (others are not judged), `box` where."""

    time_sec: float
    state: str
    box: Box | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Shares of 0 to 1; `centre_error` is the mean distance of the centres in frame widths."""

    present: int
    absent: int
    coverage: float
    false_presence: float
    centre_error: float
    iou_half: float


def read_truth(path: Path) -> tuple[list[Truth], float]:
    """Return the frames judged by hand, and the picture's height divided by its width."""
    told = json.loads(path.read_text())
    frames = [Truth(f["t"], f["state"], tuple(f["box"]) if f["box"] else None) for f in told["frames"]]
    return frames, told["height"] / told["width"]


def agreement(
    found: Iterable[FrameDetections], truth: Iterable[Truth], height_to_width: float, floor: float = FLOOR
) -> Agreement:
    """Compare detections of at least `floor` with the truth at the times that both have.

    A frame is covered when a detection's centre lies in the true box or their intersection over union is 0.3 or more;
    error and overlap are of the likeliest detection, over the covered frames and over all present ones.
    """
    at = {round(frame.time_sec * 1000): frame for frame in found}
    covered = present = absent = false = half = 0
    errors: list[float] = []
    for true in truth:
        frame = at.get(round(true.time_sec * 1000))
        if frame is None or true.state not in ("present", "absent"):
            continue
        detections = [d for d in frame.detections if d.score >= floor]
        if true.state == "absent":
            absent += 1
            false += bool(detections)
        elif true.box is not None:
            present += 1
            box = true.box
            covered += any(_inside(d.centre, box) or overlap(d.box, box) >= 0.3 for d in detections)
            if detections:
                best = max(detections, key=lambda d: d.score)
                errors.append(_centre_distance(best.box, box, height_to_width))
                half += overlap(best.box, box) >= 0.5
    return Agreement(
        present=present,
        absent=absent,
        coverage=covered / max(present, 1),
        false_presence=false / max(absent, 1),
        centre_error=sum(errors) / max(len(errors), 1),
        iou_half=half / max(present, 1),
    )


def _inside(point: tuple[float, float], box: Box) -> bool:
    return box[0] <= point[0] <= box[0] + box[2] and box[1] <= point[1] <= box[1] + box[3]


def _centre_distance(one: Box, other: Box, height_to_width: float) -> float:
    across = one[0] + one[2] / 2 - other[0] - other[2] / 2
    down = one[1] + one[3] / 2 - other[1] - other[3] / 2
    return math.hypot(across, down * height_to_width)


def detect_all(frames: Iterable[SampledFrame], detector: Detector) -> list[FrameDetections]:
    return [FrameDetections(frame.index, frame.time_sec, detector.detect(frame)) for frame in frames]


def followed(track: InstructorTracking) -> list[FrameDetections]:
    """Return the track, frame by frame: at most one detection, of the person who is followed."""
    at = {point.t: Detection(point.box, point.confidence, point.state) for point in track.track_points}
    return [
        FrameDetections(n, frame.t, (at[frame.t],) if frame.t in at else ())
        for n, frame in enumerate(track.frame_detections)
    ]


def same_presence(one: InstructorTracking, other: InstructorTracking) -> float:
    """Return the share of the frames in which both tracks have a person or both have none."""
    pairs = list(zip(followed(one), followed(other), strict=True))
    return sum(bool(a.detections) == bool(b.detections) for a, b in pairs) / max(1, len(pairs))


def mirrored(truth: Sequence[Truth]) -> list[Truth]:
    """Return the truth for the mirrored picture."""
    return [
        Truth(each.time_sec, each.state, each.box and (1 - each.box[0] - each.box[2], *each.box[1:])) for each in truth
    ]
