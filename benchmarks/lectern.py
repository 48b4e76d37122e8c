"""Measure how well a lecturer who never leaves their place is found, and that empty rooms have no person in them.

Usage: `python3 dev.py bench lectern [scene …]`. Real people (`_lectern_people.py`) stand half hidden behind a lectern
or sit at a desk for the whole recording, in painted and real rooms: they sway, lean, turn their heads and change their
pose now and then, and their faces are turned away. The pictures are coded as H.264. Then rooms without a person, in
which lamps, films, trees, curtains, fans and an audience's heads move.
"""

import io
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av
import cv2
import numpy as np

from benchmarks._lectern_people import Pose, people
from benchmarks._lectern_rooms import (
    HEIGHT_PX,
    WIDTH_PX,
    Floats,
    Moving,
    clock_on_wall,
    curtain,
    daylight,
    fan,
    flickering_lamp,
    laptop,
    painted_room,
    slides_screen,
    tree_in_window,
    video_screen,
)
from benchmarks.agreement import CLIP, Truth, agreement, followed
from benchmarks.tracking import SAMPLE_FPS, Tracked
from shared.domain.recording import Recording, VideoStream
from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box
from shared.tracking.payload import InstructorTracking

SECONDS = 90.0
_PLATE_EVERY = 3
"""Every so many samples make the plate: 60 pictures."""


@dataclass(frozen=True, slots=True)
class Lecturer:
    """A person in one place."""

    person: int
    """Number of the person among the cut-outs."""
    x: float
    """Where they stand, as a fraction of the width."""
    head_y: float
    """Where their head begins, as a fraction of the height."""
    height: float
    """How tall they would be without the lectern, as a fraction of the height."""
    hidden: float = 0.5
    """Share of them that the lectern hides."""
    sway: float = 0.006
    """One standard deviation of their sway, as a fraction of the width."""
    poses: int = 3
    """Poses that they change between; with 1 they only sway."""
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A room, who is there, and what moves beside them."""

    room: int
    """Seed of a painted room; 0 for the clip's own."""
    lecturer: Lecturer | None = None
    moving: Sequence[Moving] = ()
    noise: float = 2.0
    crf: int = 26
    audience: Sequence[float] = field(default=())
    """Where the heads of an audience are, as fractions of the width."""


SCENES: dict[str, Scene] = {
    "lectern": Scene(0, Lecturer(0, 0.3, 0.2, 0.95)),
    "dark clothes": Scene(1, Lecturer(1, 0.7, 0.25, 0.8)),
    "calm": Scene(2, Lecturer(2, 0.5, 0.3, 0.7, sway=0.003, poses=1)),
    "small": Scene(3, Lecturer(4, 0.62, 0.4, 0.45)),
    "small, calm": Scene(4, Lecturer(3, 0.25, 0.42, 0.45, sway=0.003, poses=2)),
    "grey before grey": Scene(0, Lecturer(5, 0.55, 0.15, 0.9)),
    "close": Scene(5, Lecturer(0, 0.4, 0.1, 1.5, hidden=0.45, sway=0.01)),
    "at the edge": Scene(6, Lecturer(2, 0.08, 0.3, 0.8)),
    "beside slides": Scene(7, Lecturer(1, 0.8, 0.3, 0.75), [slides_screen(60, 40, 260, 160)]),
    "beside a film": Scene(8, Lecturer(4, 0.82, 0.25, 0.7), [video_screen(60, 40, 260, 160)]),
    "mostly hidden": Scene(9, Lecturer(3, 0.45, 0.3, 0.8, hidden=0.68)),
    "desk and laptop": Scene(10, Lecturer(0, 0.4, 0.35, 0.9, hidden=0.6, mirrored=True), [laptop(320, 215, 60)]),
    "noise": Scene(3, Lecturer(2, 0.35, 0.3, 0.7), noise=9.0, crf=32),
    "daylight": Scene(4, Lecturer(4, 0.55, 0.25, 0.8), [daylight(0.12)]),
    "audience before": Scene(5, Lecturer(1, 0.5, 0.2, 0.7), audience=(0.15, 0.5, 0.82)),
    "lively": Scene(2, Lecturer(5, 0.4, 0.2, 0.85, sway=0.02, poses=4)),
    "empty": Scene(1),
    "empty, noise": Scene(2, noise=10.0, crf=34),
    "empty, lamp": Scene(3, moving=[flickering_lamp(200, 120, 22)]),
    "empty, large lamp": Scene(0, moving=[flickering_lamp(400, 150, 45)]),
    "empty, film": Scene(4, moving=[video_screen(220, 60, 150, 90)]),
    "empty, portrait film": Scene(5, moving=[video_screen(300, 60, 70, 120)]),
    "empty, slides": Scene(6, moving=[slides_screen(120, 40, 260, 160)]),
    "empty, tree": Scene(7, moving=[tree_in_window(380, 40, 90, 150)]),
    "empty, wide tree": Scene(0, moving=[tree_in_window(120, 30, 200, 140)]),
    "empty, curtain": Scene(8, moving=[curtain(400, 30, 70, 230)]),
    "empty, clock": Scene(9, moving=[clock_on_wall(300, 80, 26)]),
    "empty, fan": Scene(10, moving=[fan(320, 150, 34)]),
    "empty, fan swings": Scene(1, moving=[fan(420, 140, 30, swings=True)]),
    "empty, laptop": Scene(2, moving=[laptop(300, 200, 70)]),
    "empty, daylight": Scene(7, moving=[daylight(0.2)]),
    "empty, audience": Scene(3, audience=(0.1, 0.33, 0.6, 0.86)),
    "empty, everything": Scene(
        0, moving=[daylight(0.08), fan(80, 160, 26), video_screen(420, 50, 140, 80), clock_on_wall(300, 50, 18)]
    ),
}


def filmed(
    scene: Scene, clip_room: Floats, persons: Sequence[Sequence[Pose]]
) -> tuple[list[SampledFrame], list[Truth]]:
    """Return the scene's samples as they come out of a codec, and where the lecturer's visible part is."""
    rng = np.random.default_rng(scene.room + 17)
    cv2.setRNGSeed(scene.room)
    room = painted_room(scene.room) if scene.room else clip_room
    heads = [_Sway(rng, 0.006) for _ in scene.audience]
    lecturer = _Behaviour(scene.lecturer, persons[scene.lecturer.person], rng) if scene.lecturer is not None else None
    pictures, truth = [], []
    for index in range(round(SECONDS * SAMPLE_FPS)):
        t = index / SAMPLE_FPS
        picture = room.copy()
        for paint in scene.moving:
            paint(picture, t)
        box = lecturer.paint(picture) if lecturer is not None else None
        for number, (x, sway) in enumerate(zip(scene.audience, heads, strict=True)):
            pose = persons[(number * 2 + 1) % len(persons)][0]
            _put(picture, pose, (x + sway.step(), 0.78), 1.6, HEIGHT_PX)
        truth.append(Truth(t, "present" if box is not None else "absent", box))
        seen = picture + cv2.randn(np.empty_like(picture), 0.0, scene.noise)
        pictures.append(np.clip(seen, 0, 255).astype(np.uint8))
    decoded = enumerate(_coded(pictures, scene.crf))
    return [SampledFrame(index, index / SAMPLE_FPS, bgr) for index, bgr in decoded], truth


class _Sway:
    """A position that wanders around 0 with one standard deviation of `sigma`."""

    def __init__(self, rng: np.random.Generator, sigma: float) -> None:
        self._rng, self._sigma, self._at = rng, sigma, 0.0

    def step(self) -> float:
        """Return the next position, half a second later."""
        keep = 0.8
        self._at = keep * self._at + math.sqrt(1 - keep**2) * float(self._rng.normal(0, self._sigma))
        return self._at


class _Behaviour:
    """Moves a lecturer, and paints them with their lectern."""

    def __init__(self, lecturer: Lecturer, poses: Sequence[Pose], rng: np.random.Generator) -> None:
        self._who, self._rng = lecturer, rng
        self._poses = [_mirror(pose) for pose in poses] if lecturer.mirrored else list(poses)
        self._pose = 0
        self._across, self._down = _Sway(rng, lecturer.sway), _Sway(rng, lecturer.sway * 0.3)
        self._lean, self._turn = _Sway(rng, lecturer.sway * 200), _Sway(rng, lecturer.sway * 4)

    def paint(self, onto: Floats) -> Box:
        """Paint the lecturer and the lectern; return the box of what is seen of them."""
        who = self._who
        if self._rng.random() < 0.06:
            self._pose = int(self._rng.integers(min(who.poses, len(self._poses))))
        at = who.x + self._across.step(), who.head_y + self._down.step()
        top = round((who.head_y + who.height * (1 - who.hidden)) * HEIGHT_PX)
        box = _put(onto, self._poses[self._pose], at, who.height, top, self._lean.step(), 1 + self._turn.step())
        self._paint_lectern(onto, top)
        return box

    def _paint_lectern(self, onto: Floats, top: int) -> None:
        half = round(0.26 * self._who.height * HEIGHT_PX)
        x = round(self._who.x * WIDTH_PX)
        corners = np.array(
            [[x - half, top], [x + half, top], [x + half * 4 // 5, HEIGHT_PX], [x - half * 4 // 5, HEIGHT_PX]]
        )
        cv2.fillConvexPoly(onto, corners, (62, 92, 128))
        cv2.rectangle(onto, (x - half - 3, top), (x + half + 3, top + 5), (40, 60, 90), -1)
        cv2.line(onto, (x, top + 12), (x, HEIGHT_PX), (50, 76, 108), 2)


def _mirror(pose: Pose) -> Pose:
    return Pose(np.ascontiguousarray(pose.bgr[:, ::-1]), np.ascontiguousarray(pose.share[:, ::-1]))


def _put(
    onto: Floats,
    pose: Pose,
    head: tuple[float, float],
    height: float,
    bottom_px: int,
    lean_degrees: float = 0.0,
    stretch: float = 1.0,
) -> Box:
    """Paint a person with the top of the head at `head`, hidden from `bottom_px` on; return the visible part's box."""
    down, across = pose.share.shape
    scale = height * HEIGHT_PX / down
    turn = math.radians(lean_degrees)
    matrix = np.array([[scale * stretch * math.cos(turn), -scale * math.sin(turn)], [scale * math.sin(turn), scale]])
    middle = np.array([across / 2, down * 0.6])
    target = np.array([head[0] * WIDTH_PX, head[1] * HEIGHT_PX + 0.6 * down * scale])
    place = np.column_stack([matrix, target - matrix @ middle])
    share = cv2.warpAffine(pose.share, place, (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_AREA)
    share[bottom_px:] = 0
    onto += (cv2.warpAffine(pose.bgr, place, (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_AREA) - onto) * share[..., None]
    left, top, wide, tall = cv2.boundingRect((share > 0.5).astype(np.uint8))
    return left / WIDTH_PX, top / HEIGHT_PX, wide / WIDTH_PX, tall / HEIGHT_PX


def _coded(pictures: Sequence[np.ndarray], crf: int) -> Iterator[np.ndarray]:
    """Yield the pictures as they come out of H.264."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as writer:
        stream = writer.add_stream("libx264", rate=2, options={"crf": str(crf), "g": "8", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        for index, bgr in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(bgr, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 2)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as reader:
        for decoded in reader.decode(video=0):
            yield decoded.to_ndarray(format="bgr24")


def track(frames: list[SampledFrame]) -> InstructorTracking:
    """Return the track of the embedded detector."""
    video = VideoStream(0, "h264", WIDTH_PX, HEIGHT_PX, 0, SAMPLE_FPS, 0.0, SECONDS)
    tracked = Tracked("plate", None, Recording("mp4", 1, 0.0, SECONDS, video, None))
    tracked.prepare(frames[::_PLATE_EVERY])
    return tracked.merge([tracked.part(0, frames, range(len(frames)))])


def main(arguments: Sequence[str]) -> int:
    if not CLIP.is_file():
        print("The clip is not here.")
        return 2
    clip_room, persons = people()
    print("scene                  coverage  false presence  centre error  IoU>=0.5  confidence")
    coverage, false = [], []
    for name in arguments or SCENES:
        frames, truth = filmed(SCENES[name], clip_room, persons)
        found = track(frames)
        agreed = agreement(followed(found), truth, HEIGHT_PX / WIDTH_PX, floor=0.0)
        sure = float(np.mean([point.confidence for point in found.track_points])) if found.track_points else 0.0
        (coverage if agreed.present else false).append(agreed.coverage if agreed.present else agreed.false_presence)
        print(
            f"{name:<22} {agreed.coverage:>8.3f}  {agreed.false_presence:>14.3f}  {agreed.centre_error:>12.4f}"
            f"  {agreed.iou_half:>8.3f}  {sure:>10.2f}",
            flush=True,
        )
    print(
        f"lecturers who never leave: coverage {np.mean(coverage or [0]):.3f}, least {min(coverage, default=0):.3f};"
        f" empty rooms with a person: {sum(share > 0 for share in false)} of {len(false)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
