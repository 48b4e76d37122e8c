"""Which jobs are active, and at which event: what followers of many jobs ask for in one query."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import job as jobs
from shared.domain.errors import NotMedia, WriteConflict
from shared.domain.job import Job
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.storage.job_table import DANGLING_AFTER, FEW, JobTable
from shared.storage.ports import Storage, Stored
from shared.storage.table import Table

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
MakeJob = Callable[..., Job]
NewTable = Callable[[], Table]


def utc_now() -> datetime:
    return datetime.now(UTC)


def came_on(job: Job) -> Job:
    return jobs.note_progress(job, Stage.DOWNLOAD, 0.5, 0, NOW)


def failed(job: Job) -> Job:
    return jobs.fail(job, Stage.DOWNLOAD, NotMedia("It is a text file."), NOW)


def begun_again(job: Job) -> Job:
    return replace(job, status=JobStatus.CREATED, error=None, event_sequence=job.event_sequence + 1)


def test_every_active_job_is_there_with_its_latest_events_number(storage: Storage, org: str, make_job: MakeJob) -> None:
    assert storage.jobs.active_sequences(org) == {}
    first, second, third = (storage.jobs.create(make_job(number)) for number in range(3))
    for _ in range(3):
        first = storage.jobs.update(first, came_on(first.value))
    second = storage.jobs.update(second, failed(second.value))
    storage.jobs.create(replace(make_job(4), org_id=f"{org}-another"))
    assert storage.jobs.active_sequences(org) == {first.value.job_id: 4, third.value.job_id: 1}
    second = storage.jobs.update(second, begun_again(second.value))
    assert storage.jobs.active_sequences(org)[second.value.job_id] == 3


def test_more_jobs_than_one_answer_holds_are_all_there(new_table: NewTable, org: str, make_job: MakeJob) -> None:
    store = JobTable(new_table(), index := new_table(), new_table(), utc_now)
    stored = store.create(make_job())
    row = index.get(f"active:{org}", stored.value.job_id)
    for number in range(1, 1010):
        index.insert(replace(row, key=f"job-{number:04}"))
    assert len(store.active_sequences(org)) == 1010


def test_a_row_of_an_earlier_release_has_no_number_until_its_job_changes(
    new_table: NewTable, org: str, make_job: MakeJob
) -> None:
    store = JobTable(new_table(), index := new_table(), new_table(), utc_now)
    stored = store.create(make_job())
    row = index.get(f"active:{org}", stored.value.job_id)
    columns = {name: value for name, value in row.columns.items() if name != "eventSequence"}
    index.upsert(replace(row, columns=columns))
    assert store.active_sequences(org) == {stored.value.job_id: 0}
    store.update(stored, came_on(stored.value))
    assert store.active_sequences(org) == {stored.value.job_id: 2}


def test_the_index_tells_which_jobs_wait_and_until_when(storage: Storage, org: str, make_job: MakeJob) -> None:
    later = NOW + timedelta(hours=1)
    waiting, delayed, begun, canceled = (storage.jobs.create(make_job(number)) for number in range(4))
    delayed = storage.jobs.update(delayed, replace(delayed.value, event_sequence=2, start_at=later))
    begun = storage.jobs.update(begun, jobs.start_stage(begun.value, Stage.DOWNLOAD, 1, NOW))
    canceled = storage.jobs.update(canceled, jobs.request_cancel(canceled.value, NOW))
    told = {each.job_id: (each.sequence, each.waits, each.start_at) for each in storage.jobs.active(org)}
    assert told == {
        waiting.value.job_id: (1, True, None),
        delayed.value.job_id: (2, True, later),
        begun.value.job_id: (2, False, None),
        canceled.value.job_id: (2, False, None),
    }


def test_a_sweep_reads_the_jobs_that_it_chooses_and_mends_rows_of_an_earlier_release(
    new_table: NewTable, org: str, make_job: MakeJob
) -> None:
    store = JobTable(new_table(), index := new_table(), new_table(), utc_now)
    first, second = (store.create(make_job(number)).value for number in range(2))
    row = index.get(f"active:{org}", first.job_id)
    index.upsert(replace(row, columns={name: value for name, value in row.columns.items() if name != "waits"}))
    assert {each.job_id: each.waits for each in store.active(org)} == {first.job_id: False, second.job_id: True}
    chosen = list(store.all_active(lambda active: [each for each in active if not each.waits]))
    assert [job.job_id for job in chosen] == [first.job_id]
    assert all(each.waits for each in store.active(org))


def test_many_jobs_are_read_together_and_the_index_row_of_one_that_ended_is_forgotten(
    new_table: NewTable, org: str, make_job: MakeJob
) -> None:
    store = JobTable(new_table(), index := new_table(), new_table(), utc_now)
    stored = [store.create(make_job(number)) for number in range(FEW + 2)]
    row = index.get(f"active:{org}", stored[0].value.job_id)
    store.update(stored[0], failed(stored[0].value))
    index.upsert(row)  # its worker crashed before it left the active ones
    index.upsert(replace(row, key=stored[1].value.job_id, columns={**row.columns, "eventSequence": 0}))

    given = {job.job_id for job in store.all_active()}
    assert given == {each.value.job_id for each in stored[1:]}
    assert store.active_sequences(org) == dict.fromkeys(given, 1)


class SlowTable:
    """A table whose next conditional write, or next deletion, is preceded by what others do meanwhile."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.meanwhile: Callable[[], object] | None = None

    def __getattr__(self, name: str) -> object:
        method = getattr(self._table, name)
        if name not in ("replace", "delete", "get"):
            return method

        def late(*arguments: object) -> object:
            if name in ("replace", "delete") and (others := self.meanwhile) is not None:
                self.meanwhile = None
                others()
            return method(*arguments)

        return late


class Pair:
    """A writer that is slow at the index, and everybody else, over the same tables."""

    def __init__(self, new_table: NewTable) -> None:
        rows, index, log = new_table(), new_table(), new_table()
        self.index = SlowTable(index)
        self.slow = JobTable(rows, self.index, log, utc_now)  # type: ignore[arg-type]
        self.others = JobTable(rows, index, log, utc_now)
        self.later = JobTable(rows, index, log, lambda: utc_now() + 2 * DANGLING_AFTER)


@pytest.fixture
def pair(new_table: NewTable) -> Pair:
    return Pair(new_table)


def test_a_number_never_goes_down(pair: Pair, org: str, make_job: MakeJob) -> None:
    stored = pair.slow.create(came_on(make_job()))

    def one_change_more() -> Stored[Job]:
        found = pair.others.get(org, stored.value.job_id)
        return pair.others.update(found, came_on(found.value))

    pair.index.meanwhile = one_change_more
    pair.slow.update(stored, came_on(stored.value))
    assert pair.others.active_sequences(org) == {stored.value.job_id: 4}


def test_a_late_writer_does_not_bring_back_a_job_that_ended(pair: Pair, org: str, make_job: MakeJob) -> None:
    stored = pair.slow.create(came_on(make_job()))

    def the_job_ends() -> Stored[Job]:
        found = pair.others.get(org, stored.value.job_id)
        return pair.others.update(found, failed(found.value))

    pair.index.meanwhile = the_job_ends
    pair.slow.update(stored, came_on(stored.value))
    assert pair.others.active_sequences(org) == {}


def test_who_ends_a_job_late_leaves_it_active_when_it_began_again(pair: Pair, org: str, make_job: MakeJob) -> None:
    stored = pair.slow.create(make_job())

    def it_begins_again() -> Stored[Job]:
        found = pair.others.get(org, stored.value.job_id)
        return pair.others.update(found, begun_again(found.value))

    pair.index.meanwhile = it_begins_again
    pair.slow.update(stored, failed(stored.value))
    assert pair.others.active_sequences(org) == {stored.value.job_id: 3}
    assert [job.event_sequence for job in pair.others.all_active()] == [3]


def test_a_job_is_taken_off_although_its_row_was_numbered_meanwhile(pair: Pair, org: str, make_job: MakeJob) -> None:
    stored = pair.slow.create(make_job())
    row = pair.others._index.get(f"active:{org}", stored.value.job_id)
    pair.index.meanwhile = lambda: pair.others._index.upsert(row)
    pair.slow.update(stored, failed(stored.value))
    assert pair.others.active_sequences(org) == {}


def test_two_writers_that_take_turns_number_a_job_alike(pair: Pair, org: str, make_job: MakeJob) -> None:
    """Each knows the index row as it wrote it last, and not what the other one has written since."""
    stored = pair.slow.create(make_job())
    for number in range(2, 8):
        writer = (pair.slow, pair.others)[number % 2]
        stored = writer.update(stored, came_on(stored.value))
        assert pair.others.active_sequences(org) == {stored.value.job_id: number}
    ended = pair.slow.update(stored, failed(stored.value))
    assert pair.others.active_sequences(org) == {}
    begun = pair.others.update(ended, begun_again(ended.value))
    started = pair.slow.update(begun, jobs.start_stage(begun.value, Stage.DOWNLOAD, 1, NOW))
    assert [each.waits for each in pair.others.active(org)] == [False]
    pair.others.update(started, failed(started.value))
    assert pair.others.active_sequences(org) == {}


def test_a_writer_that_wrote_last_reads_no_index_row(new_table: NewTable, org: str, make_job: MakeJob) -> None:
    class CountingTable(SlowTable):
        reads = 0

        def __getattr__(self, name: str) -> object:
            self.reads += name == "get"
            return super().__getattr__(name)

    index = CountingTable(new_table())
    store = JobTable(new_table(), index, new_table(), utc_now)  # type: ignore[arg-type]
    stored = store.create(make_job())
    for change in (came_on, came_on, failed):
        stored = store.update(stored, change(stored.value))
    assert index.reads == 0
    assert store.active_sequences(org) == {}


def test_a_job_about_to_begin_again_is_not_forgotten_before_its_writer_is_given_up(
    pair: Pair, org: str, make_job: MakeJob
) -> None:
    stored = pair.others.create(make_job())
    ended = pair.others.update(stored, failed(stored.value))
    with pytest.raises(WriteConflict):
        pair.others.update(replace(ended, etag='W/"of another"'), begun_again(ended.value))
    assert list(pair.others.all_active()) == []
    assert pair.others.active_sequences(org) == {stored.value.job_id: 3}
    assert list(pair.later.all_active()) == []
    assert pair.others.active_sequences(org) == {}


def test_jobs_are_counted_by_status(storage: Storage, org: str, make_job: MakeJob) -> None:
    assert storage.jobs.count_by_status(org) == dict.fromkeys(JobStatus, 0)
    for number in range(5):
        stored = storage.jobs.create(make_job(number))
        if number < 2:
            storage.jobs.update(stored, failed(stored.value))
    storage.jobs.create(replace(make_job(9), org_id=f"{org}-another"))
    counts = storage.jobs.count_by_status(org)
    unfinished = [job.status for job in storage.jobs.unfinished(org)]
    assert Counter(unfinished) == {status: count for status, count in counts.items() if count and not status.is_final}
    assert counts == {**dict.fromkeys(JobStatus, 0), JobStatus.CREATED: 3, JobStatus.ERROR: 2}
    assert all(isinstance(status, JobStatus) for status in counts)
