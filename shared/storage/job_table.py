"""Jobs in table `jobs`, their event logs in `events`, and in `jobindex` which jobs are active or belong to a session.

An index row is written before its job's row and taken away after the job ended: a job that stands is found, and an
index row without a job is harmless. See docs/decisions/0003-event-log.md for the event log.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from shared.domain.errors import NotFound, WriteConflict
from shared.domain.event import Event
from shared.domain.job import Job, event_of
from shared.job_status import JobStatus
from shared.storage.cursor import decode_cursor, first_page
from shared.storage.ports import Page, Stored
from shared.storage.rows import Rows
from shared.storage.table import Row, Table
from shared.storage.upgrade import with_version

DANGLING_AFTER = timedelta(minutes=10)
"""An index row older than this whose job does not stand belongs to a writer that died."""

_CURSOR_KIND = "jobs"
_ACTIVE = "active:"
_FINAL = frozenset(str(status) for status in JobStatus if status.is_final)


class JobTable:
    """A `JobStore`."""

    def __init__(self, jobs: Table, index: Table, events: Table, clock: Callable[[], datetime]) -> None:
        self._jobs = Rows(jobs, "jobs", Job, lambda job: (job.org_id, job.job_id), "job")
        self._events = Rows(events, "events", Event, lambda event: (event.job_id, _event_key(event.sequence)), "event")
        self._index = index
        self._clock = clock

    def create(self, job: Job) -> Stored[Job]:
        self._index.upsert(_index_row(_active_partition(job.org_id), job))
        self._index.upsert(_index_row(_session_partition(job.org_id, job.session_id), job))
        stored = self._jobs.insert(job)
        self._events.upsert(event_of(job))
        return stored

    def get(self, org_id: str, job_id: str) -> Stored[Job]:
        return self._jobs.get(org_id, job_id)

    def update(self, stored: Stored[Job], job: Job) -> Stored[Job]:
        ends, begins_again = job.is_final, stored.value.is_final and not job.is_final
        if begins_again:
            self._index.upsert(_index_row(_active_partition(job.org_id), job))
        active_row = self._active_row(job) if ends else None
        self._events.upsert(event_of(stored.value))
        replaced = self._jobs.replace(stored, job)
        self._events.upsert(event_of(job))
        if active_row is not None:
            self._forget(active_row)
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
        if session_id is not None:
            found = self._indexed(org_id, _session_partition(org_id, session_id), after)
        elif active:
            found = self._indexed(org_id, _active_partition(org_id), after)
        else:
            wanted = None if status is None and active is None else {"status": _FINAL if status is None else {status}}
            rows = self._jobs.scan(org_id, after=after, where=wanted, page_size=limit + 1)
            found = (stored.value for _, stored in rows)
        fitting = (
            (job.job_id, job)
            for job in found
            if (active is None or job.is_final is not active) and (status is None or job.status is status)
        )
        return first_page(_CURSOR_KIND, fitting, limit)

    def all_active(self) -> Iterator[Job]:
        for row in self._index.scan_partitions(_ACTIVE):
            try:
                job = self._jobs.get(row.partition.removeprefix(_ACTIVE), row.key).value
            except NotFound:
                if row.written_at is not None and self._clock() - row.written_at > DANGLING_AFTER:
                    self._forget(row)
                continue
            if job.is_final:
                self._forget(row)
            else:
                yield job

    def events(self, org_id: str, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        job = self._jobs.get(org_id, job_id).value
        rows = self._events.scan(job_id, after=_event_key(after), page_size=limit)
        events = [stored.value for _, stored in islice(rows, limit)]
        last = events[-1].sequence if events else after
        if len(events) < limit and last < job.event_sequence:
            repaired = event_of(job)  # the row's writer has not come to the log, or never will
            self._events.upsert(repaired)
            events.append(repaired)
        return events

    def _indexed(self, org_id: str, partition: str, after: str) -> Iterator[Job]:
        for row in self._index.scan(partition, after=after):
            try:
                yield self._jobs.get(org_id, row.key).value
            except NotFound:
                continue  # about to be written, or never written

    def _active_row(self, job: Job) -> Row | None:
        try:
            return self._index.get(_active_partition(job.org_id), job.job_id)
        except NotFound:
            return None

    def _forget(self, row: Row) -> None:
        """Deletes an index row as it was read: one written anew since then tells of a job that began again."""
        try:
            self._index.delete(row.partition, row.key, row.etag)
        except WriteConflict:
            return


def _index_row(partition: str, job: Job) -> Row:
    columns = {"orgId": job.org_id, "sessionId": job.session_id, "jobId": job.job_id}
    return Row(partition, job.job_id, with_version("jobindex", columns))


def _active_partition(org_id: str) -> str:
    return f"{_ACTIVE}{org_id}"


def _session_partition(org_id: str, session_id: str) -> str:
    return f"session:{org_id}:{session_id}"


def _event_key(sequence: int) -> str:
    return f"{sequence:010d}"
