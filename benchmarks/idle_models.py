"""The resident memory of a worker before it works, after a job, and after its models were released.

Runs all steps of a job over the example in this process (storage in memory), then releases the models as a worker does
that has been idle for `ROSTRUM_MODEL_IDLE_SEC`. Usage: `python3 dev.py bench idle_models`.
"""

import sys
from pathlib import Path

from benchmarks._in_memory import run_to_end
from benchmarks.memory import EXAMPLE, MIB
from shared.job_status import JobStatus
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import SOURCES
from shared.warm_models import release_models
from shared.wiring import build_services


def main() -> int:
    print(f"before the job    {resident_bytes() / MIB:6.0f} MiB")
    storage = MemoryStorage()
    services = build_services(Settings(), storage)
    blob = source_blob_name("local", "s", EXAMPLE.name)
    storage.blobs.write(SOURCES, blob, EXAMPLE.read_bytes(), "video/mp4")
    ended = run_to_end(services, storage, submit_stored(services, JobRequest(org_id="local"), "s", EXAMPLE.name))
    if ended.status is not JobStatus.DONE:
        raise RuntimeError(f"the job ended as {ended.status}: {ended.error}")
    after = resident_bytes()
    count = release_models()
    released = resident_bytes()
    print(f"after the job     {after / MIB:6.0f} MiB")
    print(f"{count} models released {released / MIB:6.0f} MiB, {released / after:.2f} of that")
    return 0 if released < after else 1


def resident_bytes() -> int:
    """Return this process's resident size (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


if __name__ == "__main__":
    sys.exit(main())
