"""`POST /jobs` by eight clients at once, against the same storage calls without HTTP.

The floor is eight threads that call the use case over the same emulator. Both create jobs that begin tomorrow, so that
no worker takes part. Usage: `python3 dev.py bench submit`; `ROSTRUM_BENCH_JOBS` (default 200) sets
the jobs a round.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import httpx

from benchmarks._local_stack import LocalStack
from benchmarks._rounds import alternate, median_ratio
from devhost.bench_table import Figure, report
from shared.domain.options import JobOptions
from shared.pipeline.jobs.submit import JobRequest, submit_url
from shared.settings import Settings
from shared.storage.connect import connect
from shared.wiring import build_services

JOBS = int(os.environ.get("ROSTRUM_BENCH_JOBS", "200"))
CLIENTS = 8
BAR = 0.8
SOURCE = "https://example.com/talk.mp4"
LATER = timedelta(days=1)
"""The first message is sent, and is hidden until then."""


def stack_of(directory: Path) -> LocalStack:
    """Return a stack without a limit of requests."""
    return LocalStack(directory, workers=1, ROSTRUM_RATE_LIMIT_PER_MINUTE="0")


def jobs_a_second(submit: Callable[[], object]) -> float:
    """Return how many calls a second eight callers make together."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        began = time.perf_counter()
        for done in [pool.submit(submit) for _ in range(JOBS)]:
            done.result()
        return JOBS / (time.perf_counter() - began)


def main() -> int:
    with tempfile.TemporaryDirectory() as name, stack_of(Path(name)) as stack:
        services = build_services(Settings(max_running_jobs_per_org=0), connect(stack.connection))
        limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
        with httpx.Client(base_url=stack.url, timeout=60, limits=limits) as client:

            def over_http() -> None:
                at = (datetime.now(UTC) + LATER).isoformat()
                client.post("/jobs", json={"sourceUrl": SOURCE, "startAt": at}).raise_for_status()

            def directly() -> None:
                request = JobRequest(org_id="local", options=JobOptions(), start_at=datetime.now(UTC) + LATER)
                submit_url(services, request, SOURCE)

            over_http()
            http, floor = alternate(lambda: jobs_a_second(over_http), lambda: jobs_a_second(directly))
    report(Figure("POST /jobs, 8 clients", median(http), unit="/s"))
    report(Figure("the same storage calls, 8 threads", median(floor), unit="/s"))
    ratio = report(Figure("POST /jobs, over the same storage calls without HTTP", median_ratio(http, floor), BAR))
    return 0 if ratio.is_met else 1


if __name__ == "__main__":
    sys.exit(main())
