"""Detect people on a real recording with boxes drawn by hand: all who are there, and none in an empty room."""

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.agreement import CLIP, Truth, agreement, detect_all, read_truth
from shared.media.probe.probe import probe
from shared.media.video.frames import SampledFrame, sample_frames
from shared.media.video.keyframes import keyframes
from shared.tracking.detectors.plate import PlateDetector
from shared.tracking.plate.plate import Plate, build_plate

pytestmark = pytest.mark.skipif(not CLIP.exists(), reason="the recording with boxes drawn by hand is not here")

Change = Callable[[SampledFrame], NDArray[np.uint8]]


def mirrored_with_slides(frame: SampledFrame) -> NDArray[np.uint8]:
    """Paint a screen whose slides change every 12 s, and mirror the picture."""
    bgr = frame.bgr.copy()
    colours = np.random.default_rng(int(frame.time_sec // 12)).integers(0, 255, (2, 3)).tolist()
    cv2.rectangle(bgr, (20, 30), (230, 160), colours[0], -1)
    cv2.rectangle(bgr, (40, 50), (200, 70), colours[1], -1)
    return np.ascontiguousarray(bgr[:, ::-1])


def drifting_and_noisy(frame: SampledFrame) -> NDArray[np.uint8]:
    """Let the light drift, and add the grain of a poor camera."""
    lit = np.clip(frame.bgr * (0.9 + 0.3 * np.sin(frame.time_sec / 15)), 0, 255)
    grain = 15 * np.random.default_rng(frame.index).standard_normal(frame.bgr.shape, np.float32)
    return np.clip(lit + grain, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def pictures() -> tuple[list[SampledFrame], list[SampledFrame]]:
    """Return the keyframes, and the frames that were judged by hand."""
    path = Path(CLIP)
    truth, _ = read_truth(CLIP.with_suffix(".truth.json"))
    judged = {round(true.time_sec * 1000) for true in truth}
    with path.open("rb") as source:
        recording = probe(source, path.stat().st_size)
        frames = sample_frames(source, recording, sample_fps=2)
        keys = list(keyframes(source, recording))
        return keys, [frame for frame in frames if round(frame.time_sec * 1000) in judged]


@pytest.mark.parametrize("change", [None, mirrored_with_slides, drifting_and_noisy])
def test_found_where_a_person_saw_them(
    pictures: tuple[list[SampledFrame], list[SampledFrame]], change: Change | None
) -> None:
    keys, frames = ([_changed(frame, change) for frame in some] for some in pictures)
    truth, height_to_width = read_truth(CLIP.with_suffix(".truth.json"))
    if change is mirrored_with_slides:
        truth = [_mirror(true) for true in truth]
    plate = Plate.from_png(build_plate(keys).to_png())
    assert plate.warnings == ()
    found = agreement(detect_all(frames, PlateDetector(plate)), truth, height_to_width)
    assert (found.present, found.absent) == (93, 22)
    assert found.coverage >= 0.98
    assert found.false_presence <= 0.05
    assert found.centre_error <= 0.015
    assert found.iou_half >= 0.95


def test_a_person_dressed_like_the_wall_who_stands_nearly_all_the_time() -> None:
    """A grey jumper before a white wall, at the same place in most pictures; cut out and coded again."""
    begin_sec, end_sec = 123.0, 136.5
    data = _cut_out(begin_sec, end_sec)
    recording = probe(io.BytesIO(data), len(data))
    detector = PlateDetector(build_plate(keyframes(io.BytesIO(data), recording)))
    frames = sample_frames(io.BytesIO(data), recording, sample_fps=2)
    truth, height_to_width = read_truth(CLIP.with_suffix(".truth.json"))
    shifted = [
        Truth(true.time_sec - begin_sec, true.state, true.box) for true in truth if begin_sec <= true.time_sec < end_sec
    ]
    result = agreement(detect_all(frames, detector), shifted, height_to_width)
    assert result.present >= 10
    assert result.coverage == 1.0
    assert result.false_presence == 0.0


def _cut_out(begin_sec: float, end_sec: float) -> bytes:
    """The clip from one time to another, as a recording of its own."""
    target = io.BytesIO()
    with av.open(str(CLIP)) as reader, av.open(target, "w", format="mp4") as writer:
        out = writer.add_stream("libx264", rate=10, options={"crf": "18", "g": "20"})
        out.width, out.height, out.pix_fmt = 768, 432, "yuv420p"
        shown = (frame for frame in reader.decode(video=0) if begin_sec - 1e-6 <= frame.time < end_sec)
        for number, frame in enumerate(shown):
            again = frame.reformat(format="yuv420p")
            again.pts, again.time_base = number, Fraction(1, 10)
            writer.mux(out.encode(again))
        writer.mux(out.encode(None))
    return target.getvalue()


def _changed(frame: SampledFrame, change: Change | None) -> SampledFrame:
    return frame if change is None else SampledFrame(frame.index, frame.time_sec, change(frame))


def _mirror(true: Truth) -> Truth:
    if true.box is None:
        return true
    x, y, width, height = true.box
    return Truth(true.time_sec, true.state, (1 - x - width, y, width, height))
