"""Keep jobs in table `jobs`, their event logs in `events`, and in `jobindex` which are active or belong to a session.

An index row is written before its job's row and deleted after the job ended: every job is found by it, and an index row
without a job is harmless. The row of an active job carries its latest event's number, which never goes down. The job's
row is its latest event; the log holds those before it. See docs/decisions/0003-event-log.md.

A job that cannot be read is left out of lists and sweeps. Its index row stays.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from shared.domain.errors import NotFound, WriteConflict
from shared.domain.event import Event
from shared.domain.job import Job
from shared.domain.job_event import event_of
from shared.domain.turns import ActiveJob
from shared.job_status import JobStatus
from shared.storage.cursor import decode_cursor, first_page
from shared.storage.known_rows import KnownRows
from shared.storage.ports import ChooseJobs, Page, Stored
from shared.storage.rows import Rows
from shared.storage.table import ANY_ETAG, Columns, Row, Table, Value
from shared.storage.upgrade import with_version

DANGLING_AFTER = timedelta(minutes=10)
"""An index row older than this without a job belongs to a writer that crashed."""

FEW = 25
"""The number of jobs up to which they are looked up one by one, rather than filtered out of the rows between the first
and the last of them."""

_CURSOR_KIND = "jobs"
_ACTIVE = "active:"
_SEQUENCE = "eventSequence"
_WAITS = "waits"
_START_AT = "startAt"
_EVERY = frozenset(JobStatus)
_UNFINISHED = frozenset(status for status in JobStatus if not status.is_final)


class JobTable:
    """A `JobStore`."""

    def __init__(
        self, jobs: Table, index: Table, events: Table, clock: Callable[[], datetime], *, few: int = FEW
    ) -> None:
        """Keep jobs in these tables; up to `few` jobs of a list are looked up one by one."""
        self._jobs = Rows(jobs, "jobs", Job, lambda job: (job.org_id, job.job_id), "job", remembers=64)
        self._events = Rows(events, "events", Event, lambda event: (event.job_id, _event_key(event.sequence)), "event")
        self._index = index
        self._known = KnownRows()
        self._clock = clock
        self._few = few

    def create(self, job: Job) -> Stored[Job]:
        self._enter_active(job)
        self._index.upsert(_index_row(_session_partition(job.org_id, job.session_id), job))
        return self._jobs.insert(job)

    def get(self, org_id: str, job_id: str) -> Stored[Job]:
        return self._jobs.get(org_id, job_id)

    def update(self, stored: Stored[Job], job: Job) -> Stored[Job]:
        begins_again = stored.value.is_final and not job.is_final
        if begins_again:
            self._enter_active(job)
        elif stored.value.waits and not job.waits and not job.is_final:
            self._stop_waiting(stored.value)
        self._events.upsert(event_of(stored.value))
        try:
            replaced = self._jobs.replace(stored, job)
        except NotFound:  # deleted, and its log with it
            self._events.remove(job.job_id, _event_key(stored.value.event_sequence))
            raise
        if job.is_final:
            self._leave_active(job)
        elif not begins_again:
            self._renumber(job)
        return replaced

    def page(
        self,
        org_id: str,
        *,
        limit: int,
        cursor: str | None = None,
        session_id: str | None = None,
        active: bool | None = None,
        status: JobStatus | None = None,
    ) -> Page[Job]:
        after = decode_cursor(_CURSOR_KIND, cursor)
        wanted = _EVERY if status is None else frozenset({status})
        if active is not None:
            wanted &= _UNFINISHED if active else _EVERY - _UNFINISHED
        found = self._candidates(org_id, session_id, wanted, after, limit) if wanted else ()
        return first_page(_CURSOR_KIND, ((job.job_id, job) for job in found if job.status in wanted), limit)

    def all_active(self, choose: ChooseJobs = iter) -> Iterator[Job]:
        rows = {_active_job(row): row for row in self._index.scan_partitions(_ACTIVE)}
        chosen = list(choose(list(rows)))
        random.shuffle(chosen)
        known = self._read_together(chosen)
        # Turns depend on what the index says of all jobs: rows of an earlier release are mended before the first job.
        early = {each: self._mended(rows[each], known) for each in chosen if _WAITS not in rows[each].columns}
        for each in chosen:
            job = early[each] if each in early else self._mended(rows[each], known)
            if job is not None:
                yield job

    def _read_together(self, chosen: Iterable[ActiveJob]) -> Mapping[tuple[str, str], Job]:
        """Return those of the jobs that have not ended, by organisation and id, where an organisation has many: one
        query over the rows between the first and the last of them."""
        by_org: dict[str, list[str]] = {}
        for each in chosen:
            by_org.setdefault(each.org_id, []).append(each.job_id)
        known = {}
        for org_id, job_ids in by_org.items():
            if len(job_ids) > self._few:
                after, before = min(job_ids)[:-1], max(job_ids) + " "  # the first key that could follow
                for key, stored in self._jobs.scan(org_id, after=after, before=before, where={"status": _UNFINISHED}):
                    known[org_id, key] = stored.value
        return known

    def _mended(self, row: Row, known: Mapping[tuple[str, str], Job]) -> Job | None:
        """Return the job of a row of the active, by those known already; mend the row, and forget it where there is no
        such job."""
        job = known.get((row.partition.removeprefix(_ACTIVE), row.key))
        if job is None:
            return self._read_active(row)
        if _is_behind(row, job):
            self._renumber(job)
        return job

    def _read_active(self, row: Row) -> Job | None:
        """Read the job of a row of the active and return it; mend the row, and forget it where there is no such job."""
        try:
            found = self._jobs.find(row.partition.removeprefix(_ACTIVE), row.key)
        except NotFound:
            if self._is_dangling(row):
                self._forget(row)
            return None
        if found is None:
            return None
        job = found.value
        if job.is_final:
            if _sequence(row) <= job.event_sequence or self._is_dangling(row):  # else it is about to begin again
                self._forget(row)
            return None
        if _is_behind(row, job):
            self._renumber(job)
        return job

    def active(self, org_id: str) -> Sequence[ActiveJob]:
        return [_active_job(row) for row in self._index.scan(_active_partition(org_id))]

    def active_sequences(self, org_id: str) -> Mapping[str, int]:
        rows = self._index.scan(_active_partition(org_id), select=(_SEQUENCE,))
        return {row.key: _sequence(row) for row in rows}

    def unfinished(self, org_id: str) -> Iterator[Job]:
        found = self._jobs.scan(org_id, where={"status": _UNFINISHED})
        return (stored.value for _, stored in found)

    def count_by_status(self, org_id: str) -> Mapping[JobStatus, int]:
        counts = Counter(self._jobs.column(org_id, "status", lambda cell: JobStatus(str(cell))))
        return {status: counts[status] for status in JobStatus}

    def events(self, org_id: str, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        job = self._jobs.get(org_id, job_id).value
        if job.event_sequence <= after:
            return []
        rows = self._events.scan(job_id, after=_event_key(after), page_size=limit)
        events = [stored.value for _, stored in islice(rows, limit)]
        last = events[-1].sequence if events else after
        if len(events) < limit and last < job.event_sequence:
            events.append(event_of(job))  # the next update writes it
        return events

    def ids_of_session(self, org_id: str, session_id: str) -> Sequence[str]:
        return [row.key for row in self._index.scan(_session_partition(org_id, session_id), select=())]

    def delete(self, org_id: str, session_id: str, job_id: str) -> int:
        self._index.delete(_active_partition(org_id), job_id, ANY_ETAG)
        events = self._events.clear(job_id)
        self._jobs.remove(org_id, job_id)
        self._index.delete(_session_partition(org_id, session_id), job_id, ANY_ETAG)
        return events + 2

    def _candidates(
        self, org_id: str, session_id: str | None, wanted: frozenset[JobStatus], after: str, limit: int
    ) -> Iterator[Job]:
        """Yield jobs among which are all that fit, in order.

        They are looked up one by one by the index only where most of them fit or they are few. Else they are a range of
        rows that the table itself filters.
        """
        where: dict[str, Collection[str]] = {} if wanted == _EVERY else {"status": wanted}
        before = None
        if session_id is not None or wanted <= _UNFINISHED:
            partition = _active_partition(org_id) if session_id is None else _session_partition(org_id, session_id)
            keys = (row.key for row in self._index.scan(partition, after=after, select=()))
            if wanted == (_UNFINISHED if session_id is None else _EVERY):
                return self._one_by_one(org_id, keys)
            listed = list(keys)
            if len(listed) <= self._few:
                return self._one_by_one(org_id, listed)
            before = listed[-1] + " "  # the first key that could follow
            where |= {} if session_id is None else {"sessionId": {session_id}}
        rows = self._jobs.scan(org_id, after=after, before=before, where=where, page_size=limit + 1)
        return (stored.value for _, stored in rows)

    def _one_by_one(self, org_id: str, job_ids: Iterable[str]) -> Iterator[Job]:
        for job_id in job_ids:
            with suppress(NotFound):  # about to be written, or never written
                if (found := self._jobs.find(org_id, job_id)) is not None:
                    yield found.value

    def _enter_active(self, job: Job) -> None:
        """Write the row of a job that is about to begin.

        A row that is there is written anew, so that a sweep that has read it as that of a crashed writer does not
        delete it.
        """
        row = _active_index_row(job)
        while True:
            try:
                self._known.keep(row, self._index.insert(row))
            except WriteConflict:
                if not self._renumber(job):
                    continue
            return

    def _renumber(self, job: Job) -> bool:
        """Write the job's event number to its row of the active, unless a later one is there.

        Return False when there is no row: a job that has ended gets none from a late writer.
        """
        while (row := self._active_row(job)) is not None:
            if _sequence(row) > job.event_sequence:
                return True
            if self._replace_active(row, _active_index_row(job)):
                return True
        return False

    def _stop_waiting(self, job: Job) -> None:
        """Write to the index that a job which waits is about to begin, or to be canceled.

        Before the job's own row: a sweep passes by those that the index says to wait.
        """
        self._known.forget_unless(_active_partition(job.org_id), job.job_id, lambda row: _active_job(row).waits)
        while (row := self._active_row(job)) is not None and _active_job(row).waits:
            self._replace_active(row, replace(row, columns={**row.columns, _WAITS: False}))

    def _leave_active(self, job: Job) -> None:
        """Delete the row of a job that ended, unless it carries a later number: then the job began again."""
        while (row := self._active_row(job)) is not None and _sequence(row) <= job.event_sequence:
            if self._forget(row):
                return

    def _active_row(self, job: Job) -> Row | None:
        """Return the job's row of the active as this process wrote it last, else as it is; None when there is none."""
        partition = _active_partition(job.org_id)
        known = self._known.find(partition, job.job_id)
        if known is not None and _sequence(known) >= job.event_sequence - 1:  # else another process wrote it since
            return known
        try:
            return self._index.get(partition, job.job_id)
        except NotFound:
            return None

    def _replace_active(self, row: Row, by: Row) -> bool:
        """Replace an index row; return False, and forget the row, when it was written anew or deleted since."""
        try:
            self._known.keep(by, self._index.replace(by, row.etag))
        except (WriteConflict, NotFound):
            self._known.forget(row.partition, row.key)
            return False
        return True

    def _is_dangling(self, row: Row) -> bool:
        return row.written_at is not None and self._clock() - row.written_at > DANGLING_AFTER

    def _forget(self, row: Row) -> bool:
        """Delete an index row as it was read; return False when it was written anew since then."""
        self._known.forget(row.partition, row.key)
        try:
            self._index.delete(row.partition, row.key, row.etag)
        except WriteConflict:
            return False
        return True


def _index_row(partition: str, job: Job) -> Row:
    columns: Columns = {
        "orgId": job.org_id,
        "sessionId": job.session_id,
        "jobId": job.job_id,
        _SEQUENCE: job.event_sequence,
    }
    return Row(partition, job.job_id, with_version("jobindex", columns))


def _active_index_row(job: Job) -> Row:
    """Return the job's row among the active ones, which tells as well whether it waits and until when."""
    row = _index_row(_active_partition(job.org_id), job)
    columns: dict[str, Value] = {**row.columns, _WAITS: job.waits}
    if job.waits and job.start_at is not None:
        columns[_START_AT] = job.start_at
    return replace(row, columns=columns)


def _active_job(row: Row) -> ActiveJob:
    start_at = row.columns.get(_START_AT)
    return ActiveJob(
        org_id=row.partition.removeprefix(_ACTIVE),
        job_id=row.key,
        sequence=_sequence(row),
        waits=row.columns.get(_WAITS) is True,
        start_at=start_at if isinstance(start_at, datetime) else None,
    )


def _is_behind(row: Row, job: Job) -> bool:
    """Return whether the row of the index tells less than the job's own row."""
    if _sequence(row) != job.event_sequence:
        return _sequence(row) < job.event_sequence
    return _active_job(row) != _active_job(_active_index_row(job))


def _sequence(row: Row) -> int:
    """Return the row's event number; 0 where it has none (an early release) or no number: the sweep writes it."""
    found = row.columns.get(_SEQUENCE)
    return found if type(found) is int else 0


def _active_partition(org_id: str) -> str:
    return f"{_ACTIVE}{org_id}"


def _session_partition(org_id: str, session_id: str) -> str:
    return f"session:{org_id}:{session_id}"


def _event_key(sequence: int) -> str:
    return f"{sequence:010d}"
