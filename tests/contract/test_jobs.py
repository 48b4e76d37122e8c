"""Jobs: rows, conditional writes, pages, and which are active."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from shared.domain import job as jobs
from shared.domain.errors import InvalidRequest, NotFound, NotMedia, WriteConflict
from shared.domain.job import Job
from shared.domain.stage import Stage, StageProgress, StageState
from shared.job_status import JobStatus
from shared.storage.job_table import JobTable
from shared.storage.ports import JobStore, Storage
from shared.storage.table import Table

NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, UTC)
MakeJob = Callable[..., Job]
NewTable = Callable[[], Table]


def in_status(job: Job, status: JobStatus) -> Job:
    return replace(job, status=status, event_sequence=job.event_sequence + 1)


def store(jobs: JobStore, job: Job, status: JobStatus = JobStatus.CREATED) -> Job:
    stored = jobs.create(job)
    return stored.value if status is JobStatus.CREATED else jobs.update(stored, in_status(job, status)).value


def ids(found: list[Job]) -> list[str]:
    return [job.job_id for job in found]


def all_pages(jobs: JobStore, org: str, limit: int, **query: Any) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        page = jobs.page(org, limit=limit, cursor=cursor, **query)
        pages.append(ids(page.items))
        cursor = page.cursor
        if cursor is None:
            return pages


def test_every_field_comes_back_as_it_was(storage: Storage, make_job: MakeJob) -> None:
    full = replace(
        jobs.fail(
            make_job(options={"engine": "auto", "words": ["ä", '"'], "deep": {"n": 1.5}}), None, NotMedia("x"), NOW
        ),
        stages={
            Stage.DOWNLOAD: StageProgress(
                state=StageState.DONE, progress=1.0, parts_done=1, attempts=2, started_at=NOW
            ),
            Stage.TRANSCRIPTION: StageProgress(state=StageState.SKIPPED, parts=0, reason="The recording has no sound."),
            Stage.TRACKING: StageProgress(state=StageState.RUNNING, progress=1 / 3, parts=7, finished_at=NOW),
            Stage.RENDITION: StageProgress(),
        },
        stage=Stage.TRACKING,
        progress=0.1 + 0.2,
        attempt=3,
        cancel_requested=True,
        callback_url="https://example.org/hook?a='b'",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        started_at=NOW + timedelta(microseconds=1),
    )
    created = storage.jobs.create(full)
    found = storage.jobs.get(full.org_id, full.job_id)
    assert found.value == full
    assert found.etag == created.etag


def test_times_come_back_in_utc(storage: Storage, make_job: MakeJob) -> None:
    berlin = NOW.astimezone(timezone(timedelta(hours=1)))
    storage.jobs.create(replace(make_job(), created_at=berlin))
    created_at = storage.jobs.get(make_job().org_id, make_job().job_id).value.created_at
    assert created_at == NOW
    assert created_at.tzinfo is UTC
    assert type(created_at) is datetime


@pytest.mark.parametrize("job_id", ["nothing", "", "a/b", "a#b", "a?b", "a\\b", "a\n", "ä'b", "x" * 2000])
def test_an_id_that_is_not_there_is_not_found(storage: Storage, org: str, job_id: str) -> None:
    with pytest.raises(NotFound):
        storage.jobs.get(org, job_id)
    with pytest.raises(NotFound):
        storage.jobs.events(org, job_id)


def test_another_organisation_does_not_find_it(storage: Storage, make_job: MakeJob) -> None:
    job = store(storage.jobs, make_job())
    with pytest.raises(NotFound, match=job.job_id):
        storage.jobs.get("another", job.job_id)
    with pytest.raises(NotFound):
        storage.jobs.events("another", job.job_id)


def test_an_id_is_taken_once(storage: Storage, make_job: MakeJob) -> None:
    storage.jobs.create(make_job())
    with pytest.raises(WriteConflict):
        storage.jobs.create(make_job(options={"other": True}))
    assert storage.jobs.get(make_job().org_id, make_job().job_id).value == make_job()


def test_who_read_too_early_does_not_write(storage: Storage, make_job: MakeJob) -> None:
    read = storage.jobs.create(make_job())
    quicker = storage.jobs.update(read, jobs.start_stage(read.value, Stage.DOWNLOAD, 1, NOW))
    with pytest.raises(WriteConflict):
        storage.jobs.update(read, jobs.fail(read.value, None, NotMedia("late"), NOW))
    assert storage.jobs.get(read.value.org_id, read.value.job_id) == quicker
    assert len(storage.jobs.events(read.value.org_id, read.value.job_id)) == 2


def test_a_returned_value_can_be_written_on(storage: Storage, make_job: MakeJob) -> None:
    stored = storage.jobs.create(make_job())
    for _ in range(3):
        stored = storage.jobs.update(stored, jobs.start_stage(stored.value, Stage.DOWNLOAD, 1, NOW))
    assert storage.jobs.get(stored.value.org_id, stored.value.job_id) == stored


def test_a_field_that_becomes_none_is_cleared(storage: Storage, make_job: MakeJob) -> None:
    failed = jobs.fail(make_job(), Stage.DOWNLOAD, NotMedia("no"), NOW)
    stored = storage.jobs.create(failed)
    again = replace(failed, error=None, finished_at=None, status=JobStatus.CREATED, event_sequence=3)
    storage.jobs.update(stored, again)
    assert storage.jobs.get(failed.org_id, failed.job_id).value == again


def test_pages_are_newest_first_and_complete(storage: Storage, org: str, make_job: MakeJob) -> None:
    expected = [make_job(number).job_id for number in range(7)]
    for number in (3, 0, 6, 1, 5, 2, 4):
        store(storage.jobs, make_job(number))
    assert all_pages(storage.jobs, org, 3) == [expected[:3], expected[3:6], expected[6:]]
    assert all_pages(storage.jobs, org, 7) == [expected]


def test_pages_stay_where_they_were_while_jobs_are_added(storage: Storage, org: str, make_job: MakeJob) -> None:
    for number in range(2, 6):
        store(storage.jobs, make_job(number))
    first = storage.jobs.page(org, limit=2)
    for number in range(2):
        store(storage.jobs, make_job(number))
    second = storage.jobs.page(org, limit=2, cursor=first.cursor)
    assert ids([*first.items, *second.items]) == [make_job(number).job_id for number in range(2, 6)]
    assert second.cursor is None


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        pytest.param({}, [0, 1, 2, 3, 4, 5], id="all"),
        pytest.param({"active": True}, [0, 2, 4], id="active"),
        pytest.param({"active": False}, [1, 3, 5], id="ended"),
        pytest.param({"status": JobStatus.DOWNLOADED}, [2], id="status"),
        pytest.param({"status": JobStatus.DONE}, [1, 5], id="final status"),
        pytest.param({"session_id": "a"}, [0, 1, 2], id="session"),
        pytest.param({"session_id": "a", "active": True}, [0, 2], id="session and active"),
        pytest.param({"session_id": "b", "active": False}, [3, 5], id="session and ended"),
        pytest.param({"session_id": "b", "status": JobStatus.ERROR}, [3], id="session and status"),
        pytest.param({"session_id": "b", "status": JobStatus.DOWNLOADED}, [], id="session without that status"),
        pytest.param({"session_id": "a", "active": True, "status": JobStatus.CREATED}, [0], id="all three"),
        pytest.param({"session_id": "a", "active": False, "status": JobStatus.CREATED}, [], id="three that contradict"),
        pytest.param({"active": False, "status": JobStatus.DONE}, [1, 5], id="ended and status"),
        pytest.param({"active": True, "status": JobStatus.DOWNLOADED}, [2], id="active and status"),
        pytest.param({"active": False, "status": JobStatus.DOWNLOADED}, [], id="contradiction"),
        pytest.param({"session_id": "nothing"}, [], id="unknown session"),
    ],
)
def test_a_page_holds_what_was_asked_for(
    new_table: NewTable,
    org: str,
    make_job: MakeJob,
    query: dict[str, Any],
    numbers: list[int],
) -> None:
    tables = new_table(), new_table(), new_table()
    found = JobTable(*tables, lambda: NOW)
    statuses = [
        JobStatus.CREATED,
        JobStatus.DONE,
        JobStatus.DOWNLOADED,
        JobStatus.ERROR,
        JobStatus.TRANSCRIBED,
        JobStatus.DONE,
    ]
    for number, status in enumerate(statuses):
        store(found, make_job(number, session_id="a" if number < 3 else "b"), status)
    expected = [make_job(number).job_id for number in numbers]
    for found in (JobTable(*tables, lambda: NOW, few=few) for few in (0, 25)):
        assert [job_id for page in all_pages(found, org, 1, **query) for job_id in page] == expected
        assert all_pages(found, org, 100, **query) == [expected]


@pytest.mark.parametrize("cursor", ["", "x", "???", "MTpqb2Jz", "bm90aGluZw", "ä", "MTpzZXNzaW9uczphYmM"])
def test_a_foreign_cursor_is_refused(storage: Storage, org: str, cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        storage.jobs.page(org, limit=2, cursor=cursor)


def test_options_as_long_as_a_column_fit_and_longer_ones_are_refused(storage: Storage, make_job: MakeJob) -> None:
    framing = len('{"note": ""}')
    fitting = make_job(1, options={"note": "ä" * (32768 - framing)})
    assert storage.jobs.create(fitting).value == storage.jobs.get(fitting.org_id, fitting.job_id).value
    with pytest.raises(InvalidRequest, match="options"):
        storage.jobs.create(make_job(2, options={"note": "ä" * (32769 - framing)}))


def test_only_jobs_that_have_not_ended_are_active(storage: Storage, org: str, make_job: MakeJob) -> None:
    for number, status in enumerate(JobStatus):
        store(storage.jobs, make_job(number), status)
    active = {job.job_id for job in storage.jobs.all_active() if job.org_id == org}
    assert active == {make_job(number).job_id for number, status in enumerate(JobStatus) if not status.is_final}


def test_active_jobs_of_all_organisations_are_found(storage: Storage, org: str, make_job: MakeJob) -> None:
    ours = [replace(make_job(), org_id=f"{org}{suffix}") for suffix in ("", "-a", ":b", "~ä")]
    for job in ours:
        storage.jobs.create(job)
    found = [job for job in storage.jobs.all_active() if job.org_id.startswith(org)]
    assert sorted(found, key=lambda job: job.org_id) == sorted(ours, key=lambda job: job.org_id)


def test_a_job_that_begins_again_is_active_again(storage: Storage, org: str, make_job: MakeJob) -> None:
    stored = storage.jobs.create(make_job())
    stored = storage.jobs.update(stored, in_status(stored.value, JobStatus.ERROR))
    assert storage.jobs.page(org, limit=5, active=True).items == ()
    stored = storage.jobs.update(stored, in_status(stored.value, JobStatus.CREATED))
    assert storage.jobs.page(org, limit=5, active=True).items == (stored.value,)
    assert stored.value in list(storage.jobs.all_active())


def test_a_change_of_a_job_that_was_deleted_leaves_nothing_of_it(storage: Storage, make_job: MakeJob) -> None:
    """A worker that stood still between reading the job and changing it."""
    stored = storage.jobs.create(make_job())
    stored = storage.jobs.update(stored, in_status(stored.value, JobStatus.DOWNLOADED))
    job = stored.value
    deleted = storage.jobs.delete(job.org_id, job.session_id, job.job_id)
    with pytest.raises(NotFound):
        storage.jobs.update(stored, in_status(job, JobStatus.ERROR))
    left = storage.jobs.delete(job.org_id, job.session_id, job.job_id)
    assert deleted - left == 1  # its one event; the count takes the two other rows for granted
