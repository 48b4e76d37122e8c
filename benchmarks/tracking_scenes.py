"""Compare the detectors on scenes that the clip does not show, made of the people in it: several people, lights that
go
out, a camera held by hand, an empty room.

Usage: `python3 dev.py bench tracking_scenes [scene …]`. The people are cut out of the clip of `../shared` (the pixels
that differ from its empty room inside the boxes drawn by hand) and put back elsewhere, smaller, several at a time. A
scene takes 100 seconds at two samples a second; the track is measured as clients get it.
"""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.agreement import CLIP, MODEL, Truth, agreement, followed, read_truth
from benchmarks.tracking import KINDS, SAMPLE_FPS, Tracked
from shared.domain.recording import Recording, VideoStream
from shared.media.probe.probe import probe
from shared.media.video.frames import SampledFrame, sample_frames
from shared.tracking.detection import Box, overlap
from shared.tracking.detectors.onnx import OnnxDetector

SECONDS = 100.0
_DIFFERENT = 16  # steps of 0 to 255
_SCALE = 0.65
Floats = NDArray[np.float32]
Feet = Callable[[float], tuple[float, float] | None]
"""Where a person's feet are at a time, in fractions of the picture; None: not in the room."""


@dataclass(frozen=True, slots=True, eq=False)
class CutOut:
    """One person at one moment: the whole picture, how much of each pixel is theirs, and their box in pixels."""

    picture: Floats
    share: Floats
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is where (the first is the instructor, if there is one), in which light, and how the camera moves."""

    people: Sequence[Feet] = ()
    has_instructor: bool = True
    light: Callable[[float], float] = lambda t: 1.0
    by_hand: float = 0.0
    noise: float = 2.0
    seated: bool = False


def walks(left: float, right: float, period: float, *, first: float = 5.0, last: float = 95.0) -> Feet:
    """Return a walk to and fro between `left` and `right`, with a rest on each side."""

    def feet(t: float) -> tuple[float, float] | None:
        way = min(1.0, max(0.0, 2 * abs((t / period) % 2 - 1) - 0.5))
        return (left + (right - left) * way, 0.95) if first <= t < last else None

    return feet


def stands(x: float, first: float = 0.0, last: float = SECONDS, y: float = 0.95) -> Feet:
    return lambda t: (x, y) if first <= t < last else None


SCENES: dict[str, Scene] = {
    "one who walks": Scene([walks(0.2, 0.8, 18)]),
    "stands 80 s": Scene([stands(0.6, 8, 88)]),
    "never leaves": Scene([stands(0.55)]),
    "two": Scene([walks(0.15, 0.6, 16), stands(0.87, 30, 75)]),
    "three": Scene([walks(0.35, 0.65, 18), stands(0.1, 20, 60), stands(0.9, 35, 85)]),
    "an audience": Scene([stands(x, y=1.15) for x in (0.2, 0.45, 0.7)], has_instructor=False, seated=True),
    "nobody": Scene(),
    "nobody, by hand": Scene(by_hand=0.015),
    "by hand": Scene([walks(0.25, 0.75, 18)], by_hand=0.015),
    "lights down": Scene([walks(0.2, 0.8, 18)], light=lambda t: 0.15 if 30 <= t < 75 else 1.0),
    "light in steps": Scene([walks(0.2, 0.8, 18)], light=lambda t: (1.0, 1.3, 0.75, 1.1, 0.6)[int(t // 9) % 5]),
    "noise": Scene([walks(0.2, 0.8, 18)], noise=20.0),
}


def cut_out() -> tuple[Floats, list[list[CutOut]]]:
    """Return the clip's empty room, and each of its people at several moments of standing."""
    truth, _ = read_truth(CLIP.with_suffix(".truth.json"))
    with CLIP.open("rb") as source:
        recording = probe(source, CLIP.stat().st_size)
        pictures = {f.index: f.bgr.astype(np.float32) for f in sample_frames(source, recording, sample_fps=SAMPLE_FPS)}
    at = {round(true.time_sec * SAMPLE_FPS): true for true in truth}
    room = np.median([pictures[k] for k, true in at.items() if true.state == "absent" and k in pictures], axis=0)
    people: list[list[CutOut]] = [[]]
    for k, true in sorted(at.items()):
        if true.state == "absent" and people[-1]:
            people.append([])
        if true.box is not None and true.box[3] > 0.78 and true.box[2] < 0.235 and k in pictures:
            people[-1].append(_cut(pictures[k], room.astype(np.float32), true.box))
    return room.astype(np.float32), [cuts for cuts in people if cuts]


def _cut(picture: Floats, room: Floats, box: Box) -> CutOut:
    height, width = picture.shape[:2]
    x, y, across, down = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    inside = np.zeros((height, width), np.uint8)
    inside[max(0, round(y) - 5) : round(y + down) + 5, max(0, round(x) - 6) : round(x + across) + 6] = 1
    mask = (np.abs(picture - room).max(axis=2) > _DIFFERENT).astype(np.uint8) & inside
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((13, 13), np.uint8)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    largest = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.float32)
    return CutOut(picture, np.asarray(cv2.GaussianBlur(largest, (5, 5), 0), np.float32), (x, y, across, down))


def paste(
    onto: Floats,
    person: CutOut,
    feet: tuple[float, float],
    *,
    seated: bool = False,
    dye: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Box:
    """Paint `person` with their feet at `feet`; return their box, which ends at a desk when they are `seated`.

    `dye` is a factor for blue, green and red.
    """
    height, width = onto.shape[:2]
    x, y, across, down = person.box
    place = np.array(
        [[_SCALE, 0, feet[0] * width - _SCALE * (x + across / 2)], [0, _SCALE, feet[1] * height - _SCALE * (y + down)]]
    )
    share = cv2.warpAffine(person.share, place, (width, height))
    if seated:
        share[round(0.95 * height) :] = 0
    dyed = cv2.warpAffine(person.picture, place, (width, height)) * np.array(dye, np.float32)
    onto += (dyed - onto) * share[..., None]
    top, bottom = feet[1] - _SCALE * down / height, 0.95 if seated else feet[1]
    return feet[0] - _SCALE * across / width / 2, top, _SCALE * across / width, min(1.0, bottom) - top


def filmed(scene: Scene, room: Floats, people: Sequence[Sequence[CutOut]]) -> Iterator[tuple[SampledFrame, list[Box]]]:
    """Yield the scene's samples, each with the boxes of the people in it, in the order of the scene's people."""
    rng = np.random.default_rng(1)
    for index in range(round(SECONDS * SAMPLE_FPS)):
        t = index / SAMPLE_FPS
        picture, boxes = room.copy(), []
        for number, feet in enumerate(scene.people):
            where, cuts = feet(t), people[number % len(people)]
            if where is not None:
                boxes.append(paste(picture, cuts[index % len(cuts)], where, seated=scene.seated))
        if scene.by_hand:
            picture, boxes = _held(picture, boxes, scene.by_hand, t)
        seen = np.clip(picture * scene.light(t) + rng.normal(0, scene.noise, picture.shape), 0, 255)
        yield SampledFrame(index, t, seen.astype(np.uint8)), boxes


def _held(picture: Floats, boxes: list[Box], by_hand: float, t: float) -> tuple[Floats, list[Box]]:
    height, width = picture.shape[:2]
    zoom = 1.07 + by_hand * math.sin(t * 0.31)
    motion = cv2.getRotationMatrix2D((width / 2, height / 2), 60 * by_hand * math.sin(t * 0.53), zoom)
    motion[:, 2] += by_hand * width * np.array([math.sin(t * 0.71) + math.sin(t * 1.9) / 2, math.sin(t * 0.87)])
    moved = []
    for x, y, across, down in boxes:
        middle = motion @ np.array([(x + across / 2) * width, (y + down / 2) * height, 1.0])
        across, down = across * zoom, down * zoom
        moved.append((float(middle[0]) / width - across / 2, float(middle[1]) / height - down / 2, across, down))
    return cv2.warpAffine(picture, motion, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.float32), moved


def judge(name: str, scene: Scene, made: Sequence[tuple[SampledFrame, list[Box]]], model: OnnxDetector | None) -> None:
    """Print a row for each detector."""
    frames = [frame for frame, _ in made]
    height, width = frames[0].bgr.shape[:2]
    video = VideoStream(0, "h264", width, height, 0, SAMPLE_FPS, 0.0, SECONDS)
    truth, others = [], []
    for frame, boxes in made:
        is_there = scene.has_instructor and bool(scene.people) and scene.people[0](frame.time_sec) is not None
        others.append(boxes[1:] if is_there else boxes)
        state = "present" if is_there else "other" if boxes else "absent"
        truth.append(Truth(frame.time_sec, state, boxes[0] if is_there else None))
    for kind in KINDS if model is not None else KINDS[:1]:
        tracked = Tracked(kind, model, Recording("mp4", 1, 0.0, SECONDS, video, None))
        tracked.prepare(frames[::3])
        track = tracked.merge([tracked.part(0, frames, range(len(frames)))])
        seen = followed(track)
        found = agreement(seen, truth, height / width, floor=0.0)
        wrong = sum(
            any(overlap(each.box, box) >= 0.5 for each in frame.detections for box in boxes)
            and not (true.box and any(overlap(each.box, true.box) >= 0.5 for each in frame.detections))
            for frame, boxes, true in zip(seen, others, truth, strict=True)
        )
        print(
            f"{kind:<9} {name:<16} {found.coverage:>8.3f}  {found.false_presence:>14.3f}  {found.centre_error:>12.4f}"
            f"  {found.iou_half:>8.3f}  {wrong / len(frames):>13.3f}  {len(track.warnings)}",
            flush=True,
        )


def main(arguments: Sequence[str]) -> int:
    if not CLIP.is_file():
        print("The clip is not here.")
        return 2
    model = OnnxDetector(MODEL) if MODEL.is_file() else None
    room, people = cut_out()
    print("detector  scene            coverage  false presence  centre error  IoU>=0.5  other person   warnings")
    for name in arguments or SCENES:
        judge(name, SCENES[name], list(filmed(SCENES[name], room, people)), model)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
