"""How well and how fast the instructor is found, against boxes drawn by hand.

Usage: `python3 dev.py bench tracking [clip.mp4 clip.truth.json]`; by default the clip of `../shared/data/tracking`.
The measures are functions of their own, which the tests use too.
"""

import json
import math
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av

from shared.domain.recording import Recording
from shared.media.container import open_container
from shared.media.frames import SampledFrame, keyframes, sample_frames
from shared.media.probe import probe
from shared.tracking.detection import Box, FrameDetections
from shared.tracking.detector import Detector
from shared.tracking.plate import build_plate
from shared.tracking.plate_detector import PlateDetector

CLIP = Path(__file__).resolve().parents[2] / "shared" / "data" / "tracking" / "one-by-one-person-detection.mp4"
SAMPLE_FPS = 2.0
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
    """The frames judged by hand, and the picture's height divided by its width."""
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


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


def _inside(point: tuple[float, float], box: Box) -> bool:
    return box[0] <= point[0] <= box[0] + box[2] and box[1] <= point[1] <= box[1] + box[3]


def _centre_distance(one: Box, other: Box, height_to_width: float) -> float:
    across = one[0] + one[2] / 2 - other[0] - other[2] / 2
    down = one[1] + one[3] / 2 - other[1] - other[3] / 2
    return math.hypot(across, down * height_to_width)


def detect_all(frames: Iterable[SampledFrame], detector: Detector) -> list[FrameDetections]:
    return [FrameDetections(frame.index, frame.time_sec, detector.detect(frame)) for frame in frames]


def decode_only(source: BinaryIO, recording: Recording) -> int:
    """Decode every frame as the sampling does, convert none; the number of frames."""
    assert recording.video is not None
    with open_container(source) as container:
        stream = container.streams[recording.video.index]
        assert isinstance(stream, av.VideoStream)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = 2
        return sum(1 for _ in container.decode(stream))


def main(arguments: Sequence[str]) -> int:
    clip = Path(arguments[0]) if arguments else CLIP
    truth, height_to_width = read_truth(Path(arguments[1]) if arguments[1:] else clip.with_suffix(".truth.json"))
    with clip.open("rb") as source:
        recording = probe(source, clip.stat().st_size)
        took = {}
        began = time.process_time(), time.monotonic()
        decode_only(source, recording)
        took["decoding alone"] = time.process_time() - began[0], time.monotonic() - began[1]
        began = time.process_time(), time.monotonic()
        plate = build_plate(keyframes(source, recording))
        took["plate"] = time.process_time() - began[0], time.monotonic() - began[1]
        began = time.process_time(), time.monotonic()
        whole = detect_all(sample_frames(source, recording, sample_fps=SAMPLE_FPS), PlateDetector(plate))
        took["decoding and detecting"] = time.process_time() - began[0], time.monotonic() - began[1]
        split = []
        part_sec = recording.duration_sec / 7
        for part in range(7):
            end_sec = recording.duration_sec if part == 6 else (part + 1) * part_sec
            cut = sample_frames(source, recording, sample_fps=SAMPLE_FPS, start_sec=part * part_sec, end_sec=end_sec)
            split += detect_all(cut, PlateDetector(plate))
    for name, frames in (("unsplit", whole), ("split in 7", split)):
        found = agreement(frames, truth, height_to_width)
        print(
            f"{name:<12} coverage {found.coverage:.3f} of {found.present}",
            f"false presence {found.false_presence:.3f} of {found.absent}",
            f"centre error {found.centre_error:.4f}",
            f"IoU >= 0.5 {found.iou_half:.3f}",
            sep="  ",
        )
    print(f"split equals unsplit: {split == whole}")
    alone = took["decoding alone"][0]
    for name, (cpu, wall) in took.items():
        speed = recording.duration_sec / cpu
        print(f"{name:<24} {cpu:6.2f} s CPU  {wall:6.2f} s  {speed:5.0f} x real time  {cpu / alone:5.2f} of decoding")
    return 0 if split == whole else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
