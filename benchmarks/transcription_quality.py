"""Measure what else a speech engine has to show: word times, confidences, bad or no sound, languages, cuts, memory.

    python -m benchmarks.transcription_quality [--data DIR] [--engine NAME] [--model MODEL]

Word times are measured against espeak-ng, which tells exactly when it begins each word (left out where the library is
missing), and against splices: stretches of the clips put together with pauses, whose first words begin where they were
put. Each line has its bar; the exit status is 1 where one is missed.
"""

import argparse
import difflib
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jiwer import process_words
from numpy.typing import NDArray

from benchmarks._espeak import Espeak
from benchmarks._sounds import degraded, no_speech
from benchmarks._speech import (
    Clip,
    Placed,
    add_arguments,
    in_turns,
    plain,
    read_clips,
    recording,
    text_between,
    transcribe,
    wer,
    write_wav,
)
from shared.transcription.audio import SAMPLE_RATE, WavAudio
from shared.transcription.engine import Engine, TranscriptionRequest
from shared.transcription.payload import Transcript, TranscriptWord
from shared.transcription.transcribe import DETECTION_SHARE, transcribe_part
from shared.transcription.vad import Span, speech_probabilities, speech_spans
from shared.transcription.warm import select_engine

Sound = NDArray[np.float32]
SPEECH_BAR = {"telephone": 0.10, "pink noise 10 dB": 0.13, "speed x 1.6": 0.13}
ESPEAK_BARS_MS, SPLICE_BARS_MS = (50.0, 130.0), (70.0, 180.0)
AUC_BAR = 0.85
PARTS, PARTS_SEC, PARTS_BAR = 7, 1200.0, 0.005
GROWTH_FROM_SEC, GROWTH_BAR_MB = 120.0, 30.0
VOICES = ("en-us", "en-gb-scotland", "en-us+f3")
FORCED_SEC = (1.0, 2.5, 6.0, 20.0)
FOREIGN = {
    "es": "El profesor explicó ayer en la universidad que las matemáticas son una herramienta muy importante para "
    "comprender el mundo. Mañana vamos a estudiar las funciones lineales y sus aplicaciones en la física moderna.",
    "fr": "Le professeur a expliqué hier à l'université que les mathématiques sont un outil très important pour "
    "comprendre le monde. Demain nous allons étudier les fonctions linéaires et leurs applications.",
    "de": "Der Professor hat gestern an der Universität erklärt, dass die Mathematik ein sehr wichtiges Werkzeug ist, "
    "um die Welt zu verstehen. Morgen werden wir lineare Funktionen und ihre Anwendungen untersuchen.",
}


@dataclass(frozen=True, slots=True)
class Judge:
    """Prints figures with their bars, and remembers whether all were kept."""

    missed: list[str]

    def line(self, what: str, figure: float, bar: float | None, unit: str = "", *, at_least: bool = False) -> None:
        kept = bar is None or (figure >= bar if at_least else figure <= bar)
        told = "" if bar is None else f"  (bar {'≥' if at_least else '≤'} {bar:g}){'' if kept else '  MISSED'}"
        print(f"  {what:<44}{figure:>9.3f}{unit}{told}", flush=True)
        if not kept:
            self.missed.append(what)


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_arguments(arguments)
    arguments.add_argument("--growth-only", action="store_true", help="print the growth of this process, in MB")
    given = arguments.parse_args()
    clips = read_clips(given.data, given.skip)
    engine = select_engine(given.engine, whisper_model=given.model)
    if given.growth_only:
        print(_growth_mb(engine, clips))
        return 0
    print(f"{engine.info.name} {engine.info.model}")
    judge = Judge([])
    try:
        espeak = Espeak()
    except OSError as missing:
        print(f"  word times against events and other languages are left out: {missing}")
    else:
        _report_times(judge, "espeak-ng's events", list(_event_errors(engine, espeak, clips)), ESPEAK_BARS_MS)
        _languages(judge, engine, espeak)
    _report_times(judge, "splices", list(_splice_errors(engine, clips)), SPLICE_BARS_MS)
    judge.line("confidence: AUC", _auc(engine, clips), AUC_BAR, at_least=True)
    for name, errors in _degradations(engine, clips).items():
        judge.line(f"{name}: WER", errors, SPEECH_BAR.get(name))
    judge.line("no speech, forced in: words", _forced(engine), 0.0)
    judge.line(f"{PARTS} parts against 1: words that differ", _parts(engine, clips), PARTS_BAR)
    judge.line("memory, from minute 2 to 20: growth", _growth_of_fresh_process(), GROWTH_BAR_MB, " MB")
    print("all bars kept" if not judge.missed else f"missed: {', '.join(judge.missed)}")
    return 1 if judge.missed else 0


def _audio(sound: Sound) -> WavAudio:
    samples = (np.clip(sound, -1.0, 1.0) * 32767).astype("<i2").tobytes()
    return recording([Placed(Clip("", samples, ""), 0.0, len(sound) / SAMPLE_RATE)])


def _sound(clip: Clip) -> Sound:
    return np.frombuffer(clip.samples, "<i2").astype(np.float32) / np.float32(32768.0)


def _words(transcript: Transcript) -> list[TranscriptWord]:
    return [word for segment in transcript.segments for word in segment.words]


def _report_times(judge: Judge, against: str, errors_sec: Sequence[float], bars: tuple[float, float]) -> None:
    away = np.abs(errors_sec) * 1000.0
    judge.line(f"word starts, {against} ({len(away)}): median", float(np.median(away)), bars[0], " ms")
    judge.line(f"word starts, {against}: 90th percentile", float(np.percentile(away, 90)), bars[1], " ms")


def _differences(heard: Sequence[TranscriptWord], known: Sequence[tuple[str, float | None]]) -> Iterator[float]:
    """Yield how much later than known each word begins that was recognised."""
    one, other = ([plain(text) for text in texts] for texts in ([word.word for word in heard], [w for w, _ in known]))
    for block in difflib.SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        for at in range(block.size):
            start = known[block.b + at][1]
            if start is not None:
                yield heard[block.a + at].start - start


def _event_errors(engine: Engine, espeak: Espeak, clips: Sequence[Clip]) -> Iterator[float]:
    for voice in VOICES:
        for clip in clips:
            spoken = espeak.say(" ".join(clip.reference.split()), voice)
            lead = np.zeros(SAMPLE_RATE // 2, np.float32)
            sound = np.concatenate([lead, spoken.samples.astype(np.float32) / np.float32(32768.0), lead])
            known = [(word, start + 0.5) for word, start in spoken.words]
            yield from _differences(_words(transcribe(engine, _audio(sound))), known)


def _splice_errors(engine: Engine, clips: Sequence[Clip]) -> Iterator[float]:
    pieces = [piece for clip in clips for piece in _pieces(_sound(clip))]
    chance = random.Random(1)
    for _ in range(25):
        chosen = chance.sample(pieces, 3)
        known: list[tuple[str, float | None]] = []
        sound = np.zeros(SAMPLE_RATE // 2, np.float32)
        for piece in chosen:
            words = _words(transcribe(engine, _audio(np.pad(piece, SAMPLE_RATE // 4))))
            start = len(sound) / SAMPLE_RATE
            known += [(word.word, None if at else start) for at, word in enumerate(words)]
            pause = np.zeros(round(chance.uniform(0.05, 0.5) * SAMPLE_RATE), np.float32)
            sound = np.concatenate([sound, piece, pause])
        yield from _differences(_words(transcribe(engine, _audio(sound))), known)


def _pieces(sound: Sound) -> Iterator[Sound]:
    """Yield the stretches of speech of 1 to 6 s, without what is quiet at their ends."""
    audio = _audio(sound)
    for span in speech_spans(speech_probabilities(audio, 0.0, audio.duration_sec), max_speech_sec=6.0):
        piece = audio.read(span.start - 0.1, span.end + 0.1)
        piece = piece[: len(piece) // 80 * 80]
        if SAMPLE_RATE < len(piece) < 6 * SAMPLE_RATE:
            level = 10.0 * np.log10(np.square(piece.reshape(-1, 80)).mean(axis=1) + 1e-10)
            loud = np.flatnonzero(level > level.max() - 35.0)
            yield piece[loud[0] * 80 : (loud[-1] + 1) * 80]


def _auc(engine: Engine, clips: Sequence[Clip]) -> float:
    """Return how often a right word has a higher confidence than a wrong one; clean and worse sound together."""
    right: list[float] = []
    wrong: list[float] = []
    for clip in clips:
        for sound in (_sound(clip), *degraded(_sound(clip)).values()):
            heard = [word for word in _words(transcribe(engine, _audio(sound))) if plain(word.word)]
            texts = [plain(word.word).split() for word in heard]
            confidences = [word.confidence for word, parts in zip(heard, texts, strict=True) for _ in parts]
            found = process_words(plain(clip.reference), " ".join(part for parts in texts for part in parts) or "-")
            good = {
                at
                for chunk in found.alignments[0]
                if chunk.type == "equal"
                for at in range(chunk.hyp_start_idx, chunk.hyp_end_idx)
            }
            for at, confidence in enumerate(confidences):
                (right if at in good else wrong).append(confidence)
    if not right or not wrong:
        return 1.0
    higher = np.subtract.outer(np.array(right), np.array(wrong))
    return float((higher > 0).mean() + 0.5 * (higher == 0).mean())


def _degradations(engine: Engine, clips: Sequence[Clip]) -> dict[str, float]:
    heard: dict[str, list[str]] = {}
    for clip in clips:
        for name, sound in degraded(_sound(clip)).items():
            heard.setdefault(name, []).append(text_between(transcribe(engine, _audio(sound))))
    reference = " ".join(clip.reference for clip in clips)
    return {name: wer(reference, " ".join(texts)) for name, texts in heard.items()}


def _forced(engine: Engine) -> float:
    """Return how many words are written over sounds without any, given to the engine past the detector."""
    count = 0
    for seconds in FORCED_SEC:
        for name, sound in no_speech(seconds).items():
            request = TranscriptionRequest(_audio(sound), (Span(0.0, seconds),), None, lambda done: None)
            words = [word.text for segment in engine.transcribe(request) for word in segment.words]
            if words:
                print(f"    {name}, {seconds:g} s: {' '.join(words)}")
            count += len(words)
    return float(count)


def _languages(judge: Judge, engine: Engine, espeak: Espeak) -> None:
    for voice, text in FOREIGN.items():
        try:
            spoken = espeak.say(text, voice)
        except OSError as missing:
            print(f"  {voice} is left out: {missing}")
            continue
        made = transcribe(engine, _audio(spoken.samples.astype(np.float32) / np.float32(32768.0)))
        sure = made.language == "en" and not made.warnings
        judge.line(f"{voice} without a language given: looks sure", float(sure), 0.0)


def _parts(engine: Engine, clips: Sequence[Clip]) -> float:
    audio = recording(in_turns(clips, PARTS_SEC))
    whole, cut = (plain(text_between(transcribe(engine, audio, audio.duration_sec / parts))) for parts in (1, PARTS))
    return float(process_words(whole, cut).wer)


def _growth_of_fresh_process() -> float:
    """Return `_growth_mb` of a process that has done nothing else, with this one's arguments."""
    command = [sys.executable, "-m", "benchmarks.transcription_quality", *sys.argv[1:], "--growth-only"]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _growth_mb(engine: Engine, clips: Sequence[Clip]) -> float:
    """Return by how much the largest resident size of this process grows from minute 2 to the end of one long part."""
    peaks: list[float] = []

    def report(fraction: float) -> None:
        if fraction >= DETECTION_SHARE + (1.0 - DETECTION_SHARE) * GROWTH_FROM_SEC / PARTS_SEC and not peaks:
            peaks.append(_peak_mb())

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        write_wav(path, (one.clip.samples for one in in_turns(clips, PARTS_SEC)))
        with path.open("rb") as file:
            audio = WavAudio(file)
            transcribe_part(
                audio, engine, part=0, parts=1, duration_sec=audio.duration_sec, language=None, report=report
            )
    return _peak_mb() - peaks[0]


def _peak_mb() -> float:
    """Return the largest resident size that this process has had, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
