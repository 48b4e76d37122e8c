"""How long sessions are kept, and what is kept of those that were deleted."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.errors import NotFound
from shared.domain.message import StepKind
from shared.domain.options import JobOptions
from shared.domain.removal import Removal, RemovalReason
from shared.domain.stage import Stage
from shared.domain.task import TASKS
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.housekeeping.clean_up import clean_up
from shared.pipeline.housekeeping.delete_session import LOOK_AGAIN, delete_session
from shared.pipeline.jobs.submit import JobRequest, submit_session
from shared.pipeline.tasks.job_manager import job_manager
from shared.pipeline.tasks.run_task import run_task
from shared.settings import Settings, days_by_org
from shared.storage.memory import MemoryStorage
from shared.storage.memory_table import MemoryTable
from shared.storage.ports import RESULTS, SOURCES, WORK
from tests.support.crashing_harness import CrashingHarness
from tests.support.crashing_storage import every_crash
from tests.support.pipeline_harness import PipelineHarness


def configured(harness: Any, **settings: Any) -> Any:
    harness.services = replace(harness.services, settings=harness.services.settings.model_copy(update=settings))
    return harness


def removals(harness: Any, org_id: str = "acme") -> list[Removal]:
    return list(harness.storage.removals.page(org_id, limit=100).items)


@pytest.mark.parametrize(
    ("everybody", "by_org", "job", "kept_for"),
    [
        pytest.param(None, "", None, None, id="nothing is said"),
        pytest.param(30, "", None, 30, id="for all"),
        pytest.param(None, "acme=20,globex=1", None, 20, id="for the organisation"),
        pytest.param(None, "globex=1", None, None, id="for another one"),
        pytest.param(None, "", 10, 10, id="for the job"),
        pytest.param(30, "acme=20", 10, 10, id="the job says least"),
        pytest.param(30, "acme=20", 365, 20, id="a job cannot prolong"),
        pytest.param(5, "acme=365", None, 5, id="an organisation cannot prolong"),
        pytest.param(0.5, "acme=365", None, 0.5, id="half a day"),
    ],
)
def test_the_fewest_days_count(
    harness: Any, everybody: float | None, by_org: str, job: int | None, kept_for: float | None
) -> None:
    configured(harness, retention_days=everybody, retention_days_by_org=by_org)
    harness.submit(options={} if job is None else {"retentionDays": job})
    harness.drain()
    ended = harness.now
    if kept_for is None:
        harness.now += timedelta(days=5000)
        clean_up(harness.services)
        assert len(harness.storage.sessions.page("acme", limit=10).items) == 1
        return
    for days, left in ((kept_for - 0.1, 1), (kept_for + 0.1, 0)):
        harness.now = ended + timedelta(days=days)
        clean_up(harness.services)
        assert len(harness.storage.sessions.page("acme", limit=10).items) == left
    assert [each.reason for each in removals(harness)] == [RemovalReason.RETENTION]


def test_of_a_session_s_jobs_the_latest_counts(harness: Any) -> None:
    first = harness.submit(options={"retentionDays": 1})
    harness.drain()
    submit_session(harness.services, JobRequest(org_id="acme"), first.session_id)
    harness.drain()
    harness.now += timedelta(days=100)
    clean_up(harness.services)
    submit_session(harness.services, JobRequest(org_id="acme", options=JobOptions(retention_days=7)), first.session_id)
    harness.drain()
    harness.now += timedelta(days=8)
    clean_up(harness.services)
    assert harness.storage.sessions.page("acme", limit=10).items == ()


def test_a_session_stays_until_its_job_has_ended(harness: Any) -> None:
    configured(harness, retention_days=1)
    harness.submit(start_at=harness.now + timedelta(days=3))
    harness.now += timedelta(days=2)
    clean_up(harness.services)
    assert len(harness.storage.sessions.page("acme", limit=10).items) == 1


@pytest.mark.parametrize(
    "text", ["acme=40000", "acme", "acme=", "acme=soon", "acme=0", "=3", "acme=30;globex=2", "a b=3", "acme=-1"]
)
def test_days_that_cannot_be_read_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValidationError, match=r"organisations and their days .*, such as acme=30,globex=365"):
        Settings(retention_days_by_org=text)


def test_days_that_can_be_read() -> None:
    assert days_by_org(" acme=30 , globex = 36.5,") == {"acme": 30.0, "globex": 36.5}
    assert days_by_org("") == {}
    with pytest.raises(ValidationError, match="says more than once how long an organisation keeps"):
        Settings(retention_days_by_org="acme=30,acme=3")
    assert Settings(retention_days_by_org="acme=30").retention_days_of("acme") == 30
    assert Settings(retention_days_by_org="acme=30").retention_days_of("globex") is None


class DeletingTable(MemoryTable):
    """A table that notes the keys of rows as they are deleted."""

    def __init__(self, deleted: list[tuple[str, str]], clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._deleted = deleted

    def delete(self, partition: str, key: str, etag: str) -> None:
        self._deleted.append((partition, key))
        super().delete(partition, key, etag)


@dataclass
class DeletingHarness(PipelineHarness):
    """A pipeline that notes which rows are deleted."""

    deleted: list[tuple[str, str]] = field(default_factory=list)

    def _make_storage(self) -> MemoryStorage:
        return MemoryStorage(self._tick, cache(lambda _: DeletingTable(self.deleted, self._tick)))


def test_a_removal_is_recorded_with_counts_and_without_content() -> None:
    harness = DeletingHarness()
    job = harness.submit(session_name="Secret name", metadata={"course": "Secret course"})
    [download] = harness.take()
    run_step(harness.services, download, Delivery("m", 1))
    for container, name in (
        (SOURCES, "talk.mp4"),
        (WORK, f"{job.job_id}/audio.wav"),
        (RESULTS, f"{job.job_id}/a.json"),
    ):
        harness.storage.blobs.write(container, f"acme/{job.session_id}/{name}", b"12345", "video/mp4")
    waiting = len(harness.storage.queues.waiting())
    harness.deleted.clear()
    before = harness.now
    delete_session(harness.services, "acme", job.session_id)

    [removal] = removals(harness)
    assert (removal.session_id, removal.org_id, removal.reason) == (job.session_id, "acme", RemovalReason.REQUEST)
    assert before < removal.at < (removal.finished_at or before)
    assert (removal.jobs, removal.blobs, removal.size_bytes, removal.messages) == (1, 3, 15, waiting)
    assert waiting > 0
    active_row = 1  # it is gone since the job was canceled, and not counted
    assert removal.rows == len(harness.deleted) - 2 * active_row
    assert "Secret" not in repr(removal)
    assert removals(harness, "globex") == []


def test_a_removal_that_waits_for_work_is_finished_later(harness: Any) -> None:
    def deleted_meanwhile(context: Any) -> None:
        delete_session(harness.services, "acme", context.session.session_id)
        [removal] = removals(harness)
        assert removal.finished_at is None

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = deleted_meanwhile
    harness.submit()
    [message] = harness.take()
    try:
        run_step(harness.services, message, Delivery("m", 1))
    except NotFound:
        run_step(harness.services, message, Delivery("m", 2))
    harness.now += LOOK_AGAIN
    run_task(harness.services, job_manager, harness.storage.queues.pop(TASKS), Delivery("task", 1))
    [removal] = removals(harness)
    assert removal.finished_at is not None
    assert (removal.jobs, removal.reason) == (1, RemovalReason.REQUEST)


def test_crash_before_every_write_leaves_one_record() -> None:
    def act(crash_at: int) -> bool:
        harness = CrashingHarness()
        job = harness.submit()
        harness.drain()
        for name in "abc":
            harness.storage.blobs.write(RESULTS, f"acme/{job.session_id}/{job.job_id}/{name}", b"12345", "text/plain")
        there = sum(1 for where in (SOURCES, WORK, RESULTS) for _ in harness.storage.blobs.listing(where, ""))
        harness.crash_point.left = crash_at
        crashed = not harness.alive(lambda: delete_session(harness.services, "acme", job.session_id))
        harness.crash_point.left = None
        if crashed:
            clean_up(harness.services)
            for task in iter(lambda: harness.storage.queues.pop(TASKS), None):
                run_task(harness.services, job_manager, task, Delivery("task", 1))
            if harness.storage.sessions.page("acme", limit=1).items:  # crashed before the mark
                delete_session(harness.services, "acme", job.session_id)
        [removal] = removals(harness)
        assert removal.finished_at is not None
        assert removal.blobs <= there
        assert removal.jobs <= 1
        assert list(harness.storage.sessions.all()) == []
        return crashed

    assert every_crash(act) > 10


def test_records_are_kept_for_a_year(harness: Any) -> None:
    job = harness.submit()
    delete_session(harness.services, "acme", job.session_id)
    for days, left in ((364, 1), (2, 0)):
        harness.now += timedelta(days=days)
        clean_up(harness.services)
        assert len(removals(harness)) == left


def test_dead_letters_of_the_session_go_with_it(harness: Any) -> None:
    def fail(context: Any) -> None:
        raise ValueError("again")

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = fail
    jobs = [harness.submit(), harness.submit()]
    for _ in range(8):
        harness.drain()
        harness.now += timedelta(minutes=10)
    letters = harness.storage.dead_letters
    assert {each.value.job_id for each in letters.of_queue("acme", "downloads")} == {job.job_id for job in jobs}
    delete_session(harness.services, "acme", jobs[0].session_id)
    assert [each.value.job_id for each in letters.of_queue("acme", "downloads")] == [jobs[1].job_id]
