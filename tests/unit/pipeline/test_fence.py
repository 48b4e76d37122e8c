"""A worker that was suspended writes nothing over what its successors made."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import StepContext
from shared.pipeline.execution.heartbeat import WRITES, StopWork, guard_writes
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.storage.ports import WORK, BlobStore
from tests.support.scripted_store import instead

PREPARE = (Stage.TRACKING, StepKind.PREPARE)


READS = {"facts", "read_range", "read", "chunks", "staged_blocks", "listing", "read_url", "upload_url"}


def test_every_method_of_the_storage_is_a_read_or_asks_first() -> None:
    known = {name for name, found in vars(BlobStore).items() if callable(found) and not name.startswith("_")}
    assert known == READS | WRITES


@pytest.mark.parametrize("moved", [timedelta(minutes=5), timedelta(minutes=-10)], ids=["late", "clock put back"])
@pytest.mark.parametrize("ended", [False, True], ids=["others are at work", "the job has ended"])
def test_who_stood_still_writes_nothing_any_more(harness: Any, ended: bool, moved: timedelta) -> None:
    job = harness.submit()
    [download] = harness.take()
    run_step(harness.services, download, Delivery("download", 1))
    messages = harness.take()
    [prepare] = [each for each in messages if (each.stage, each.step) == PREPARE]
    turns = iter(("old release", "new release"))

    def write(context: StepContext) -> None:
        mine = next(turns)
        if mine == "old release":
            harness.now += moved
            run_step(harness.services, prepare, Delivery("other", 1))
            if ended:
                for number, message in enumerate(each for each in messages if each is not prepare):
                    run_step(harness.services, message, Delivery(f"rest{number}", 1))
                harness.drain()
                assert harness.job(job).status is JobStatus.DONE
        context.services.storage.blobs.write(WORK, context.work_blob("plate.png"), mine.encode(), "image/png")

    harness.instead[PREPARE] = write
    run_step(harness.services, prepare, Delivery("first", 1))
    assert harness.storage.blobs.read(WORK, f"acme/{job.session_id}/{job.job_id}/plate.png") == b"new release"
    assert [each.code for each in harness.job(job).failures] == ["worker_died"]


def test_every_write_asks_and_no_read_does(harness: Any) -> None:
    asked = []

    def refuse() -> None:
        asked.append(True)
        raise StopWork

    blobs = guard_writes(harness.services, refuse).storage.blobs
    writes = [
        lambda: blobs.write(WORK, "a", b"", "text/plain"),
        lambda: blobs.stage_block(WORK, "a", 0, b""),
        lambda: blobs.commit_blocks(WORK, "a", 0, "text/plain"),
        lambda: blobs.note_sha256(WORK, "a", "00"),
        lambda: blobs.delete(WORK, "a"),
        lambda: blobs.discard(WORK, "a"),
    ]
    for write in writes:
        with pytest.raises(StopWork):
            write()
    assert len(asked) == len(writes)
    assert blobs.facts(WORK, "a") is None
    assert list(blobs.listing(WORK, "")) == []
    assert blobs.staged_blocks(WORK, "a") == []
    assert len(asked) == len(writes)


def test_a_step_that_shows_life_is_not_asked_after(harness: Any) -> None:
    reads = []
    get = harness.storage.jobs.get

    def counted(org_id: str, job_id: str) -> Any:
        reads.append(job_id)
        return get(org_id, job_id)

    def write(context: StepContext) -> None:
        before = len(reads)
        context.services.storage.blobs.write(WORK, context.work_blob("a"), b"x", "text/plain")
        assert len(reads) == before

    harness.services = instead(harness.services, "jobs", get=counted)
    harness.instead[PREPARE] = write
    job = harness.submit()
    harness.drain()
    assert reads
    assert harness.job(job).status is JobStatus.DONE
