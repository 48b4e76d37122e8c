"""64 parts that only wait, on 1 to 64 workers: how much of the workers' time is waiting, and not the pipeline's.

Efficiency is the waiting of all parts, divided by the number of workers and by the time from the plan to the merge. A
single worker waits a second for each part, which is stricter than the ten of the others. Over Azurite.
Usage: `python3 dev.py bench fan_out`; `ROSTRUM_BENCH_WAIT_SEC` (default 10) sets a part's wait on several workers.
"""

import os
import sys
import time
from collections.abc import Callable
from functools import partial

from benchmarks._emulator import emulator
from benchmarks._noop_pipeline import NoopPipeline
from devhost.bench_table import Figure, report
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.pipeline.context import StepContext
from shared.storage.connect import connect
from shared.storage.ports import Storage

PARTS = 64
WAIT_SEC = float(os.environ.get("ROSTRUM_BENCH_WAIT_SEC", "10"))
SHORT_WAIT_SEC = 1.0
"""For one worker, which would wait for more than ten minutes."""

WORKERS = {1: min(SHORT_WAIT_SEC, WAIT_SEC), 4: WAIT_SEC, 16: WAIT_SEC, 64: WAIT_SEC}
BAR = 0.85
PART, MERGE = (Stage.TRANSCRIPTION, StepKind.PART), (Stage.TRANSCRIPTION, StepKind.MERGE)
SKIPPED = {Stage.TRACKING: "not measured", Stage.RENDITION: "not measured"}


def efficiency(storage: Storage, workers: int, wait_sec: float) -> float:
    """Return the share of the workers' time that the parts waited."""
    merged: list[float] = []
    work: dict[tuple[Stage, StepKind], Callable[[StepContext], None]] = {
        PART: lambda context: time.sleep(wait_sec),
        MERGE: lambda context: merged.append(time.perf_counter()),
    }
    pipeline = NoopPipeline(storage, {Stage.TRANSCRIPTION: PARTS}, SKIPPED, work)
    job = pipeline.submit()
    pipeline.run_one()  # the download, which plans
    began = time.perf_counter()
    with pipeline.workers(workers):
        while not pipeline.storage.jobs.get(job.org_id, job.job_id).value.is_final:
            time.sleep(0.05)
    return PARTS * wait_sec / workers / (merged[0] - began)


def main() -> int:
    met = True
    with emulator() as connection_string:
        measure = partial(efficiency, connect(connection_string))
        for workers, wait_sec in WORKERS.items():
            name = f"64 parts of {wait_sec:g} s of waiting on {workers} workers: efficiency"
            met &= bool(report(Figure(name, measure(workers, wait_sec), BAR)).is_met)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
