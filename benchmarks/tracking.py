"""Measure how well and how fast each detector finds the instructor, against boxes drawn by hand; one table.

Usage: `python3 dev.py bench tracking [clip.mp4 [clip.truth.json [model.onnx]]]`; by default the clip and the model of
`../shared`. Quality is of the track, as clients get it; the variants are changes to the pictures. Speed is CPU time of
one run over clips that are made at 720p and 1080p, 30 frames a second, against decoding alone in the same process: as a
part does it, in one thread and without frames that no other refers to.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import BinaryIO

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.agreement import CLIP, MODEL, agreement, followed, mirrored, read_truth, same_presence
from benchmarks.memory import repeat
from shared.domain.options import DetectorKind
from shared.domain.quality.picture import is_of_a_screen
from shared.domain.quality.records import Look
from shared.domain.recording import Recording
from shared.media.container import open_container
from shared.media.probe.probe import probe
from shared.media.video.frames import SampledFrame, sample_frames
from shared.media.video.keyframes import keyframes
from shared.media.video.look_meter import LookMeter
from shared.media.video.picture import prepare_decoder
from shared.media.video.unreferenced import may_skip_unreferenced
from shared.tracking.detectors.build_plates import build_window_plates
from shared.tracking.detectors.faces import FaceDetector
from shared.tracking.detectors.fused import RecordingDetector, describe_detector
from shared.tracking.detectors.motion import measure_motion
from shared.tracking.detectors.onnx import OnnxDetector
from shared.tracking.payload import InstructorTracking, TrackingPart
from shared.tracking.plan import TrackingPlan
from shared.tracking.track.merge import merge_tracking

SAMPLE_FPS = 2.0
KINDS: tuple[DetectorKind, ...] = ("plate", "onnx", "fused")
Change = Callable[[SampledFrame], NDArray[np.uint8]]


def _unchanged(frame: SampledFrame) -> NDArray[np.uint8]:
    return frame.bgr


def mirror(frame: SampledFrame) -> NDArray[np.uint8]:
    return np.ascontiguousarray(frame.bgr[:, ::-1])


def noisy(frame: SampledFrame) -> NDArray[np.uint8]:
    grain = np.random.default_rng(round(frame.time_sec * 1000)).normal(0, 15, frame.bgr.shape)
    return np.clip(frame.bgr + grain, 0, 255).astype(np.uint8)


def drifting(frame: SampledFrame) -> NDArray[np.uint8]:
    """Return the frame in an exposure that goes up and down by a third."""
    return np.clip(frame.bgr * (0.9 + 0.3 * np.sin(frame.time_sec / 15)), 0, 255).astype(np.uint8)


def with_slides(frame: SampledFrame) -> NDArray[np.uint8]:
    """Return the frame with a screen that changes every 12 seconds."""
    bgr, side = frame.bgr.copy(), frame.bgr.shape[1] / 640
    colours = np.random.default_rng(int(frame.time_sec // 12)).integers(0, 255, (2, 3)).tolist()
    corners = [tuple(round(value * side) for value in point) for point in ((20, 30), (230, 160), (40, 50), (200, 70))]
    cv2.rectangle(bgr, corners[0], corners[1], colours[0], -1)
    cv2.rectangle(bgr, corners[2], corners[3], colours[1], -1)
    return bgr


CHANGES: dict[str, Change] = {
    "as it is": _unchanged,
    "mirrored": mirror,
    "re-exposed": drifting,
    "noisy": noisy,
    "slides": with_slides,
}


class Tracked:
    """One clip, looked at by one detector: the prepared plan, and tracks from any number of parts."""

    def __init__(self, kind: DetectorKind, model: OnnxDetector | None, recording: Recording) -> None:
        self._recording = recording
        self._model = None if kind == "plate" else model
        self._kind = kind
        self._detector: RecordingDetector | None = None
        self.looks: list[Look] = []

    def prepare(self, pictures: list[SampledFrame]) -> None:
        made = []
        if self._kind != "onnx":
            span = (0.0, self._recording.duration_sec)
            wanted = FaceDetector() if self._kind == "plate" else None
            made = list(build_window_plates(pictures, 0, span, self._model, lambda fraction: None, wanted))
        plates = {of_window.name: plate for of_window, plate in made}
        plan = TrackingPlan(
            kind=self._kind,
            detector=describe_detector(self._kind, self._model, faces=any(of_window.faces for of_window, _ in made)),
            plates=tuple(of_window for of_window, _ in made),
            warnings=tuple(warning for of_window, _ in made for warning in of_window.warnings),
        )
        self.plan = TrackingPlan.model_validate_json(plan.model_dump_json(by_alias=True))
        faces = FaceDetector() if self.plan.needs_faces else None
        self._detector = RecordingDetector(self.plan, plates.__getitem__, self._model, SAMPLE_FPS, faces)

    def part(self, number: int, frames: list[SampledFrame], samples: range) -> TrackingPart:
        assert self._detector is not None
        meter, found = LookMeter(), []
        for frame in frames:
            self.looks.append(meter.look(frame.time_sec, frame.bgr))
            found.append(measure_motion(self._detector.detect(frame), meter.difference))
        return TrackingPart.of(number, found, samples=samples)

    def merge(self, parts: Sequence[TrackingPart]) -> InstructorTracking:
        return merge_tracking(
            parts,
            session_id="session",
            job_id="job",
            recording=self._recording,
            sample_fps=SAMPLE_FPS,
            detector=self.plan.detector,
            plate_warnings=self.plan.warnings,
            is_screen=is_of_a_screen(self.looks),
        )


def _changed(frames: Sequence[SampledFrame], change: Change) -> list[SampledFrame]:
    return [SampledFrame(frame.index, frame.time_sec, change(frame)) for frame in frames]


def quality(clip: Path, truth_file: Path, model: OnnxDetector | None) -> None:
    """Print a row for each detector and change of the clip."""
    truth, height_to_width = read_truth(truth_file)
    with clip.open("rb") as source:
        recording = probe(source, clip.stat().st_size)
        keys, frames = list(keyframes(source, recording)), list(sample_frames(source, recording, sample_fps=SAMPLE_FPS))
        print("detector  pictures    coverage  false presence  centre error  IoU>=0.5  split in 4, 7   warnings")
        for kind in KINDS if model is not None else KINDS[:1]:
            for name, change in CHANGES.items():
                tracked, changed = Tracked(kind, model, recording), _changed(frames, change)
                tracked.prepare(_changed(keys, change))
                whole = tracked.merge([tracked.part(0, changed, range(len(changed)))])
                split = ["", ""] if change is not _unchanged else [_split(tracked, whole, source, n) for n in (4, 7)]
                found = agreement(
                    followed(whole), mirrored(truth) if change is mirror else truth, height_to_width, floor=0.0
                )
                print(
                    f"{kind:<9} {name:<11} {found.coverage:>8.3f}  {found.false_presence:>14.3f}"
                    f"  {found.centre_error:>12.4f}  {found.iou_half:>8.3f}  {' '.join(split):<14}"
                    f"  {len(whole.warnings)}",
                    flush=True,
                )


def _split(tracked: Tracked, whole: InstructorTracking, source: BinaryIO, count: int) -> str:
    """Return the share of presence that a run in `count` parts, each decoded on its own, has in common with `whole`."""
    recording = tracked._recording
    bounds = [round(n * recording.duration_sec / count * SAMPLE_FPS) for n in range(count)]
    parts = []
    for number, (start, stop) in enumerate(pairwise((*bounds, round(recording.duration_sec * SAMPLE_FPS) + 1))):
        frames = list(
            sample_frames(
                source, recording, sample_fps=SAMPLE_FPS, start_sec=start / SAMPLE_FPS, end_sec=stop / SAMPLE_FPS
            )
        )
        parts.append(tracked.part(number, frames, range(start, stop)))
    track = tracked.merge(parts)
    return "equal" if track == whole else f"{same_presence(whole, track):.3f}"


def decode_only(source: BinaryIO, *, only_referenced: bool) -> int:
    """Decode frames as the sampling does, convert none; return their number."""
    with open_container(source) as container:
        stream = container.streams.video[0]
        prepare_decoder(stream, only_referenced=only_referenced, threads=1)
        return sum(1 for _ in container.decode(stream))


def make_clip(source: Path, target: Path, width: int, height: int, seconds: float = 12.0) -> None:
    """Write a part of the clip in another size at 30 frames a second, with a camera's grain, coded as recorders do."""
    rng = np.random.default_rng(1)
    grains = [rng.normal(0, 1.5, (height, width, 1)).astype(np.float32) for _ in range(4)]
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = writer.add_stream("libx264", rate=30, options={"crf": "21", "g": "60", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        count = 0
        for frame in reader.decode(video=0):
            large = cv2.resize(frame.to_ndarray(format="bgr24"), (width, height), interpolation=cv2.INTER_CUBIC)
            while frame.time is not None and count / 30 < frame.time + 0.1 - 1e-6 and count < seconds * 30:
                grainy = np.clip(large + grains[int(rng.integers(4))], 0, 255).astype(np.uint8)
                out = av.VideoFrame.from_ndarray(grainy, format="bgr24")
                out.pts, out.time_base = count, Fraction(1, 30)
                writer.mux(stream.encode(out))
                count += 1
            if count >= seconds * 30:
                break
        writer.mux(stream.encode(None))


def measure_speed(clip: Path, kind: DetectorKind, model: Path | None) -> str:
    """Return one row, measured in a process of its own, so that its memory is the part's."""
    cv2.setNumThreads(1)
    with clip.open("rb") as source:
        recording = probe(source, clip.stat().st_size)
        tracked = Tracked(kind, OnnxDetector(model) if model is not None else None, recording)
        began = time.process_time()
        tracked.prepare(list(keyframes(source, recording, limit=40)) if kind != "onnx" else [])
        prepared = time.process_time() - began
        only = may_skip_unreferenced(source, recording, SAMPLE_FPS)
        alone, looked = [], []
        for _ in range(2):
            began = time.process_time()
            decode_only(source, only_referenced=only)
            alone.append(time.process_time() - began)
            began = time.process_time()
            for frame in sample_frames(source, recording, sample_fps=SAMPLE_FPS, only_referenced=only, threads=1):
                tracked.part(0, [frame], range(frame.index, frame.index + 1))
            looked.append(time.process_time() - began)
    memory = _peak_mb()
    cost, base = min(looked), min(alone)
    return (
        f"{kind:<9} {clip.stem:<11} {recording.duration_sec / cost:>8.1f}  {recording.duration_sec / base:>14.1f}"
        f"  {100 * (cost / base - 1):>11.0f}%  {prepared:>7.1f} s  {memory:>6.0f} MB"
    )


def _peak_mb() -> float:
    """Return the most memory that this process ever held; not its parent's, which getrusage counts in."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def speed(clip: Path, model: Path | None) -> None:
    """Print a row for each detector and size."""
    print("\ndetector  size        x real time  decoding alone  extra cost   prepare   memory, with the prepare step")
    with tempfile.TemporaryDirectory() as folder:
        for width, height in ((1280, 720), (1920, 1080)):
            once, made = Path(folder) / "once.mp4", Path(folder) / f"{height}p30.mp4"
            make_clip(clip, once, width, height)
            repeat(once, made, 6)
            for kind in KINDS if model is not None else KINDS[:1]:
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one:
                    print(one.submit(measure_speed, made, kind, model).result(), flush=True)


def main(arguments: Sequence[str]) -> int:
    clip = Path(arguments[0]) if arguments else CLIP
    truth_file = Path(arguments[1]) if arguments[1:] else clip.with_suffix(".truth.json")
    path = Path(arguments[2]) if arguments[2:] else MODEL
    model = OnnxDetector(path) if path.is_file() else None
    if model is None:
        print("There is no model: the plate alone is measured.")
    quality(clip, truth_file, model)
    speed(clip, path if model is not None else None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
