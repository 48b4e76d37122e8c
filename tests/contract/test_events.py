"""The event log: a number for every change, without gaps, though writers crash and write at once."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import job as jobs
from shared.domain.errors import NotFound, NotMedia, WriteConflict
from shared.domain.event import Event, EventType
from shared.domain.job import Job
from shared.domain.job_event import event_of
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.storage.job_table import DANGLING_AFTER, JobTable
from shared.storage.ports import Storage, Stored
from shared.storage.table import Row, Table

NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, UTC)
MakeJob = Callable[..., Job]
NewTable = Callable[[], Table]
THREADS = 20


def begin_download(job: Job) -> Job:
    return jobs.start_stage(job, Stage.DOWNLOAD, 1, NOW + timedelta(seconds=1))


def begin_again(job: Job) -> Job:
    return jobs.start_stage(job, Stage.DOWNLOAD, 1, NOW + timedelta(seconds=2))


def end_in_error(job: Job) -> Job:
    return jobs.fail(job, Stage.DOWNLOAD, NotMedia("It is a text file."), NOW + timedelta(seconds=3))


CHANGES = (begin_download, begin_again, end_in_error)


def test_every_change_is_an_event(storage: Storage, make_job: MakeJob) -> None:
    stored = storage.jobs.create(make_job())
    expected = [event_of(stored.value)]
    for change in CHANGES:
        stored = storage.jobs.update(stored, change(stored.value))
        expected.append(event_of(stored.value))
    events = storage.jobs.events(stored.value.org_id, stored.value.job_id)
    assert list(events) == expected
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert [event.type for event in events] == [
        EventType.STATUS,
        EventType.PROGRESS,
        EventType.PROGRESS,
        EventType.ERROR,
    ]
    assert events[-1].status is JobStatus.ERROR
    assert events[-1].error is not None
    assert events[-1].error.detail == "It is a text file."


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [
        pytest.param(0, 100, range(1, 13), id="all"),
        pytest.param(0, 5, range(1, 6), id="limit"),
        pytest.param(9, 100, range(10, 13), id="beyond nine"),
        pytest.param(12, 100, [], id="at the end"),
        pytest.param(99, 100, [], id="behind the end"),
    ],
)
def test_events_after_a_number(
    storage: Storage, make_job: MakeJob, after: int, limit: int, expected: Collection[int]
) -> None:
    stored = storage.jobs.create(make_job())
    for _ in range(11):
        stored = storage.jobs.update(stored, begin_download(stored.value))
    events = storage.jobs.events(stored.value.org_id, stored.value.job_id, after=after, limit=limit)
    assert [event.sequence for event in events] == list(expected)


def test_twenty_writers_at_once_leave_no_gap(storage: Storage, make_job: MakeJob) -> None:
    created = storage.jobs.create(make_job()).value
    together = threading.Barrier(THREADS)

    def write_once(_: int) -> None:
        together.wait()
        while True:
            stored = storage.jobs.get(created.org_id, created.job_id)
            try:
                done = stored.value.stages[Stage.TRACKING].parts_done + 1
                storage.jobs.update(stored, jobs.note_progress(stored.value, Stage.TRACKING, 0.0, done, NOW))
            except WriteConflict:
                continue
            return

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write_once, range(THREADS)))
    events = storage.jobs.events(created.org_id, created.job_id)
    assert [event.sequence for event in events] == list(range(1, THREADS + 2))
    job = storage.jobs.get(created.org_id, created.job_id).value
    assert job.stages[Stage.TRACKING].parts_done == THREADS
    assert events[-1] == event_of(job)


class Died(Exception):
    """The process that wrote is gone."""


class CrashingTables:
    """Tables whose writer crashes before the n-th write, counted over all of them."""

    def __init__(self, crash_at: int) -> None:
        self._left = crash_at

    def wrap(self, table: Table) -> "CrashingTable":
        return CrashingTable(table, self._count)

    def _count(self) -> None:
        self._left -= 1
        if self._left <= 0:
            raise Died


class CrashingTable:
    def __init__(self, table: Table, before_write: Callable[[], None]) -> None:
        self._table = table
        self._before_write = before_write

    def insert(self, row: Row) -> str:
        self._before_write()
        return self._table.insert(row)

    def get(self, partition: str, key: str) -> Row:
        return self._table.get(partition, key)

    def replace(self, row: Row, etag: str) -> str:
        self._before_write()
        return self._table.replace(row, etag)

    def upsert(self, row: Row) -> None:
        self._before_write()
        self._table.upsert(row)

    def delete(self, partition: str, key: str, etag: str) -> None:
        self._before_write()
        self._table.delete(partition, key, etag)

    def scan(
        self,
        partition: str,
        *,
        after: str = "",
        before: str | None = None,
        where: Mapping[str, Collection[str]] | None = None,
        select: Collection[str] | None = None,
        page_size: int = 1000,
    ) -> Iterator[Row]:
        return self._table.scan(partition, after=after, before=before, where=where, select=select, page_size=page_size)

    def scan_partitions(self, prefix: str) -> Iterator[Row]:
        return self._table.scan_partitions(prefix)


def run_through(store: JobTable, job: Job, changes: tuple[Callable[[Job], Job], ...]) -> Stored[Job]:
    stored = store.create(job)
    for change in changes:
        stored = store.update(stored, change(stored.value))
    return stored


WRITES = 4 + 3 * len(CHANGES)
"""Two index rows and the row; of a change the event before it, the row and the index row; once that it has begun."""


@pytest.mark.parametrize("crash_at", range(1, WRITES + 1))
def test_a_writer_that_crashes_anywhere_leaves_a_whole_log(
    new_table: NewTable, make_job: MakeJob, crash_at: int
) -> None:
    job, (rows, index, log) = make_job(), (new_table(), new_table(), new_table())
    crashing = CrashingTables(crash_at)
    with pytest.raises(Died):
        run_through(JobTable(crashing.wrap(rows), crashing.wrap(index), crashing.wrap(log), utc_now), job, CHANGES)
    survivor = JobTable(rows, index, log, utc_now)

    try:
        found = survivor.get(job.org_id, job.job_id)
    except NotFound:
        assert crash_at <= 3
        assert list(survivor.all_active()) == []
        assert survivor.page(job.org_id, limit=5, session_id=job.session_id).items == ()
        return

    log_of_reader = survivor.events(job.org_id, job.job_id)
    assert_whole(log_of_reader, found.value)
    assert list(survivor.all_active()) == ([] if found.value.is_final else [found.value])
    latest = {} if found.value.is_final else {job.job_id: found.value.event_sequence}
    assert survivor.active_sequences(job.org_id) == latest
    assert survivor.page(job.org_id, limit=5, session_id=job.session_id).items == (found.value,)


@pytest.mark.parametrize("crash_at", range(4, WRITES + 1))
def test_the_next_writer_fills_the_gap_of_a_dead_one(new_table: NewTable, make_job: MakeJob, crash_at: int) -> None:
    job, (rows, index, log) = make_job(), (new_table(), new_table(), new_table())
    crashing = CrashingTables(crash_at)
    with pytest.raises(Died):
        run_through(JobTable(crashing.wrap(rows), crashing.wrap(index), crashing.wrap(log), utc_now), job, CHANGES)
    survivor = JobTable(rows, index, log, utc_now)
    found = survivor.get(job.org_id, job.job_id)
    written = survivor.update(found, begin_download(found.value))
    assert_whole(survivor.events(job.org_id, job.job_id), written.value)


def test_the_latest_event_is_the_row_and_reading_it_writes_nothing(new_table: NewTable, make_job: MakeJob) -> None:
    store = JobTable(new_table(), new_table(), log := new_table(), utc_now)
    job = run_through(store, make_job(), CHANGES).value
    assert_whole(store.events(job.org_id, job.job_id), job)
    assert len(list(log.scan(job.job_id))) == len(CHANGES)


def test_a_writer_that_lives_writes_as_often_as_the_crash_tests_count(new_table: NewTable, make_job: MakeJob) -> None:
    crashing = CrashingTables(WRITES + 1)
    tables = [crashing.wrap(new_table()) for _ in range(3)]
    assert run_through(JobTable(*tables, utc_now), make_job(), CHANGES).value.is_final


def test_the_index_row_of_a_job_that_never_came_is_forgotten(new_table: NewTable, make_job: MakeJob) -> None:
    job, (rows, index, log) = make_job(), (new_table(), new_table(), new_table())
    crashing = CrashingTables(crash_at=3)
    with pytest.raises(Died):
        JobTable(crashing.wrap(rows), crashing.wrap(index), crashing.wrap(log), utc_now).create(job)
    assert list(JobTable(rows, index, log, utc_now).all_active()) == []
    assert [row.key for row in index.scan_partitions("active:")] == [job.job_id]
    assert list(JobTable(rows, index, log, lambda: utc_now() + DANGLING_AFTER).all_active()) == []
    assert list(index.scan_partitions("active:")) == []


def assert_whole(events: Collection[Event], job: Job) -> None:
    assert [event.sequence for event in events] == list(range(1, job.event_sequence + 1))
    assert list(events)[-1] == event_of(job)


def utc_now() -> datetime:
    return datetime.now(UTC)
