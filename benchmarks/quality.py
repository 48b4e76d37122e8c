"""The verdict on made recordings: is every reason named, and nothing said of the healthy ones?

    python -m benchmarks.quality [NAME …]

Each recording goes through the real work of every stage, in memory. The exit status is 1 if a reason is missed, or a
healthy recording gets one. Other reasons beside the expected one are printed: a recording may have two things wrong.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks._faulty_recordings import Made, recordings, write
from benchmarks._in_memory import run_to_end
from shared.domain.options import JobOptions
from shared.job_status import JobStatus
from shared.pipeline.context import job_blob
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES
from shared.wiring import build_services

FAILED = "failed"
"""What stands in place of the verdict of a job that was not done."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the verdict on each recording, and return 1 if one is wrong."""
    parser = argparse.ArgumentParser(description="The verdict on made recordings")
    parser.add_argument("names", nargs="*", help="recordings whose name contains one of these; all without any")
    wanted = parser.parse_args(arguments).names
    missed = false = done = 0
    for made in recordings():
        if wanted and not any(each in made.name for each in wanted):
            continue
        done += 1
        began = time.process_time()
        verdict, found, early = judge(made)
        is_missed = verdict == FAILED or not made.expected <= found
        is_false = bool(not made.expected and found)
        missed, false = missed + is_missed, false + is_false
        what = "MISSED" if is_missed else "FALSE" if is_false else "ok"
        more = ", ".join(sorted(found - made.expected))
        told = f"early: {', '.join(early)}" if early else ""
        expected = ", ".join(made.expected) or "healthy"
        print(
            f"{what:7} {made.name:32} {expected:22} {verdict:9} {more:40} {told:28} "
            f"{time.process_time() - began:5.1f} CPU s",
            flush=True,
        )
    print(f"{done} recordings: {missed} reasons missed, {false} false alarms")
    return 1 if missed or false or not done else 0


def judge(made: Made) -> tuple[str, frozenset[str], list[str]]:
    """Return the verdict, the codes of its reasons, and the codes that were told before the end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.mp4"
        write(made, path)
        data = path.read_bytes()
    storage = MemoryStorage()
    services = build_services(Settings(), storage)
    storage.blobs.write(SOURCES, source_blob_name("local", "s", "recording.mp4"), data, "video/mp4")
    request = JobRequest(org_id="local", job_id="j", options=JobOptions(language=made.language))
    job = submit_stored(services, request, "s", "recording.mp4")
    ended = run_to_end(services, storage, job)
    if ended.status is not JobStatus.DONE:
        return FAILED, frozenset(), []
    quality = json.loads(storage.blobs.read(RESULTS, job_blob(ended, "quality.json")))
    early = [each.warning.code for each in storage.jobs.events("local", "j") if each.warning is not None]
    return quality["verdict"], frozenset(each["code"] for each in quality["reasons"]), early


if __name__ == "__main__":
    sys.exit(main())
