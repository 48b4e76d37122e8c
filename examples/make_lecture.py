"""Makes examples/lecture.mp4 from examples/lecture.txt: a drawn lecturer before a screen, and synthesized speech.

    apt-get install flite && python examples/make_lecture.py

Everything but the voice is computed from constants, so that two runs differ only where the synthesizer does. The voice
is flite's `rms` (a free licence); the H.264 encoder is the libx264 that PyAV's wheel carries and the AAC encoder is
FFmpeg's own: their licences bind who hands out the encoders, not the film, which is under this project's licence.
Each paragraph of the text is spoken while one slide is shown.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from math import pi, sin
from pathlib import Path

import av
import cv2
import numpy as np
from lecture_figure import BOX, Pose, draw_figure
from lecture_room import HEIGHT, WIDTH, draw_room, draw_slides, with_slide

HERE = Path(__file__).parent
FPS = 25
SPEECH_RATE, SOUND_RATE = 16_000, 44_100
SPEECH_FROM_SEC, BETWEEN_PARAGRAPHS_SEC, AFTER_SPEECH_SEC = 4.6, 0.55, 5.4
SLIDE_BEFORE_SPEECH_SEC = 0.4
GROUND_Y = 668
OUTSIDE_X, RIGHT_X, MIDDLE_X, LEFT_X = 1500, 1080, 640, 300
STEP_PX = 2 * pi / 190
"""Radians of the walk's cycle for a pixel of way."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk from one place to another."""

    start_sec: float
    end_sec: float
    from_x: float
    to_x: float


def main() -> None:
    """Speak, draw, encode."""
    paragraphs = (HERE / "lecture.txt").read_text(encoding="utf-8").strip().split("\n\n")
    spoken = [speak(paragraph) for paragraph in paragraphs]
    sound, starts = arrange(spoken)
    walks = way(starts, len(sound) / SPEECH_RATE)
    encode(HERE / "lecture.mp4", sound, starts, walks)


def speak(text: str) -> np.ndarray:
    """The text in flite's voice, a little slower than it would: samples from -1 to 1 at SPEECH_RATE."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "speech.wav")
        subprocess.run(
            ["flite", "-voice", "rms", "--setf", "duration_stretch=1.05", "-t", " ".join(text.split()), "-o", path],
            check=True,
        )
        with av.open(str(path)) as wav:
            frames = [frame.to_ndarray().reshape(-1) for frame in wav.decode(audio=0)]
            if wav.streams.audio[0].rate != SPEECH_RATE:
                raise SystemExit(f"flite spoke at {wav.streams.audio[0].rate} Hz, not at {SPEECH_RATE}")
    return np.concatenate(frames).astype(np.float32) / 32768


def arrange(spoken: list[np.ndarray]) -> tuple[np.ndarray, list[float]]:
    """The whole sound with the room's quiet hiss under it, and when each paragraph begins."""
    pieces = [np.zeros(int(SPEECH_FROM_SEC * SPEECH_RATE), np.float32)]
    starts = []
    for paragraph in spoken:
        starts.append(sum(map(len, pieces)) / SPEECH_RATE)
        pieces += [paragraph, np.zeros(int(BETWEEN_PARAGRAPHS_SEC * SPEECH_RATE), np.float32)]
    pieces.append(np.zeros(int(AFTER_SPEECH_SEC * SPEECH_RATE), np.float32))
    sound = np.concatenate(pieces)
    hiss = np.random.default_rng(1).normal(0, 0.0006, len(sound)).astype(np.float32)
    return 0.8 * sound / np.abs(sound).max() + hiss, starts


def way(starts: list[float], duration_sec: float) -> list[Walk]:
    """In from the right, to the middle and to the left with the lecture, back, and out before the end."""
    end = duration_sec - AFTER_SPEECH_SEC
    return [
        Walk(1.6, 4.0, OUTSIDE_X, RIGHT_X),
        Walk(starts[1] + 2.5, starts[1] + 5.0, RIGHT_X, MIDDLE_X),
        Walk(starts[2] + 5.0, starts[2] + 7.2, MIDDLE_X, LEFT_X),
        Walk(starts[4] + 0.5, starts[4] + 5.0, LEFT_X, RIGHT_X),
        Walk(end + 0.2, end + 2.6, RIGHT_X, OUTSIDE_X),
    ]


def where(t: float, walks: list[Walk]) -> tuple[float, float, float]:
    """The lecturer's x, how much he walks (0 to 1), and which way he faces (-1 to 1)."""
    x, walking, facing = walks[0].from_x, 0.0, 0.0
    for walk in walks:
        if t >= walk.start_sec:
            done = min(1.0, (t - walk.start_sec) / (walk.end_sec - walk.start_sec))
            x = walk.from_x + (walk.to_x - walk.from_x) * _ease(done)
        walking = max(walking, min(_ramp(t, walk.start_sec, 0.35), 1 - _ramp(t, walk.end_sec - 0.35, 0.35)))
        turned = min(_ramp(t, walk.start_sec - 0.3, 0.4), 1 - _ramp(t, walk.end_sec - 0.3, 0.5))
        facing += turned * (1 if walk.to_x > walk.from_x else -1)
    return x, walking, facing


def pose_at(t: float, walks: list[Walk], loudness: float) -> Pose:
    """How the lecturer stands at a moment: he gestures while he speaks, and now and then he is quite still."""
    x, walking, facing = where(t, walks)
    gesture = _ramp(sin(2 * pi * t / 11.0), 0.1, 0.5)
    pointing = _ramp(sin(2 * pi * t / 17.0 + 1.0), 0.55, 0.3)
    beat = 0.16 * sin(2 * pi * t * 0.8) * gesture
    left = (0.12 + 1.15 * pointing, 0.20 + 1.35 * pointing)
    right = (0.12 + 0.30 * gesture + 0.4 * beat, 0.18 + 1.75 * gesture + beat)
    return Pose(
        facing=facing - 0.35 * pointing * (1 - abs(facing)),
        stride=x * STEP_PX,
        walking=walking,
        left_arm=left,
        right_arm=right,
        sway=1.6 * sin(2 * pi * t / 5.3) * gesture,
        mouth=loudness,
        blink=t % 3.7 < 0.12,
    )


def loudness_by_frame(sound: np.ndarray, frames: int) -> np.ndarray:
    """How loud each frame's sound is, from 0 to 1: the mouth follows it."""
    per_frame = SPEECH_RATE // FPS
    padded = np.zeros(frames * per_frame, np.float32)
    padded[: min(len(sound), len(padded))] = sound[: len(padded)]
    level = np.sqrt((padded.reshape(frames, per_frame) ** 2).mean(1))
    return np.clip((level - 0.005) / 0.16, 0, 1)


def stand_in(room: np.ndarray, pose: Pose, x: float) -> np.ndarray:
    """The room with the figure at `x`, its shadow on the floor and a faint one on the wall."""
    left, top = round(x - BOX[0] / 2), GROUND_Y + 24 - BOX[1]
    inside = slice(max(0, -left), min(BOX[0], WIDTH - left))
    if inside.stop <= inside.start:
        return room
    colour, cover = draw_figure(pose)
    picture = room.copy()
    yy, xx = np.mgrid[0 : BOX[1], 0 : BOX[0]].astype(np.float32)
    on_floor = np.exp(-(((xx - BOX[0] / 2 - 14) / 68) ** 2) - ((yy - BOX[1] + 22) / 11) ** 2)
    on_wall = cv2.GaussianBlur(np.roll(cover, (10, 26), (0, 1)), (0, 0), 13)
    for shade in (0.5 * on_floor, 0.10 * on_wall):
        picture[top : top + BOX[1], left + inside.start : left + inside.stop] *= 1 - shade[:, inside, None]
    place = picture[top : top + BOX[1], left + inside.start : left + inside.stop]
    alpha = cover[:, inside, None]
    place[...] = place * (1 - alpha) + np.clip(colour[:, inside], 0, 1) * alpha
    return picture


def encode(path: Path, sound: np.ndarray, starts: list[float], walks: list[Walk]) -> None:
    """Write the film, with the index at the front so that it plays before it is whole."""
    frames = round(len(sound) / SPEECH_RATE * FPS)
    loudness = loudness_by_frame(sound, frames)
    room = draw_room()
    rooms = [with_slide(room, slide) for slide in draw_slides()]
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as film:
        video = film.add_stream("libx264", FPS, options={"crf": "22", "preset": "slow", "tune": "animation"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.time_base = Fraction(1, FPS)
        audio = film.add_stream("aac", SOUND_RATE, layout="mono")
        audio.bit_rate = 80_000
        for k in range(frames):
            t = k / FPS
            slide = max((i for i, start in enumerate(starts) if t >= start - SLIDE_BEFORE_SPEECH_SEC), default=0)
            picture = stand_in(rooms[slide], pose_at(t, walks, float(loudness[k])), where(t, walks)[0])
            frame = av.VideoFrame.from_ndarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8), "rgb24")
            frame.pts = k
            film.mux(video.encode(frame))
        film.mux(video.encode(None))
        for packet in encoded_sound(audio, sound):
            film.mux(packet)


def encoded_sound(stream: av.AudioStream, sound: np.ndarray) -> list[av.Packet]:
    """The sound at the film's rate, in AAC."""
    resampler = av.AudioResampler("fltp", "mono", SOUND_RATE)
    frame = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[None], "s16", "mono")
    frame.sample_rate, frame.pts = SPEECH_RATE, 0
    packets: list[av.Packet] = []
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        packets += stream.encode(piece)
    return packets + stream.encode(None)


def _ease(done: float) -> float:
    """From 0 to 1, gently away and gently there."""
    return done - sin(2 * pi * done) / (2 * pi) * 0.6


def _ramp(value: float, start: float, length: float) -> float:
    return min(1.0, max(0.0, (value - start) / length))


if __name__ == "__main__":
    main()
