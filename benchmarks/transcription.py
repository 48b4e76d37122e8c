"""Word errors and speed of the transcription: engines and settings, whole and cut, and what the pipeline adds.

    python benchmarks/transcription.py [--data DIR] [--engine NAME] [--model NAME_OR_DIR] [--cuts SECONDS …] [--untuned]

DIR holds `NAME.flac` with the reference in `NAME.txt`; clips whose name begins with `--skip` are left out (the poem:
verse of 1609 is no test of speech recognition). All clips stand one behind the other in one recording, a second of
silence between them. WER is over all words, in lower case, without punctuation. The real-time factor (RTF) is time
spent divided by length of sound. `lost` and `doubled` are words within a second of a cut that the recording in one
piece has and the cut one has not, and the other way round. The pipeline is finding speech, cutting and merging;
`bare` is the engine alone on the same stretches of speech; both are medians.
"""

import argparse
import io
import re
import statistics
import sys
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import av
import jiwer
import pocketsphinx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shared.pipeline.plan import part_count  # noqa: E402
from shared.transcription.audio import SAMPLE_RATE, WavAudio  # noqa: E402
from shared.transcription.cut import part_span  # noqa: E402
from shared.transcription.engine import Engine, TranscriptionRequest  # noqa: E402
from shared.transcription.payload import Transcript  # noqa: E402
from shared.transcription.transcribe import MAX_UTTERANCE_SEC, merge_parts, transcribe_part  # noqa: E402
from shared.transcription.vad import Span, pad_spans, speech_probabilities, speech_spans  # noqa: E402
from shared.transcription.warm import select_engine  # noqa: E402

CUTS_SEC = (15.0, 30.0, 60.0, 300.0)
NEAR_SEC = 1.0
BARS = {"WER": 0.21, "cut": 0.005, "ratio": 1.10}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clip:
    name: str
    samples: bytes
    reference: str


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "speech")
    arguments.add_argument("--engine", default="auto")
    arguments.add_argument("--model", default="base")
    arguments.add_argument("--skip", default="sonnet")
    arguments.add_argument("--repeat", type=int, default=3, help="how often the ratio is measured")
    arguments.add_argument("--cuts", type=float, nargs="*", default=CUTS_SEC, help="lengths of parts in seconds")
    arguments.add_argument("--untuned", action="store_true", help="also pocketsphinx as it comes, in one piece")
    given = arguments.parse_args()
    clips = [read_clip(path) for path in sorted(given.data.glob("*.flac")) if not path.stem.startswith(given.skip)]
    if not clips:
        sys.exit(f"no FLAC files in {given.data}")
    engine = select_engine(given.engine, whisper_model=given.model)
    all_clips = join(clips)
    audio = WavAudio(wav(all_clips.samples))
    name = f"{engine.info.name} {engine.info.model}"
    print(f"{audio.duration_sec:.0f} s of sound, {len(plain(all_clips.reference).split())} words\n")
    print(f"{'engine and setting':<34}{'cut at':>8}{'WER %':>8}{'RTF':>8}{'lost':>6}{'doubled':>9}")
    if given.untuned:
        began = time.perf_counter()
        text = as_it_comes(all_clips.samples)
        show("pocketsphinx, as it comes", "-", wer(all_clips.reference, text), time.perf_counter() - began, audio)
    whole, spent = timed(lambda: transcribe(engine, audio, audio.duration_sec))
    whole_wer = wer(all_clips.reference, text_of(whole))
    show(name, "-", whole_wer, spent, audio)
    for clip in clips:
        heard = [s.text for s in whole.segments if within(all_clips, clip, clips, s.start)]
        print(f"  {clip.name:<40}{100 * wer(clip.reference, ' '.join(heard)):>8.1f}")
    worst = 0.0
    for cut_sec in given.cuts:
        if cut_sec >= audio.duration_sec:
            continue
        cut, spent = timed(partial(transcribe, engine, audio, cut_sec))
        cut_wer = wer(all_clips.reference, text_of(cut))
        worst = max(worst, cut_wer - whole_wer)
        show(name, f"{cut_sec:.0f} s", cut_wer, spent, audio, changed_near_cuts(audio, cut_sec, whole, cut))
    ratio = pipeline_ratio(engine, clips[0], given.repeat)
    print(f"\npipeline against the bare engine on {clips[0].name}: {ratio:.2f} (bar {BARS['ratio']:.2f})")
    print(f"WER {100 * whole_wer:.1f}% (bar {100 * BARS['WER']:.0f}%, embedded engine); cutting adds {100 * worst:.1f}")
    return 0 if worst <= BARS["cut"] and ratio <= BARS["ratio"] else 1


def show(
    name: str, cut: str, errors: float, spent_sec: float, audio: WavAudio, changed: tuple[int, int] | None = None
) -> None:
    near = f"{changed[0]:>6}{changed[1]:>9}" if changed else ""
    print(f"{name:<34}{cut:>8}{100 * errors:>8.1f}{spent_sec / audio.duration_sec:>8.3f}{near}", flush=True)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


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


def as_it_comes(samples: bytes) -> str:
    """What pocketsphinx hears with its own settings, in one piece."""
    decoder = pocketsphinx.Decoder(loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(samples, no_search=False, full_utt=True)
    decoder.end_utt()
    return decoder.hyp().hypstr if decoder.hyp() else ""


def changed_near_cuts(audio: WavAudio, part_sec: float, whole: Transcript, cut: Transcript) -> tuple[int, int]:
    """Words within a second of a cut that got lost, and that came twice."""
    parts = part_count(audio.duration_sec, part_sec)
    lost = doubled = 0
    for part in range(1, parts):
        at = part_span(audio, part, parts, audio.duration_sec).start
        once, twice = (near(transcript, at) for transcript in (whole, cut))
        lost += max(0, len(once) - len(twice))
        doubled += max(0, len(twice) - len(once))
    return lost, doubled


def near(transcript: Transcript, at_sec: float) -> list[str]:
    words = (word for segment in transcript.segments for word in segment.words)
    return [word.word for word in words if abs((word.start + word.end) / 2 - at_sec) <= NEAR_SEC]


def pipeline_ratio(engine: Engine, clip: Clip, repeat: int) -> float:
    """Taken turn by turn, so that what else the machine does falls on both."""
    audio = WavAudio(wav(clip.samples))
    piped, bare = [], []
    for _ in range(repeat):
        piped.append(timed(lambda: transcribe(engine, audio, audio.duration_sec))[1])
        bare.append(bare_seconds(engine, audio))
    return statistics.median(piped) / statistics.median(bare)


def bare_seconds(engine: Engine, audio: WavAudio) -> float:
    probabilities = speech_probabilities(audio, 0.0, audio.duration_sec)
    spans = tuple(
        pad_spans(speech_spans(probabilities, max_speech_sec=MAX_UTTERANCE_SEC), Span(0.0, audio.duration_sec))
    )
    request = TranscriptionRequest(audio, spans, None, lambda fraction: None)
    return timed(lambda: list(engine.transcribe(request)))[1]


def wer(reference: str, heard: str) -> float:
    return float(jiwer.wer(plain(reference), plain(heard) or "-"))


def plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def text_of(transcript: Transcript) -> str:
    return " ".join(segment.text for segment in transcript.segments)


def join(clips: list[Clip]) -> Clip:
    """One recording of all clips, with a second of silence between them."""
    silence = bytes(2 * SAMPLE_RATE)
    return Clip("joined", silence.join(clip.samples for clip in clips), " ".join(clip.reference for clip in clips))


def within(joined: Clip, wanted: Clip, clips: list[Clip], at_sec: float) -> bool:
    """Whether a time of the joined recording falls on one of its clips."""
    start = 0.0
    for clip in clips:
        end = start + len(clip.samples) / 2 / SAMPLE_RATE
        if clip is wanted:
            return start - 0.5 <= at_sec < end + 0.5
        start = end + 1.0
    raise ValueError(f"{wanted.name} is not in {joined.name}")


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
    sys.exit(main())
