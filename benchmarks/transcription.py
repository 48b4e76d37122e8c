"""Word errors and speed of the transcription: each clip in one piece, and all of them as one recording, whole and cut.

    python benchmarks/transcription.py [--data DIR] [--engine NAME] [--model NAME_OR_DIR]

DIR holds `NAME.flac` with the reference in `NAME.txt`. The real-time factor is time spent divided by length of sound;
`bare` is the engine alone on the same stretches of speech, which says what finding and cutting them costs.
"""

import argparse
import io
import re
import sys
import time
import wave
from dataclasses import dataclass
from pathlib import Path

import av
import jiwer
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shared.pipeline.plan import part_count  # noqa: E402
from shared.transcription.audio import SAMPLE_RATE, WavAudio  # noqa: E402
from shared.transcription.engine import Engine, TranscriptionRequest  # noqa: E402
from shared.transcription.payload import Transcript  # noqa: E402
from shared.transcription.transcribe import MAX_UTTERANCE_SEC, merge_parts, transcribe_part  # noqa: E402
from shared.transcription.vad import Span, pad_spans, speech_probabilities, speech_spans  # noqa: E402
from shared.transcription.warm import select_engine  # noqa: E402

CUTS_SEC = (15.0, 60.0)


@dataclass(frozen=True, slots=True)
class Clip:
    name: str
    samples: bytes
    reference: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `bare_sec` is None where it was not measured."""

    name: str
    errors: int
    words: int
    sound_sec: float
    spent_sec: float
    bare_sec: float | None = None


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "speech")
    arguments.add_argument("--engine", default="auto")
    arguments.add_argument("--model", default="base")
    given = arguments.parse_args()
    clips = [read_clip(path) for path in sorted(given.data.glob("*.flac"))]
    if not clips:
        sys.exit(f"no FLAC files in {given.data}")
    engine = select_engine(given.engine, whisper_model=given.model)
    print(f"{engine.info.name} {engine.info.version}, model {engine.info.model}\n")
    print(f"{'recording':<28}{'words':>7}{'WER %':>8}{'RTF':>8}{'bare':>8}{'ratio':>8}")
    rows = [show(measure(engine, clip, None, bare=True)) for clip in clips]
    show(
        Row(
            "all, pooled",
            sum(row.errors for row in rows),
            sum(row.words for row in rows),
            sum(row.sound_sec for row in rows),
            sum(row.spent_sec for row in rows),
            sum(row.bare_sec or 0.0 for row in rows),
        )
    )
    print(f"{'all, mean of clips':<28}{'':>7}{100 * np.mean([row.errors / row.words for row in rows]):>8.1f}")
    joined = join(clips)
    for cut in (None, *CUTS_SEC):
        show(measure(engine, joined, cut))


def show(row: Row) -> Row:
    bare = f"{row.bare_sec / row.sound_sec:>8.3f}{row.spent_sec / row.bare_sec:>8.2f}" if row.bare_sec else ""
    rates = f"{100 * row.errors / row.words:>8.1f}{row.spent_sec / row.sound_sec:>8.3f}"
    print(f"{row.name:<28}{row.words:>7}{rates}{bare}", flush=True)
    return row


def measure(engine: Engine, clip: Clip, part_sec: float | None, *, bare: bool = False) -> Row:
    audio = WavAudio(wav(clip.samples))
    began = time.perf_counter()
    transcript = transcribe(engine, audio, part_sec or audio.duration_sec)
    spent = time.perf_counter() - began
    errors, words = word_errors(clip.reference, " ".join(segment.text for segment in transcript.segments))
    name = clip.name if part_sec is None else f"{clip.name}, cut at {part_sec:.0f} s"
    return Row(name, errors, words, audio.duration_sec, spent, bare_seconds(engine, audio) if bare else None)


def transcribe(engine: Engine, audio: WavAudio, part_sec: float) -> Transcript:
    """All parts one after another, and the merge."""
    duration = audio.duration_sec
    parts = part_count(duration, part_sec)
    made = (
        transcribe_part(
            audio,
            engine,
            part=part,
            parts=parts,
            duration_sec=duration,
            language=None,
            report=lambda fraction: None,
        )
        for part in range(parts)
    )
    return merge_parts(made, session_id="bench", job_id="bench", duration_sec=duration)


def bare_seconds(engine: Engine, audio: WavAudio) -> float:
    probabilities = speech_probabilities(audio, 0.0, audio.duration_sec)
    spans = tuple(
        pad_spans(speech_spans(probabilities, max_speech_sec=MAX_UTTERANCE_SEC), Span(0.0, audio.duration_sec))
    )
    began = time.perf_counter()
    for _ in engine.transcribe(TranscriptionRequest(audio, spans, None, lambda fraction: None)):
        pass
    return time.perf_counter() - began


def word_errors(reference: str, heard: str) -> tuple[int, int]:
    result = jiwer.process_words(plain(reference), plain(heard) or "-")
    errors = result.substitutions + result.deletions + result.insertions
    return errors, result.hits + result.substitutions + result.deletions


def plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def join(clips: list[Clip]) -> Clip:
    """One recording of all clips, with a second of silence between them."""
    silence = bytes(2 * SAMPLE_RATE)
    return Clip("joined", silence.join(clip.samples for clip in clips), " ".join(clip.reference for clip in clips))


def read_clip(path: Path) -> Clip:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        samples = b"".join(frame.to_ndarray().tobytes() for frame in [*frames, *resampler.resample(None)])
    return Clip(path.stem, samples, path.with_suffix(".txt").read_text(encoding="utf-8"))


def wav(samples: bytes) -> io.BytesIO:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples)
    return out


if __name__ == "__main__":
    main()
