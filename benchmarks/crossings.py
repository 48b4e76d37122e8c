"""Measure how often the instructor is still the one who is followed after another person crossed their way.

Usage: `python3 dev.py bench crossings [different|same]`. Two people of the clip of `../shared`, cut out and some of
them dyed, meet in its empty room in several ways. The first is the instructor: they are there before the other comes
and after the other left. A meeting is right if the track is at the instructor in nearly all samples that show the two
apart. The rows with the same clothes tell that colour does no harm where it cannot help.
"""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.agreement import CLIP, MODEL, followed
from benchmarks.tracking import KINDS, SAMPLE_FPS, Tracked
from benchmarks.tracking_scenes import CutOut, Floats, cut_out, paste
from shared.domain.options import DetectorKind
from shared.domain.recording import Recording, VideoStream
from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box
from shared.tracking.detectors.onnx import OnnxDetector

SECONDS = 44.0
MEETING_SEC = 22.0
APART_WIDTHS = 1.5
"""The two are apart if their centres are this many box widths from each other; nearer, they are often one blob."""
RIGHT_SHARE = 0.95
"""A meeting is right if the instructor is followed in this share of the samples that show the two apart."""
_SWAY_WIDTHS = 0.13
"""How far people walk about before and after, to each side: who stands all the time is a part of the room."""
_GREY = (1.0, 1.0, 1.0)
_RED = (0.35, 0.4, 1.0)
_BLUE = (1.0, 0.6, 0.35)
_GREEN = (0.5, 1.0, 0.55)

Place = Callable[[float], float | None]
"""Where the feet of a person are at a time, as a fraction of the width; None if they are not there."""
Clothes = tuple[int, tuple[float, float, float]]
"""Number of the cut-out and the dye: a factor for blue, green and red."""

DIFFERENT: dict[str, tuple[Clothes, Clothes]] = {
    "black, white shirt": ((1, _GREY), (5, _GREY)),
    "grey, black": ((0, _GREY), (3, _GREY)),
    "white shirt, grey": ((5, _GREY), (4, _GREY)),
    "red, blue": ((5, _RED), (5, _BLUE)),
    "green, red": ((4, _GREEN), (0, _RED)),
    "blue, black": ((5, _BLUE), (3, _GREY)),
}
SAME: dict[str, tuple[Clothes, Clothes]] = {
    "black, black": ((1, _GREY), (3, _GREY)),
    "grey, grey": ((0, _GREY), (4, _GREY)),
    "the same person": ((5, _GREY), (5, _GREY)),
}


@dataclass(frozen=True, slots=True)
class Meeting:
    """Ways of two people who meet, and the light."""

    instructor: Place
    other: Place
    light: Callable[[float], float] = lambda t: 1.0


def passes(
    speed: float, *, start: float, at: float = MEETING_SEC, stops_sec: float = 0.0, turns: bool = False
) -> Place:
    """Return a walk from `start` to the middle, where the person is at `at`, and on to the other side or back.

    Args:
        speed: frame widths a second.
        start: where the walk begins, as a fraction of the width.
        at: time in the middle.
        stops_sec: rest in the middle, half of it before `at`.
        turns: whether the person goes back to where they came from.
    """
    way = abs(0.5 - start)

    def place(t: float) -> float:
        rest_sec = abs(t - at) - stops_sec / 2 - way / speed  # since they came to the side where they stay
        gone = min(way, max(0.0, way - speed * max(0.0, at - stops_sec / 2 - t)))
        after = min(way, speed * max(0.0, t - at - stops_sec / 2))
        side = 1.0 if start < 0.5 else -1.0
        sways = _SWAY_WIDTHS * min(1.0, max(0.0, rest_sec / 2)) * math.sin(0.9 * rest_sec)
        return start + side * gone + (-side if turns else side) * after + sways

    return place


def between(place: Place, first: float, last: float) -> Place:
    return lambda t: place(t) if first <= t < last else None


def to_and_fro(left: float, right: float, period: float) -> Place:
    def place(t: float) -> float:
        return left + (right - left) * abs((t / period) % 2 - 1)

    return place


def stays(x: float) -> Place:
    """Return the way of a person who goes to `x`, stays there for 16 s around the meeting, and goes back."""

    def place(t: float) -> float:
        away_sec = max(0.0, abs(t - MEETING_SEC) - 8)
        return x - (x - 0.2) * min(1.0, away_sec / 6) + 0.5 * _SWAY_WIDTHS * math.sin(away_sec)

    return place


def _visit(speed: float, start: float, **how: float | bool) -> Place:
    """Return the way of the other, who is in the room for a while around the meeting."""
    return between(passes(speed, start=start, **how), MEETING_SEC - 12, MEETING_SEC + 12)  # type: ignore[arg-type]


MEETINGS: dict[str, Meeting] = {
    "pass by": Meeting(passes(0.12, start=0.22), _visit(0.12, 0.78)),
    "pass by fast": Meeting(passes(0.25, start=0.78), _visit(0.3, 0.2)),
    "pass one who stands": Meeting(stays(0.52), _visit(0.1, 0.8)),
    "meet and turn back": Meeting(passes(0.12, start=0.22, turns=True), _visit(0.12, 0.78, turns=True)),
    "only the other turns": Meeting(stays(0.45), _visit(0.15, 0.8, turns=True)),
    "talk, then pass": Meeting(passes(0.12, start=0.25, stops_sec=5), _visit(0.15, 0.75, stops_sec=5)),
    "talk, then turn back": Meeting(
        passes(0.12, start=0.75, stops_sec=5, turns=True), _visit(0.15, 0.25, stops_sec=5, turns=True)
    ),
    "cross four times": Meeting(to_and_fro(0.3, 0.7, 9), between(to_and_fro(0.75, 0.25, 6), 10, 34)),
    "cross eight times": Meeting(to_and_fro(0.2, 0.8, 5), between(to_and_fro(0.85, 0.15, 7), 10, 34)),
    "walk together": Meeting(
        to_and_fro(0.2, 0.8, 12),
        between(lambda t: to_and_fro(0.2, 0.8, 12)(t) + 0.3 * max(0.0, abs(t - 21) - 7) / 4, 10, 32),
    ),
    "light goes down": Meeting(
        passes(0.12, start=0.22), _visit(0.12, 0.78), light=lambda t: 1.0 if t < MEETING_SEC else 0.6
    ),
    "light flickers": Meeting(
        passes(0.12, start=0.78), _visit(0.12, 0.22), light=lambda t: 1.0 + 0.15 * math.sin(2.1 * t)
    ),
}


def shrunk(room: Floats, people: Sequence[Sequence[CutOut]]) -> tuple[Floats, list[list[CutOut]]]:
    """Return the room and its people at half the size, which is a plate's."""

    def half(picture: Floats) -> Floats:
        return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)

    smaller = [
        [CutOut(half(cut.picture), half(cut.share), tuple(0.5 * n for n in cut.box)) for cut in cuts] for cuts in people
    ]
    return half(room), smaller


def filmed(
    meeting: Meeting, clothes: tuple[Clothes, Clothes], room: Floats, people: Sequence[Sequence[CutOut]]
) -> Iterator[tuple[SampledFrame, list[Box | None]]]:
    """Yield the samples of a meeting, each with the boxes of the instructor and of the other (None if not there).

    The other walks nearer to the camera, before the instructor.
    """
    rng = np.random.default_rng(2)
    for index in range(round(SECONDS * SAMPLE_FPS)):
        t = index / SAMPLE_FPS
        picture, boxes = room.copy(), []
        for place, (number, dye), foot in zip((meeting.instructor, meeting.other), clothes, (0.93, 0.96), strict=True):
            x, cuts = place(t), people[number]
            boxes.append(None if x is None else paste(picture, cuts[index % len(cuts)], (x, foot), dye=dye))
        seen = np.clip(picture * meeting.light(t) + rng.normal(0, 2.0, picture.shape), 0, 255)
        yield SampledFrame(index, t, seen.astype(np.uint8)), boxes


def right_share(
    kind: DetectorKind, model: OnnxDetector | None, made: Sequence[tuple[SampledFrame, list[Box | None]]]
) -> float:
    """Return the share of the samples with the two apart in which the instructor is followed."""
    frames = [frame for frame, _ in made]
    height, width = frames[0].bgr.shape[:2]
    video = VideoStream(0, "h264", width, height, 0, SAMPLE_FPS, 0.0, SECONDS)
    tracked = Tracked(kind, model, Recording("mp4", 1, 0.0, SECONDS, video, None))
    tracked.prepare(frames[::2])
    track = tracked.merge([tracked.part(0, frames, range(len(frames)))])
    judged = right = 0
    for seen, (_, (instructor, other)) in zip(followed(track), made, strict=True):
        if instructor is None or other is None:
            continue
        middles = instructor[0] + instructor[2] / 2, other[0] + other[2] / 2
        if abs(middles[0] - middles[1]) < APART_WIDTHS * max(instructor[2], other[2]):
            continue
        judged += 1
        if seen.detections:
            x = seen.detections[0].centre[0]
            right += abs(x - middles[0]) < min(abs(x - middles[1]), instructor[2])
    return right / max(1, judged)


def main(arguments: Sequence[str]) -> int:
    if not CLIP.is_file():
        print("The clip is not here.")
        return 2
    model = OnnxDetector(MODEL) if MODEL.is_file() else None
    room, people = shrunk(*cut_out())
    groups = {"different": DIFFERENT, "same": SAME}
    print("detector  clothes              meeting               samples right")
    for group in arguments or groups:
        shares: dict[DetectorKind, list[float]] = {}
        for clothes, pair in groups[group].items():
            for name, meeting in MEETINGS.items():
                made = list(filmed(meeting, pair, room, people))
                for kind in KINDS if model is not None else KINDS[:1]:
                    share = right_share(kind, model, made)
                    shares.setdefault(kind, []).append(share)
                    print(f"{kind:<9} {clothes:<20} {name:<21} {share:>13.3f}", flush=True)
        for kind, found in shares.items():
            meetings = np.mean([share >= RIGHT_SHARE for share in found])
            print(
                f"{kind:<9} {group + ' clothes':<20} all: {meetings:.3f} of meetings, {np.mean(found):.3f} of samples"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
