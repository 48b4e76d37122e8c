"""One long recording through a stack with two workers, against the same with one: all stages, from POST to DONE.

Repeats the example as 1080p to the wanted length. Needs an idle machine of two cores; an hour takes about half an hour.
Usage: `python3 dev.py bench two_workers`; `ROSTRUM_BENCH_MINUTES` (default 60) sets the recording's length, and
`ROSTRUM_BENCH_ROUNDS` (default 1 here) the rounds.
"""

import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import av

from benchmarks._local_stack import EXAMPLE, LocalStack
from benchmarks._rounds import alternate, median_ratio
from benchmarks.memory import make_full_hd, repeat
from devhost.bench_table import Figure, report
from rostrum_client import RostrumClient

MINUTES = float(os.environ.get("ROSTRUM_BENCH_MINUTES", "60"))
ROUNDS = int(os.environ.get("ROSTRUM_BENCH_ROUNDS", "1"))
BAR = 1.75


def make_recording(directory: Path) -> Path:
    """Write the example as 1080p, over and over to the wanted length."""
    once, recording = directory / "once.mp4", directory / "recording.mp4"
    make_full_hd(EXAMPLE, once)
    with av.open(str(once)) as reader:
        length_sec = (reader.duration or 0) / av.time_base
    repeat(once, recording, max(1, round(MINUTES * 60 / length_sec)))
    return recording


def seconds(recording: Path, workers: int) -> float:
    """Return the time from the recording's submission to its job's end, over a stack of its own."""
    with tempfile.TemporaryDirectory() as name, LocalStack(Path(name), workers, ROSTRUM_ENGINE="auto") as stack:
        source = stack.serve("recording.mp4", lambda path: path.symlink_to(recording))
        with RostrumClient(stack.url) as client:
            began = time.perf_counter()
            job = client.wait(client.submit(source_url=source))
            took_sec = time.perf_counter() - began
    if job.status != "DONE":
        raise RuntimeError(f"the job ended as {job.status}: {job.error}")
    return took_sec


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        recording = make_recording(Path(name))
        one, two = alternate(partial(seconds, recording, 1), partial(seconds, recording, 2), rounds=ROUNDS)
    report(Figure(f"{MINUTES:g} min of 1080p, one worker", median(one), unit="s"))
    report(Figure(f"{MINUTES:g} min of 1080p, two workers", median(two), unit="s"))
    return 0 if report(Figure("two workers over one, all stages", median_ratio(one, two), BAR)).is_met else 1


if __name__ == "__main__":
    sys.exit(main())
