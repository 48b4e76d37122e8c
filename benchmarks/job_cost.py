"""The CPU seconds of a whole job by step, against decoding the recording once: cost that no other load changes.

Makes a 1080p recording by repeating the example, runs all steps of a job over it in this process (storage in memory),
and prints each step's CPU seconds, their sum for each second of the recording, and the ratio to decoding every frame.
Usage: `python3 dev.py bench job_cost`; `ROSTRUM_BENCH_MINUTES` (default 10) sets the recording's length.
"""

import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av

from benchmarks._in_memory import run_to_end
from benchmarks.memory import EXAMPLE, make_full_hd, repeat
from devhost.bench_table import Figure, report
from shared.job_status import JobStatus
from shared.pipeline.context import StepContext, StepWork
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import SOURCES
from shared.wiring import build_services

BAR_CPU_SEC = 0.18
"""CPU seconds for each second of the recording, all steps together."""


def main() -> int:
    minutes = float(os.environ.get("ROSTRUM_BENCH_MINUTES", "10"))
    with tempfile.TemporaryDirectory() as name:
        once, recording = Path(name) / "once.mp4", Path(name) / "recording.mp4"
        make_full_hd(EXAMPLE, once)
        with av.open(str(once)) as reader:
            length_sec = (reader.duration or 0) / av.time_base
        repeat(once, recording, max(1, round(minutes * 60 / length_sec)))
        seconds, floor = decode(recording)
        steps = run(recording)
    for step, cpu_sec in steps.items():
        print(f"{step:24} {cpu_sec:8.1f} CPU s  {cpu_sec / seconds:.4f} for each second")
    total = sum(steps.values())
    print(f"{'all steps':24} {total:8.1f} CPU s")
    print(f"{'decoding every frame':24} {floor:8.1f} CPU s; all steps are {total / floor:.2f} times that")
    name = "1080p, all steps: CPU s for each second"
    return 0 if report(Figure(name, total / seconds, BAR_CPU_SEC, is_limit=True)).is_met else 1


def decode(recording: Path) -> tuple[float, float]:
    """Return the recording's length, and the CPU seconds of decoding every frame of it."""
    began = time.process_time()
    with av.open(str(recording)) as container:
        for _ in container.decode(video=0):
            pass
        return (container.duration or 0) / av.time_base, time.process_time() - began


def run(recording: Path) -> dict[str, float]:
    """Return the CPU seconds by step of a job that ran to its end."""
    storage, spent = MemoryStorage(), defaultdict[str, float](float)
    services = build_services(Settings(), storage)
    services = replace(services, work={key: _timed(spent, " ".join(key), work) for key, work in services.work.items()})
    blob = source_blob_name("local", "s", recording.name)
    storage.blobs.write(SOURCES, blob, recording.read_bytes(), "video/mp4")
    job = submit_stored(services, JobRequest(org_id="local"), "s", recording.name)
    ended = run_to_end(services, storage, job)
    if ended.status is not JobStatus.DONE:
        raise RuntimeError(f"the job ended as {ended.status}: {ended.error}")
    return dict(spent)


def _timed(spent: dict[str, float], name: str, work: StepWork) -> Callable[[StepContext], None]:
    def timed(context: StepContext) -> None:
        began = time.process_time()
        work(context)
        spent[name] += time.process_time() - began

    return timed


if __name__ == "__main__":
    sys.exit(main())
