"""Measure what the transcription costs besides the engine: time of the pipeline and memory over length.

On request, measure also how much faster two workers are than one.

    python -m benchmarks.transcription_cost [--data DIR] [--engine NAME] [--model MODEL] [--two-workers]

The pipeline is finding speech, cutting into two parts and merging; `bare` is the engine alone, on the very stretches
that the pipeline gave it. Both are taken turn by turn, and judged by the CPU's time, on which what else the machine
does has least influence. Memory is the largest resident size of a fresh process that transcribes one part of 300 s,
from the middle of 10 minutes and of 3 hours, and of a minute with a faster-whisper model that has the shapes of `base`
and says always the same. `--two-workers` wants two idle cores.
"""

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks._scripted_whisper import BASE, write_model
from benchmarks._speech import (
    Clip,
    add_arguments,
    in_turns,
    read_clips,
    recording,
    transcribe,
    transcribe_one,
    write_wav,
)
from benchmarks.memory import peak_bytes
from shared.pipeline.stages.plan import part_count
from shared.transcription.audio import WavAudio
from shared.transcription.engine import Engine, Segment, TranscriptionRequest
from shared.transcription.warm import select_engine

RATIO_BAR = 1.10
SPEED_BAR = 1.7
EMBEDDED_MIB_BAR, BASE_MIB_BAR = 400, 700
GROWTH_BAR = 1.05
PART_SEC = 300.0
TWO_WORKERS_SEC = 1200.0
MIB = 1024**2


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_arguments(arguments)
    arguments.add_argument("--repeat", type=int, default=5, help="how often the pipeline's time is measured")
    arguments.add_argument("--two-workers", action="store_true", help="measure that only; wants an idle machine")
    arguments.add_argument("--part-of", type=Path, help=argparse.SUPPRESS)
    arguments.add_argument("--part-sec", type=float, default=PART_SEC, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    load = partial(select_engine, given.engine, whisper_model=given.model)
    if given.part_of:
        print(peak_of_part(load(), given.part_of, given.part_sec))
        return 0
    clips = read_clips(given.data, given.skip)
    good = two_workers(load, clips) if given.two_workers else pipeline(load(), clips, given.repeat) & memory(clips)
    return 0 if good else 1


class Overheard:
    """An engine, and what it was asked."""

    def __init__(self, engine: Engine) -> None:
        self.info, self.warnings_for = engine.info, engine.warnings_for
        self.requests: list[TranscriptionRequest] = []
        self._engine = engine

    def transcribe(self, request: TranscriptionRequest) -> Iterator[Segment]:
        self.requests.append(request)
        return self._engine.transcribe(request)


def pipeline(engine: Engine, clips: list[Clip], repeat: int) -> bool:
    """Return whether the pipeline adds as little to the engine's time as the bar allows."""
    shortest = sorted(clips, key=lambda clip: clip.seconds)[:2]
    audio = recording(in_turns(shortest, 0.0))
    overheard = Overheard(engine)
    transcribe(overheard, audio, audio.duration_sec / 2)

    def bare() -> None:
        for request in overheard.requests:
            list(engine.transcribe(request))

    piped = partial(transcribe, engine, audio, audio.duration_sec / 2)
    times = [(spent(piped), spent(bare)) for _ in range(repeat)]
    cpu, wall = (
        statistics.median(a[which] for a, _ in times) / statistics.median(b[which] for _, b in times)
        for which in (0, 1)
    )
    print(f"pipeline against the bare engine, {audio.duration_sec:.0f} s of speech in two parts, {repeat} times:")
    print(f"  CPU time {cpu:.3f} (bar {RATIO_BAR:.2f}), wall time {wall:.3f}", flush=True)
    return cpu <= RATIO_BAR


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of the CPU and on the clock."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def memory(clips: list[Clip]) -> bool:
    """Return whether a part keeps to its memory, however long the recording is."""
    print("\nlargest resident size of a process that transcribes one part:")
    with tempfile.TemporaryDirectory() as name:
        peaks = {}
        for label, seconds in (("10 minutes", 600.0), ("3 hours", 10_800.0)):
            path = Path(name) / "speech.wav"
            write_wav(path, (one.clip.samples for one in in_turns(clips, seconds)))
            peaks[label] = of_fresh_process(path, PART_SEC, "pocketsphinx", "base")
            print(f"  pocketsphinx, {PART_SEC:.0f} s of {label:<12}{peaks[label]:>5} MiB (bar {EMBEDDED_MIB_BAR})")
        growth = peaks["3 hours"] / peaks["10 minutes"]
        print(f"  3 hours against 10 minutes {growth:.2f} (bar {GROWTH_BAR:.2f})", flush=True)
        base = of_fresh_process(path, 60.0, "faster-whisper", str(write_model(Path(name) / "base", BASE)))
        print(f"  faster-whisper, shapes of base, 60 s     {base:>5} MiB (bar {BASE_MIB_BAR})", flush=True)
    return max(peaks.values()) <= EMBEDDED_MIB_BAR and growth <= GROWTH_BAR and base <= BASE_MIB_BAR


def of_fresh_process(path: Path, part_sec: float, engine: str, model: str) -> int:
    options = ["--part-of", str(path), "--part-sec", str(part_sec), "--engine", engine, "--model", model]
    command = [sys.executable, "-m", "benchmarks.transcription_cost", *options]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak_of_part(engine: Engine, path: Path, part_sec: float) -> int:
    """Transcribe the part in the middle; return the process's peak in MiB."""
    with path.open("rb") as file:
        audio = WavAudio(file)
        parts = part_count(audio.duration_sec, part_sec)
        if not transcribe_one(engine, audio, parts // 2, parts).segments:
            raise RuntimeError("nothing was heard")
    return peak_bytes(os.getpid()) // MIB


_worker: Engine
_audio: WavAudio


def two_workers(load: Callable[[], Engine], clips: list[Clip]) -> bool:
    """Return whether two processes are as much faster than one as the bar asks, over the same parts, with loaded
    engines.
    """
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "speech.wav"
        write_wav(path, (one.clip.samples for one in in_turns(clips, TWO_WORKERS_SEC)))
        one, two = (seconds_of(count, load, path) for count in (1, 2))
    print(f"two workers against one, {TWO_WORKERS_SEC / 60:.0f} minutes: {one / two:.2f} (bar {SPEED_BAR:.1f})")
    return one / two >= SPEED_BAR


def seconds_of(workers: int, load: Callable[[], Engine], path: Path) -> float:
    """Return the seconds that so many processes take for all parts."""
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(workers + 1)
    with spawn.Pool(workers, _begin_worker, (load, path, ready)) as pool:
        ready.wait()
        with path.open("rb") as file:
            parts = part_count(WavAudio(file).duration_sec, PART_SEC)
        began = time.perf_counter()
        pool.map(partial(_work, parts), range(parts), chunksize=1)
        return time.perf_counter() - began


def _begin_worker(load: Callable[[], Engine], path: Path, ready: Barrier) -> None:
    global _worker, _audio
    _worker, _audio = load(), WavAudio(path.open("rb"))
    ready.wait()


def _work(parts: int, part: int) -> None:
    transcribe_one(_worker, _audio, part, parts)


if __name__ == "__main__":
    sys.exit(main())
