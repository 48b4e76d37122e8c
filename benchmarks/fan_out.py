"""64 parts that only wait, on 1 to 64 workers: how much of the workers' time is waiting, and not the pipeline's.

Efficiency is the waiting of all parts, divided by the number of workers and by the time from the plan to the merge. A
single worker waits a second for each part, which is stricter than the ten of the others. Workers are threads of up to
eight processes, so that one interpreter's lock does not hold up the requests of all. Over Azurite.
Usage: `python3 dev.py bench fan_out`; `ROSTRUM_BENCH_WAIT_SEC` (default 10) sets a part's wait on several workers.
"""

import os
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

from benchmarks._emulator import emulator
from benchmarks._noop_pipeline import NoopPipeline
from devhost.bench_table import Figure, report
from shared.domain.message import QUEUES, StepKind
from shared.domain.stage import Stage
from shared.pipeline.context import StepContext
from shared.storage.connect import connect

PARTS = 64
PROCESSES = 8
WAIT_SEC = float(os.environ.get("ROSTRUM_BENCH_WAIT_SEC", "10"))
SHORT_WAIT_SEC = 1.0
"""For one worker, which would wait for more than ten minutes."""

WORKERS = {1: min(SHORT_WAIT_SEC, WAIT_SEC), 4: WAIT_SEC, 16: WAIT_SEC, 64: WAIT_SEC}
BAR = 0.85
PART, MERGE = (Stage.TRANSCRIPTION, StepKind.PART), (Stage.TRANSCRIPTION, StepKind.MERGE)
SKIPPED = {Stage.TRACKING: "not measured", Stage.RENDITION: "not measured"}


def make_pipeline(connection_string: str, wait_sec: float, on_merge: Callable[[float], object]) -> NoopPipeline:
    """Return a pipeline whose parts wait, and whose merge tells when it began."""
    work: dict[tuple[Stage, StepKind], Callable[[StepContext], None]] = {
        PART: lambda context: time.sleep(wait_sec),
        MERGE: lambda context: on_merge(time.monotonic()),  # the same clock in all processes
    }
    return NoopPipeline(connect(connection_string), {Stage.TRANSCRIPTION: PARTS}, SKIPPED, work)


def run_workers(connection_string: str, threads: int, parts: int, wait_sec: float, crew: Any) -> None:
    """Run workers in this process until the crew is to stop; they know of `parts` messages."""
    pipeline = make_pipeline(connection_string, wait_sec, crew.merged.put)
    for _ in range(parts):
        pipeline.sent.put(QUEUES[Stage.TRANSCRIPTION])
    crew.ready.wait()
    with pipeline.workers(threads):
        crew.stop.wait()


class Crew:
    """What the processes tell one another."""

    def __init__(self, context: Any, processes: int) -> None:
        self.ready = context.Barrier(processes + 1)
        self.merged = context.SimpleQueue()
        self.stop = context.Event()


def efficiency(connection_string: str, workers: int, wait_sec: float) -> float:
    """Return the share of the workers' time that the parts waited."""
    context, processes = get_context("spawn"), min(workers, PROCESSES)
    crew = Crew(context, processes)
    arguments = connection_string, workers // processes, PARTS // processes, wait_sec, crew
    running = [context.Process(target=run_workers, args=arguments, daemon=True) for _ in range(processes)]
    for process in running:
        process.start()
    pipeline = make_pipeline(connection_string, wait_sec, crew.merged.put)
    pipeline.submit()
    pipeline.run_one()  # the download, which plans
    crew.ready.wait()
    began = time.monotonic()
    took_sec = crew.merged.get() - began
    time.sleep(1)  # the merge's worker ends the job
    crew.stop.set()
    for process in running:
        process.join()
    return PARTS * wait_sec / workers / took_sec


def main() -> int:
    met = True
    with emulator() as connection_string:
        for workers, wait_sec in WORKERS.items():
            name = f"64 parts of {wait_sec:g} s of waiting on {workers} workers: efficiency"
            met &= bool(report(Figure(name, efficiency(connection_string, workers, wait_sec), BAR)).is_met)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
