"""Word errors of the transcription: engines and settings, in one piece and cut.

    python -m benchmarks.transcription [--data DIR] [--engine NAME] [--model MODEL] [--minutes N] [--cuts SECONDS …]

All clips stand one behind the other, again and again in orders that are the same in every run, for at least ten
minutes. The real-time factor (RTF) is time spent divided by length of sound. `lost` and `doubled` are words within a
second of a cut that the recording in one piece has and the cut one has not, and the other way round.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pocketsphinx

from benchmarks._speech import add_arguments, in_turns, plain, read_clips, recording, text_between, transcribe, wer
from shared.pipeline.stages.plan import part_count
from shared.transcription.audio import WavAudio
from shared.transcription.part_spans import part_span
from shared.transcription.payload import Transcript
from shared.transcription.warm import select_engine

CUTS_SEC = (15.0, 30.0, 60.0, 300.0)
NEAR_SEC = 1.0
EMBEDDED_WER_BAR, CUT_BAR = 0.21, 0.005

T = TypeVar("T")


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_arguments(arguments)
    arguments.add_argument("--minutes", type=float, default=10.0, help="the least length of the recording")
    arguments.add_argument("--cuts", type=float, nargs="*", default=CUTS_SEC, help="lengths of parts in seconds")
    arguments.add_argument("--untuned", action="store_true", help="also pocketsphinx as it comes, in one piece")
    given = arguments.parse_args()
    clips = read_clips(given.data, given.skip)
    engine = select_engine(given.engine, whisper_model=given.model)
    placed = in_turns(clips, given.minutes * 60)
    audio = recording(placed)
    reference = " ".join(one.clip.reference for one in placed)
    name = f"{engine.info.name} {engine.info.model}"
    print(f"{audio.duration_sec:.0f} s of sound, {len(plain(reference).split())} words, of {len(clips)} clips\n")
    print(f"{'engine and setting':<34}{'cut at':>8}{'WER %':>8}{'RTF':>8}{'lost':>6}{'doubled':>9}", flush=True)
    if given.untuned:
        text, spent = timed(lambda: as_it_comes(audio))
        show("pocketsphinx, as it comes", "-", wer(reference, text), spent, audio)
    whole, spent = timed(lambda: transcribe(engine, audio))
    whole_wer = wer(reference, text_between(whole))
    show(name, "-", whole_wer, spent, audio)
    heard = {one.clip.name: text_between(whole, one.start - 0.5, one.end + 0.5) for one in reversed(placed)}
    for clip in clips:  # each the first time that it is said
        print(f"  {clip.name:<40}{100 * wer(clip.reference, heard[clip.name]):>8.1f}")
    each_once = wer(" ".join(clip.reference for clip in clips), " ".join(heard[clip.name] for clip in clips))
    added, changed = 0.0, 0
    for cut_sec in given.cuts:
        cut, spent = timed(partial(transcribe, engine, audio, cut_sec))
        cut_wer = wer(reference, text_between(cut))
        lost, doubled = changed_near_cuts(audio, cut_sec, whole, cut)
        added, changed = max(added, cut_wer - whole_wer), changed + lost + doubled
        show(name, f"{cut_sec:.0f} s", cut_wer, spent, audio, f"{lost:>6}{doubled:>9}")
    embedded = engine.info.name == "pocketsphinx"
    bar = f" (bar {100 * EMBEDDED_WER_BAR:.0f}%)" if embedded else ""
    print(f"\nWER of each clip once: {100 * each_once:.1f}%{bar}")
    print(f"cutting adds at most {100 * added:.1f} points (bar {100 * CUT_BAR:.1f})")
    print(f"words lost or doubled within a second of a cut: {changed} (bar 0)")
    good = added <= CUT_BAR and changed == 0
    return 0 if good and (each_once <= EMBEDDED_WER_BAR or not embedded) else 1


def show(name: str, cut: str, errors: float, spent_sec: float, audio: WavAudio, changed: str = "") -> None:
    print(f"{name:<34}{cut:>8}{100 * errors:>8.1f}{spent_sec / audio.duration_sec:>8.3f}{changed}", flush=True)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def as_it_comes(audio: WavAudio) -> str:
    """Return the text that pocketsphinx recognises with its own settings, in one piece."""
    decoder = pocketsphinx.Decoder(loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(audio.read_s16(0.0, audio.duration_sec), no_search=False, full_utt=True)
    decoder.end_utt()
    return decoder.hyp().hypstr if decoder.hyp() else ""


def changed_near_cuts(audio: WavAudio, part_sec: float, whole: Transcript, cut: Transcript) -> tuple[int, int]:
    """Return the words within a second of a cut that were lost, and those that came twice."""
    parts = part_count(audio.duration_sec, part_sec)
    lost = doubled = 0
    for part in range(1, parts):
        at = part_span(audio, part, parts, audio.duration_sec).start
        once, again = (len(text_between(heard, at - NEAR_SEC, at + NEAR_SEC).split()) for heard in (whole, cut))
        lost += max(0, once - again)
        doubled += max(0, again - once)
    return lost, doubled


if __name__ == "__main__":
    sys.exit(main())
