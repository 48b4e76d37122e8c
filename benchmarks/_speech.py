"""Clips of speech with their references, put together to recordings of any length. For the transcription benchmarks."""

import argparse
import io
import random
import re
import sys
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import jiwer

from shared.pipeline.stages.plan import part_count
from shared.transcription.audio import SAMPLE_BYTES, SAMPLE_RATE, WavAudio
from shared.transcription.engine import Engine
from shared.transcription.payload import Transcript, TranscriptPart
from shared.transcription.transcribe import merge_parts, transcribe_part

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "speech"
SEED = 4
PAUSE_SEC = 1.0


@dataclass(frozen=True, slots=True)
class Clip:
    """Recorded speech: 16 kHz mono s16le samples, and its text."""

    name: str
    samples: bytes
    reference: str

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_BYTES / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Placed:
    """A clip in a recording, from `start` to `end` in seconds."""

    clip: Clip
    start: float
    end: float


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the options that choose the speech and the engine."""
    arguments.add_argument("--data", type=Path, default=DATA, help="a folder with NAME.flac and NAME.txt")
    arguments.add_argument("--skip", default="sonnet", help="leave out clips whose name begins so: verse is no test")
    arguments.add_argument("--engine", default="auto")
    arguments.add_argument("--model", default="base", help="name or directory of a faster-whisper model")


def read_clips(directory: Path, skip: str) -> list[Clip]:
    """Return all clips of a folder; end the program where there are none."""
    paths = [path for path in sorted(directory.glob("*.flac")) if not path.stem.startswith(skip)]
    if not paths:
        sys.exit(f"no FLAC files in {directory}")
    return [_read_clip(path) for path in paths]


def _read_clip(path: Path) -> Clip:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        samples = b"".join(frame.to_ndarray().tobytes() for frame in [*frames, *resampler.resample(None)])
    return Clip(path.stem, samples, path.with_suffix(".txt").read_text(encoding="utf-8"))


def in_turns(clips: Sequence[Clip], seconds: float) -> list[Placed]:
    """Return the clips in a row with a second between them, each once and then again in other orders, for at least
    `seconds`; the same orders in every run.
    """
    placed: list[Placed] = []
    shuffle = random.Random(SEED).shuffle
    order: list[Clip] = []
    at = 0.0
    while at < seconds or len(placed) < len(clips):
        if not order:
            order = list(clips)
            shuffle(order)
        clip = order.pop()
        placed.append(Placed(clip, at, at + clip.seconds))
        at += clip.seconds + PAUSE_SEC
    return placed


def recording(placed: Sequence[Placed]) -> WavAudio:
    """Return the sound of all clips, in memory."""
    out = io.BytesIO()
    write_wav(out, (one.clip.samples for one in placed))
    return WavAudio(out)


def write_wav(out: io.BytesIO | Path, pieces: Iterator[bytes]) -> None:
    """Write a WAV file of pieces of sound with pauses between them."""
    with wave.open(str(out) if isinstance(out, Path) else out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(SAMPLE_RATE)
        for samples in pieces:
            file.writeframes(samples + bytes(round(PAUSE_SEC * SAMPLE_RATE) * SAMPLE_BYTES))


def transcribe_one(engine: Engine, audio: WavAudio, part: int, parts: int) -> TranscriptPart:
    """Transcribe one part of the recording."""
    return transcribe_part(
        audio,
        engine,
        part=part,
        parts=parts,
        duration_sec=audio.duration_sec,
        language=None,
        report=lambda fraction: None,
    )


def transcribe(engine: Engine, audio: WavAudio, part_sec: float | None = None) -> Transcript:
    """Transcribe all parts of at most `part_sec` one after another, or one, and merge them."""
    parts = part_count(audio.duration_sec, part_sec) if part_sec else 1
    made = map(partial(transcribe_one, engine, audio, parts=parts), range(parts))
    return merge_parts(made, session_id="bench", job_id="bench", duration_sec=audio.duration_sec)


def wer(reference: str, heard: str) -> float:
    """Return word errors over words, in lower case, without punctuation."""
    return float(jiwer.wer(plain(reference), plain(heard) or "-"))


def plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def text_between(transcript: Transcript, start: float = 0.0, end: float = float("inf")) -> str:
    """Return the text of a stretch of the recording, by the middles of the words."""
    words = (word for segment in transcript.segments for word in segment.words)
    return " ".join(word.word.strip() for word in words if start <= (word.start + word.end) / 2 < end)
