"""Delete a session: its recording, its jobs, everything they made, and what waits for them in queues.

The session is out of sight at once, and its jobs are canceled. What is still at work is waited for, in a background
job if it takes longer than the request. The session's row goes last: while it stands, the removal can be taken up.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypedDict, Unpack

from shared.domain.errors import Conflict, NotFound, UnreadableRow, WriteConflict
from shared.domain.message import QUEUES
from shared.domain.removal import Removal, RemovalReason
from shared.domain.session import Session
from shared.pipeline.artefacts import ARTEFACTS
from shared.pipeline.context import Services
from shared.pipeline.execution.cancel import cancel_job, is_at_work
from shared.pipeline.execution.dispatch import withdraw_messages
from shared.pipeline.stages.search_index import forget_session
from shared.pipeline.tasks.job_manager import RetryLater, job_manager
from shared.pipeline.updates import change_session, retry_conflicts
from shared.storage.ports import RESULTS, SOURCES, WORK

log = logging.getLogger(__name__)

LOOK_AGAIN = timedelta(seconds=2)


class Counts(TypedDict, total=False):
    """Counts of what was deleted."""

    jobs: int
    blobs: int
    size_bytes: int
    rows: int
    messages: int


class RemovalRecord:
    """The record of the removal of a session that is marked as deleted."""

    def __init__(self, services: Services, session: Session) -> None:
        self._services = services
        at = session.deleted_at or services.clock()
        made = services.storage.removals.create(
            Removal(
                removal_id=session.removal_id or session.session_id,  # marked by an earlier release
                org_id=session.org_id,
                session_id=session.session_id,
                reason=session.removal_reason or RemovalReason.REQUEST,
                at=at,
            )
        )
        self._org_id, self._removal_id = made.value.org_id, made.value.removal_id

    def add(self, **counts: Unpack[Counts]) -> None:
        """Add to the counts of what was deleted."""
        if any(counts.values()):
            self._change(lambda removal: removal.plus(**counts))

    def finish(self, *, rows: int) -> None:
        """Record that nothing is left but the last `rows`; do nothing if that was recorded before."""
        now = self._services.clock()

        def over(removal: Removal) -> Removal:
            return removal if removal.finished_at else removal.plus(rows=rows).evolve(finished_at=now)

        self._change(over)

    def _change(self, change: Callable[[Removal], Removal]) -> None:
        removals = self._services.storage.removals

        def once() -> None:
            stored = removals.get(self._org_id, self._removal_id)
            removals.update(stored, change(stored.value))

        retry_conflicts(once, self._services.sleep)


def delete_session(
    services: Services, org_id: str, session_id: str, reason: RemovalReason = RemovalReason.REQUEST
) -> None:
    """Delete the session for good; raise NotFound."""
    marks = {"deleted_at": services.clock(), "removal_id": services.new_id(), "removal_reason": reason}
    session = change_session(services, org_id, session_id, lambda current: current.evolve(**marks))
    if not _remove(services, session):
        remove_session.using(services).delay_in(LOOK_AGAIN, org_id, session_id)


@job_manager.job
def remove_session(services: Services, org_id: str, session_id: str) -> None:
    """Continue the removal of a deleted session until nothing of it is left."""
    try:
        session = services.storage.sessions.get(org_id, session_id, even_deleted=True).value
    except NotFound:
        return
    if session.deleted_at is not None and not _remove(services, session):
        raise RetryLater(LOOK_AGAIN)


def _remove(services: Services, session: Session) -> bool:
    """Delete everything of the session; return False while a worker still holds a step of one of its jobs.

    Each deletion is counted as it happens, so that a crash loses at most the latest count.
    """
    storage, org_id, session_id = services.storage, session.org_id, session.session_id
    record = RemovalRecord(services, session)
    job_ids = storage.jobs.ids_of_session(org_id, session_id)
    at_work = [job_id for job_id in job_ids if _is_at_work(services, record, org_id, job_id)]
    if at_work:
        return False
    _delete_blobs(services, session, job_ids, record)
    record.add(rows=forget_session(services, org_id, session_id))
    record.add(rows=_forget_requests(services, session, job_ids) + _drop_letters(services, org_id, job_ids))
    for job_id in job_ids:
        rows = storage.step_runs.delete_of(job_id) + storage.deliveries.delete_of(job_id)
        rows += storage.transcript_versions.delete_of(org_id, job_id)
        record.add(jobs=1, rows=rows + storage.jobs.delete(org_id, session_id, job_id))
    if session.upload_id is not None:
        with suppress(NotFound):  # it goes by itself some time after the commit
            storage.uploads.delete(storage.uploads.get(org_id, session.upload_id))
            record.add(rows=1)
    record.finish(rows=1)  # first, for it is found by the session's row
    with suppress(NotFound):
        storage.sessions.delete(storage.sessions.get(org_id, session_id, even_deleted=True))
    log.info("session deleted", extra={"action": "delete", "session_id": session_id, "org_id": org_id})
    return True


def _forget_requests(services: Services, session: Session, job_ids: Sequence[str]) -> int:
    """Delete the answers kept for idempotency keys that mention the session."""
    store, forgotten = services.storage.idempotency, 0
    ids = {session.session_id, *job_ids} | ({session.upload_id} if session.upload_id else set())
    for stored in list(store.about(session.org_id, ids)):
        with suppress(WriteConflict):  # found twice, or it is at work, and then the row has its time
            store.delete(stored)
            forgotten += 1
    return forgotten


def _drop_letters(services: Services, org_id: str, job_ids: Sequence[str]) -> int:
    """Delete the jobs' dead letters."""
    letters, dropped = services.storage.dead_letters, 0
    for queue in QUEUES.values():
        for stored in list(letters.of_queue(org_id, queue)):
            if stored.value.job_id in job_ids:
                letters.delete(stored)
                dropped += 1
    return dropped


def _is_at_work(services: Services, record: RemovalRecord, org_id: str, job_id: str) -> bool:
    """Return whether a worker holds a step of the job after it has been canceled.

    A job or step that is unreadable counts as not at work, so that it can be deleted. One of a later release does not:
    raise RowOfLaterRelease, for a worker of that release may hold it.
    """
    with suppress(NotFound, UnreadableRow):
        job = services.storage.jobs.get(org_id, job_id).value
        if not job.is_final:
            record.add(messages=withdraw_messages(services, job))
        with suppress(Conflict):
            job = cancel_job(services, org_id, job_id)
        return is_at_work(services, job)
    return False


def _delete_blobs(services: Services, session: Session, job_ids: Sequence[str], record: RemovalRecord) -> None:
    blobs, prefix = services.storage.blobs, f"{session.org_id}/{session.session_id}/"
    found = [(container, blob) for container in (SOURCES, WORK, RESULTS) for blob in blobs.listing(container, prefix)]
    blobs.discard(SOURCES, session.source_blob)
    for job_id in job_ids:
        for artefact in ARTEFACTS:
            if artefact.in_blocks:
                blobs.discard(artefact.container, f"{prefix}{job_id}/{artefact.name}")
    for container, blob in found:
        blobs.delete(container, blob.name)
    record.add(blobs=len(found), size_bytes=sum(blob.size_bytes for _, blob in found))
