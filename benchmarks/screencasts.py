"""Measure how often a person is reported on a screencast, where only the inset of a camera shows one.

Usage: `python3 dev.py bench screencasts [name …]`. The screencasts are drawn (`_screencasts.py`). The inset shows a
person of the clip of `../shared` who sways before a wall.
"""

import math
import sys
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from benchmarks._screencasts import INSET, SAMPLE_FPS, SCREENCASTS, SECONDS, Picture, drawn
from benchmarks.agreement import CLIP, MODEL, followed
from benchmarks.tracking import KINDS, Tracked
from benchmarks.tracking_scenes import cut_out
from shared.domain.recording import Recording, VideoStream
from shared.tracking.detection import shared_area
from shared.tracking.detectors.onnx import OnnxDetector

_IN_INSET_SHARE = 0.5
"""A track point is in the inset if this share of its box is."""


def camera_of(person: int = 5) -> Callable[[float], Picture]:
    """Return what a camera shows of one of the clip's people, from the head to the hips, at a time."""
    room, people = cut_out()
    cut = people[person][0]
    x, y, across = (round(value) for value in cut.box[:3])
    rng = np.random.default_rng(3)

    def camera(t: float) -> Picture:
        sway = round(12 * math.sin(t * 0.7) + 6 * math.sin(t * 1.9))
        left, top, size = x - across // 2 + sway, max(0, y - 12), 2 * across
        window = np.s_[top : top + round(0.6 * size), max(0, left) : left + size]
        wall = np.full(room[window].shape, (150, 158, 165), np.float32)
        picture = wall + (cut.picture[window] - wall) * cut.share[window][..., None]
        return np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)

    return camera


def main(arguments: Sequence[str]) -> int:
    cv2.setNumThreads(1)
    model = OnnxDetector(MODEL) if MODEL.is_file() else None
    camera = camera_of() if CLIP.is_file() else None
    print("detector  screencast            false presence  in the inset  warnings")
    worst = 0.0
    for name in arguments or SCREENCASTS:
        cast = SCREENCASTS[name]
        if cast.has_inset and camera is None:
            continue
        frames = list(drawn(cast, camera))
        height, width = frames[0].bgr.shape[:2]
        video = VideoStream(0, "h264", width, height, 0, SAMPLE_FPS, 0.0, SECONDS)
        for kind in KINDS if model is not None else KINDS[:1]:
            tracked = Tracked(kind, model, Recording("mp4", 1, 0.0, SECONDS, video, None))
            tracked.prepare(frames[::2])
            track = tracked.merge([tracked.part(0, frames, range(len(frames)))])
            seen = [each.detections[0].box for each in followed(track) if each.detections]
            inside = sum(shared_area(box, INSET) >= _IN_INSET_SHARE * box[2] * box[3] for box in seen)
            inside *= cast.has_inset
            false = (len(seen) - inside) / len(frames)
            worst = max(worst, false)
            kept = f"{inside / len(frames):>12.3f}" if cast.has_inset else f"{'-':>12}"
            print(f"{kind:<9} {name:<21} {false:>14.3f}  {kept}  {len(track.warnings)}", flush=True)
    print(f"the most false presence: {worst:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
