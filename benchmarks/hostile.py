"""Thousands of hostile files, each put through what a job does to a recording, in a process that is watched.

Counts crashes, files that take longer than the limit, files that take more than 1 GB of memory, and files that end
in anything but a result or a refusal with a sentence for a person; all have to be none.
Usage: `python3 dev.py bench hostile`; `ROSTRUM_BENCH_SEED` (default 1), `ROSTRUM_BENCH_ONLY` (a part of names).
"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks._hostile_corpus import Case, corpus
from benchmarks._hostile_run import CPU_SEC, MEMORY_MIB, Outcome, run


def main() -> int:
    seed, only = int(os.environ.get("ROSTRUM_BENCH_SEED", "1")), os.environ.get("ROSTRUM_BENCH_ONLY", "")
    began, outcomes = time.monotonic(), list[Outcome]()
    with tempfile.TemporaryDirectory() as name:
        for outcome in run(_written(corpus(seed), Path(name), only)):
            outcomes.append(outcome)
            if outcome.is_bad:
                print(f"{outcome.kind:<8}{outcome.name}: {outcome.detail} ({outcome.peak_mib} MiB)", flush=True)
    kinds = Counter(outcome.kind for outcome in outcomes)
    refusals = Counter(outcome.detail.partition(":")[0] for outcome in outcomes if outcome.kind == "refused")
    over = sum(outcome.peak_mib > MEMORY_MIB for outcome in outcomes)
    largest = max(outcomes, key=lambda each: each.peak_mib)
    slowest = max(outcomes, key=lambda each: each.cpu_sec)
    print(f"\nhostile files: {len(outcomes)} (seed {seed}, {time.monotonic() - began:.0f} s)")
    print(f"results: {kinds['result']}, refusals: {kinds['refused']} ({dict(refusals.most_common())})")
    print(f"crashes of the process: {kinds['crash']}")
    print(f"over {CPU_SEC} s of processor time: {kinds['hang']}; longest {slowest.cpu_sec} s ({slowest.name})")
    print(f"over {MEMORY_MIB} MiB: {over}; most {largest.peak_mib} MiB ({largest.name})")
    print(f"other exceptions: {kinds['bug']}")
    return 1 if any(outcome.is_bad for outcome in outcomes) else 0


def _written(cases: Iterator[Case], directory: Path, only: str) -> Iterator[tuple[str, Path]]:
    """Yield each case as a file that is deleted when the next one is asked for."""
    path = directory / "case"
    for name, data in cases:
        if only in name:
            path.write_bytes(data)
            yield name, path


if __name__ == "__main__":
    sys.exit(main())
