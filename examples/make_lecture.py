"""Make examples/lecture.mp4, a lecture of under a minute to try Rostrum with, and the track of its lecturer.

The room, the figure and the words are this project's own, so the film may be used like the rest of it. The speech is
flite's (https://github.com/festvox/flite, Debian package `flite`) voice `rms`, the one that the embedded speech engine
understands best (on this text 3% wrong words; voice `kal16` 5%). The picture is encoded by libx264, the sound by
FFmpeg's own AAC, both out of PyAV's wheel (18.1).

    python examples/make_lecture.py

Needs requirements-dev.txt and `flite`. Beside the film it writes lecture.track.json: twice a second the box
`[x, y, width, height]`, in fractions of the frame, of the visible part of the lecturer; null while the room is empty.
Everything but the speech is the same on every run.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import lecture_figure as figure
import lecture_room as room
import numpy as np

HERE = Path(__file__).parent
FILM, TRACK, TEXT = HERE / "lecture.mp4", HERE / "lecture.track.json", HERE / "lecture.txt"

FPS = 25
TRACK_FPS = 2
VOICE = "rms"
SLOWER = 1.05
SOUND_RATE = 48_000
LEVEL = 0.6  # of full scale, at the loudest
HISS = 0.0003
SPEECH_BEGINS_SEC, SPEECH_ENDS_BEFORE_SEC = 1.5, 4.0
SENTENCE_PAUSE_SEC, PARAGRAPH_PAUSE_SEC = 0.35, 0.85
SLIDE_LEAD_SEC = 0.4  # a slide comes a little before the words about it

GROUND_Y = 641
STEP_PX = 125.0
WAYS = ((2.2, 4.4, 1010), (15.4, 17.8, 728), (24.2, 26.2, 945), (36.6, 38.6, 1130))
"""Walks of the lecturer: begin and end in seconds, and where to, in pixels; between them, stands."""
ENTRANCE, EXIT = 1370, 1370
LEAVES_BEFORE_END_SEC = (4.4, 2.4)
LOOKS = ((0.0, -0.2), (9.0, 0.1), (13.0, -0.3), (17.8, -0.3), (26.2, 0.0), (31.0, -0.3), (34.0, 0.15), (38.6, -0.1))
"""From when on the standing lecturer looks where: -1 is to the left of the picture, 0 to the room."""
GESTURES = (
    (6.0, 8.6, "right", (0.25, 1.7)),
    (11.0, 12.8, "left", (0.35, 1.6)),
    (19.4, 23.0, "left", (1.15, 0.5)),
    (28.6, 30.4, "right", (0.3, 1.8)),
    (40.2, 42.6, "left", (0.3, 1.7)),
    (41.0, 42.8, "right", (0.3, 1.6)),
)
"""Begin and end in seconds, which arm (as seen), and its angles at shoulder and elbow."""
AT_REST = (0.10, 0.16)

NOISE_SIGMA = 1.1  # of 255
NOISE_FRAMES = 8
BT709 = 1
QUALITY = "24"  # libx264's crf


@dataclass(frozen=True, slots=True)
class Speech:
    """`sound`: mono at 48 kHz, float from -1 to 1, as long as the film; `paragraphs`: when each begins, in seconds."""

    sound: np.ndarray
    paragraphs: tuple[float, ...]

    @property
    def frames(self) -> int:
        return len(self.sound) * FPS // SOUND_RATE


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the lecturer stands in a frame, in pixels, and how."""

    x: float
    pose: figure.Pose


def main() -> None:
    try:
        speech = speak(TEXT.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sys.exit("flite is missing, which speaks the lecture. On Debian and Ubuntu: apt-get install flite")
    moments = act(speech)
    boxes = film(FILM, speech, moments)
    points = [{"t": t, "box": boxes[int(t * FPS)]} for t in np.arange(0, len(boxes) / FPS, 1 / TRACK_FPS).tolist()]
    TRACK.write_text("[\n" + ",\n".join(map(json.dumps, points)) + "\n]\n", encoding="utf-8")
    print(f"{FILM}: {speech.frames / FPS:.2f} s, {FILM.stat().st_size:,} bytes")


def speak(text: str) -> Speech:
    """Return the text read aloud, sentence by sentence."""
    pieces: list[np.ndarray] = [_silence(SPEECH_BEGINS_SEC)]
    paragraphs = []
    for paragraph in text.split("\n\n"):
        paragraphs.append(sum(map(len, pieces)) / SOUND_RATE)
        for sentence in re.findall(r"[^.]+\.", paragraph):
            pieces += [_say(sentence.strip()), _silence(SENTENCE_PAUSE_SEC)]
        pieces[-1] = _silence(PARAGRAPH_PAUSE_SEC)
    pieces[-1] = _silence(SPEECH_ENDS_BEFORE_SEC)
    sound = np.concatenate(pieces)
    sound = sound * (LEVEL / np.abs(sound).max()) + np.random.default_rng(2).normal(0, HISS, len(sound))
    return Speech(np.pad(sound, (0, -len(sound) % (SOUND_RATE // FPS))).astype(np.float32), tuple(paragraphs))


def _say(sentence: str) -> np.ndarray:
    with tempfile.TemporaryDirectory() as scratch:
        wav = Path(scratch) / "sentence.wav"
        subprocess.run(
            ["flite", "-voice", VOICE, "--setf", f"duration_stretch={SLOWER}", "-t", sentence, "-o", str(wav)],
            check=True,
        )
        with av.open(str(wav)) as spoken:
            resampler = av.AudioResampler("flt", "mono", SOUND_RATE)
            frames = [out for frame in spoken.decode(audio=0) for out in resampler.resample(frame)]
            frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def _silence(duration_sec: float) -> np.ndarray:
    return np.zeros(round(duration_sec * SOUND_RATE), np.float32)


def act(speech: Speech) -> list[Moment]:
    """Return the lecturer's action in each frame."""
    t = np.arange(speech.frames) / FPS
    leave, gone = (t[-1] - before for before in LEAVES_BEFORE_END_SEC)
    x = np.full(len(t), float(ENTRANCE))
    for begin, end, target in (*WAYS, (leave, gone, EXIT)):
        x += (target - x[-1]) * _eased((t - begin) / (end - begin))
    speed = np.gradient(x) * FPS
    stride = np.clip(np.abs(speed) / 150, 0, 1)
    look = np.array(LOOKS)[np.searchsorted([since for since, _ in LOOKS], t, side="right") - 1, 1]
    facing = _smooth(np.where(np.abs(speed) > 40, np.sign(speed), look), 0.16)
    step = np.pi * np.cumsum(np.abs(speed)) / FPS / STEP_PX
    x = x + 1.6 * np.sin(2 * np.pi * t / 5.3) * (1 - stride)
    arms = {"left": np.tile(AT_REST, (len(t), 1)), "right": np.tile(AT_REST, (len(t), 1))}
    for begin, end, which, angles in GESTURES:
        raised = _eased((t - begin) / 0.6) * _eased((end - t) / 0.6)
        moving = np.array(angles) + 0.10 * np.sin(2 * np.pi * 0.8 * t)[:, None]
        arms[which] += raised[:, None] * (moving - AT_REST)
    loud = np.sqrt(np.mean(speech.sound.reshape(len(t), -1) ** 2, axis=1))
    mouth = np.clip(loud / 0.15, 0, 1)
    breath = np.sin(2 * np.pi * t / 3.7)
    return [
        Moment(
            float(x[i]),
            figure.Pose(
                facing=float(facing[i]), step=float(step[i]), stride=float(stride[i]), mouth=float(mouth[i]),
                left_arm=tuple(arms["left"][i]), right_arm=tuple(arms["right"][i]), breath=float(breath[i]),
            ),
        )
        for i in range(len(t))
    ]  # fmt: skip


def _eased(fraction: np.ndarray) -> np.ndarray:
    """Return 0 before, 1 after, and a smooth value in between."""
    fraction = np.clip(fraction, 0, 1)
    return fraction * fraction * (3 - 2 * fraction)


def _smooth(values: np.ndarray, sigma_sec: float) -> np.ndarray:
    return cv2.GaussianBlur(values[None].astype(np.float32), (0, 0), sigma_sec * FPS, borderType=cv2.BORDER_REPLICATE)[
        0
    ]


def film(path: Path, speech: Speech, moments: list[Moment]) -> list[list[float] | None]:
    """Draw and encode everything; return the lecturer's box in each frame."""
    boxes: list[list[float] | None] = []
    with av.open(str(path), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}) as out:
        picture = out.add_stream(
            "libx264", rate=FPS, width=room.WIDTH, height=room.HEIGHT, pix_fmt="yuv420p",
            options={"crf": QUALITY, "preset": "slow", "g": str(2 * FPS), "keyint_min": "1", "threads": "2"},
        )  # fmt: skip
        tagged = picture.codec_context
        tagged.colorspace = tagged.color_primaries = tagged.color_trc = BT709
        tagged.color_range = 1  # limited
        sound = out.add_stream("aac", rate=SOUND_RATE, layout="mono", bit_rate=64_000)
        per_frame = SOUND_RATE // FPS
        for number, (pixels, box) in enumerate(draw(speech, moments)):
            boxes.append(box)
            shown = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            shown = shown.reformat(format="yuv420p", dst_colorspace="ITU709")
            shown.pts = number
            out.mux(picture.encode(shown))
            samples = speech.sound[None, number * per_frame : (number + 1) * per_frame]
            heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="mono")
            heard.sample_rate = SOUND_RATE
            heard.pts = number * per_frame
            out.mux(sound.encode(heard))
        out.mux(picture.encode(None))
        out.mux(sound.encode(None))
    return boxes


def draw(speech: Speech, moments: list[Moment]) -> Iterator[tuple[np.ndarray, list[float] | None]]:
    """Yield each frame (height × width × 3, RGB, uint8) and the box of the visible part of the lecturer."""
    empty = room.draw_room()
    scenes = [room.with_slide(empty, slide) for slide in room.draw_slides()]
    changes = np.array(speech.paragraphs[1:]) - SLIDE_LEAD_SEC
    desk = room.desk_mask()
    noise = np.random.default_rng(3).normal(0, NOISE_SIGMA, (NOISE_FRAMES, *empty.shape[:2], 1)).astype(np.float32)
    order = np.random.default_rng(4).integers(0, NOISE_FRAMES, len(moments))
    for number, moment in enumerate(moments):
        lit = scenes[int(np.searchsorted(changes, number / FPS, side="right"))].copy()
        cover = _place(lit, moment, desk)
        pixels = np.clip(lit * 255 + noise[order[number]] + 0.5, 0, 255).astype(np.uint8)
        yield pixels, _box(cover)


def _place(lit: np.ndarray, moment: Moment, desk: np.ndarray) -> np.ndarray:
    """Paint the lecturer and the shadow into the picture, behind the desk; return how much covers each pixel."""
    covered = np.zeros(lit.shape[:2], np.float32)
    left, top = int(np.floor(moment.x)) - figure.PATCH_WIDTH // 2, GROUND_Y - figure.FEET
    first, last = max(0, left), min(room.WIDTH, left + figure.PATCH_WIDTH)
    if first >= last:
        return covered
    rows, columns = slice(top, top + figure.PATCH_HEIGHT), slice(first, last)
    colour, cover = figure.draw_figure(moment.pose)
    shift = np.array([[1, 0, moment.x - np.floor(moment.x)], [0, 1, 0]], np.float32)
    inside = slice(first - left, last - left)
    colour, cover = (cv2.warpAffine(part, shift, part.shape[1::-1])[:, inside] for part in (colour, cover))
    free = 1 - desk[rows, columns]
    y, x = np.mgrid[rows, columns].astype(np.float32)
    shadow = 0.5 * np.exp(-(((x - moment.x + 16) / 62) ** 2) - ((y - GROUND_Y - 1) / 9) ** 2)
    part = lit[rows, columns]
    part *= (1 - shadow * free)[..., None]
    part *= (1 - cover * free)[..., None]
    part += colour * free[..., None]
    covered[rows, columns] = cover * free
    return covered


def _box(cover: np.ndarray) -> list[float] | None:
    left, top, width, height = cv2.boundingRect((cover > 0.5).astype(np.uint8))
    if not width:
        return None
    return [round(v, 4) for v in (left / room.WIDTH, top / room.HEIGHT, width / room.WIDTH, height / room.HEIGHT)]


if __name__ == "__main__":
    main()
