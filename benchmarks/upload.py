"""A large file on its way in: by our client to the signed address, and in one POST, against the SDK's `upload_blob`.

The SDK sends with four connections. The downloader is off, so that no job runs meanwhile, and each file is deleted
after it was timed. The memory that the API's process gains through the POSTs is measured as well.
Usage: `python3 dev.py bench upload`; `ROSTRUM_BENCH_MEGABYTES` (default 500) sets the file's size.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psutil
from azure.storage.blob import BlobServiceClient

from benchmarks._local_stack import LocalStack
from benchmarks._memory_watch import MIB
from benchmarks._rounds import alternate, median_ratio
from benchmarks.memory import peak_bytes
from devhost.bench_table import Figure, report
from rostrum_client import RostrumClient
from shared.storage.ports import SOURCES

MEGABYTES = int(os.environ.get("ROSTRUM_BENCH_MEGABYTES", "500"))
CONNECTIONS = 4
BAR = 0.9
MOST_GROWTH_MIB = 48.0
SETTINGS = {
    "AzureWebJobs.downloader.Disabled": "true",
    "AzureWebJobs.sweep.Disabled": "true",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": str(2 * MEGABYTES * 1024**2),
}
TIMEOUT_SEC = 600.0


def make_file(path: Path) -> None:
    """Write a file that does not compress."""
    block = os.urandom(1024 * 1024)
    with path.open("wb") as file:
        for _ in range(MEGABYTES):
            file.write(block)


def http_process(stack: LocalStack) -> int:
    """Return the id of the process that answers requests."""
    assert stack.host is not None
    children = psutil.Process(stack.host.pid).children()
    return next(child.pid for child in children if "devhost.http_worker" in child.cmdline())


def main() -> int:
    with tempfile.TemporaryDirectory() as name, LocalStack(Path(name), workers=1, **SETTINGS) as stack:
        file = Path(name) / "talk.mp4"
        make_file(file)
        blobs = BlobServiceClient.from_connection_string(stack.connection)
        sources, api = blobs.get_container_client(SOURCES), http_process(stack)

        def timed(send: Callable[[], object]) -> float:
            began = time.perf_counter()
            send()
            took_sec = time.perf_counter() - began
            for blob in list(sources.list_blobs()):
                sources.delete_blob(blob.name)
            return MEGABYTES / took_sec

        def by_sdk() -> None:
            with file.open("rb") as data:
                sources.upload_blob("floor.mp4", data, max_concurrency=CONNECTIONS)

        with RostrumClient(stack.url, timeout_sec=TIMEOUT_SEC) as client:
            client.health()
            sources.exists() or sources.create_container()
            before = peak_bytes(api)
            ingest, post, floor = alternate(
                lambda: timed(lambda: client.send_file(file)),
                lambda: timed(lambda: client.import_session(file)),
                lambda: timed(by_sdk),
            )
            growth = (peak_bytes(api) - before) / MIB
    report(Figure(f"{MEGABYTES} MB by upload_blob, {CONNECTIONS} connections", median(floor), unit="MB/s"))
    figures = [
        Figure(f"{MEGABYTES} MB to the signed address, over upload_blob", median_ratio(ingest, floor), BAR),
        Figure(f"{MEGABYTES} MB in one POST, over upload_blob", median_ratio(post, floor), BAR),
        Figure("memory that the API gains by it", growth, MOST_GROWTH_MIB, "MiB", is_limit=True),
    ]
    met = [report(each).is_met for each in figures]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
