"""Clean up: delete what has outlived its use, once an hour, by a background job.

A chore that fails, and a row that cannot be read, keep no other from its turn.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import groupby

from shared.domain.errors import NotFound, RostrumError, RowOfLaterRelease, UnreadableRow, WriteConflict
from shared.domain.job import Job
from shared.domain.removal import RemovalReason
from shared.domain.session import Session, Upload
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.pipeline.housekeeping.dead_letter_list import drop_dead_letter
from shared.pipeline.housekeeping.delete_results import continue_deletion
from shared.pipeline.housekeeping.delete_session import delete_session, remove_session
from shared.pipeline.jobs.idempotency import KEPT_FOR
from shared.pipeline.tasks.job_manager import job_manager
from shared.storage.ports import RESULTS, SOURCES, WORK, Stored

log = logging.getLogger(__name__)

CLEAN_UP_ID = "clean-up"
"""The id of the clean-up's schedule."""

EVERY_HOUR = "17 * * * *"

GRACE = timedelta(hours=1)
"""Time after its expiry in which an upload is left alone: a block or a commit may still be on its way."""

KEEP_DEAD_LETTERS = timedelta(days=30)


def schedule_clean_up(services: Services) -> None:
    """Create the schedule of the clean-up; idempotent."""
    clean_up.using(services, task_id=CLEAN_UP_ID).schedule_cron(EVERY_HOUR)


@job_manager.job
def clean_up(services: Services) -> None:
    """Delete expired uploads, idempotency keys and sessions, old records, and files that no job needs."""
    for chore in (
        expire_uploads,
        _forget_idempotency_keys,
        _drop_dead_letters,
        _drop_removal_records,
        _delete_sessions,
        _delete_work_of_done_jobs,
        _delete_orphans,
    ):
        _unless_it_fails(chore, services)


def _forget_idempotency_keys(services: Services) -> None:
    """Delete the expired records; one that was renewed meanwhile stays.

    A record that cannot be read does not tell when it expires: that is `KEPT_FOR` after its row was written.
    """
    store, now = services.storage.idempotency, services.clock()
    for stored in store.expired(now):
        with suppress(WriteConflict):
            store.delete(stored)
    store.drop_unreadable(now - KEPT_FOR)


def _drop_dead_letters(services: Services) -> None:
    """Delete old dead letters, each with its task, which cannot be requeued without it."""
    for stored in services.storage.dead_letters.kept_before(services.clock() - KEEP_DEAD_LETTERS):
        _unless_it_fails(drop_dead_letter, services, stored)


def _drop_removal_records(services: Services) -> None:
    removals, keep = services.storage.removals, timedelta(days=services.settings.removal_record_days)
    for stored in removals.kept_before(services.clock() - keep):
        if stored.value.finished_at is not None:
            removals.delete(stored)


def _delete_sessions(services: Services) -> None:
    """Delete sessions that are past their retention, and continue deletions that a crash cut off."""
    for session in services.storage.sessions.all():
        _unless_it_fails(_delete_if_due, services, session)


def _delete_if_due(services: Services, session: Session) -> None:
    if session.deleted_at is not None:
        task_id = f"remove-{session.session_id}"
        remove_session.using(services, task_id=task_id).delay(session.org_id, session.session_id)
    elif _is_past_its_time(services, session):
        delete_session(services, session.org_id, session.session_id, RemovalReason.RETENTION)
    elif session.results_deletion_pending:
        continue_deletion(services, session)


def _is_past_its_time(services: Services, session: Session) -> bool:
    """Return whether the session's retention is over: nothing happened to it for the given days, and all jobs ended.

    The fewest days count, of the settings for all, the settings for its organisation, and the options of its latest
    job. A session with a job that cannot be read is kept: raise UnreadableRow or RowOfLaterRelease.
    """
    settings = services.settings
    said = (settings.retention_days, settings.retention_days_of(session.org_id), session.retention_days)
    days = min((each for each in said if each is not None), default=None)
    if days is None or session.updated_at >= services.clock() - timedelta(days=days):
        return False
    return all(job.is_final for job in _jobs_of(services, session))


def _jobs_of(services: Services, session: Session) -> Iterator[Job]:
    jobs = services.storage.jobs
    for job_id in jobs.ids_of_session(session.org_id, session.session_id):
        with suppress(NotFound):
            yield jobs.get(session.org_id, job_id).value


def _delete_work_of_done_jobs(services: Services) -> None:
    """Delete the intermediate files of jobs that are done or missing.

    A job that failed may be retried, and keeps its files. So does a job that cannot be read.
    """
    blobs = services.storage.blobs
    for (org_id, _, job_id), found in groupby(blobs.listing(WORK, ""), lambda blob: blob.name.split("/")[:3]):
        names = [blob.name for blob in found]
        for name in () if _needs_its_work(services, org_id, job_id) else names:
            blobs.delete(WORK, name)


def _needs_its_work(services: Services, org_id: str, job_id: str) -> bool:
    try:
        return services.storage.jobs.get(org_id, job_id).value.status is not JobStatus.DONE
    except NotFound:
        return False
    except (UnreadableRow, RowOfLaterRelease):
        return True


def _delete_orphans(services: Services) -> None:
    """Delete old blobs without a session, unless a client may still be about to make one of them.

    An upload's address goes on writing after its session was deleted, and an import may crash before its session is
    written. A session that cannot be read keeps its blobs.
    """
    sessions = set(services.storage.sessions.keys())
    newest = services.clock() - timedelta(hours=services.settings.upload_valid_hours) - GRACE
    for container in (SOURCES, WORK, RESULTS):
        for blob in services.storage.blobs.listing(container, ""):
            org_id, session_id, *_ = blob.name.split("/")
            is_old = blob.written_at is not None and blob.written_at < newest
            if is_old and (org_id, session_id) not in sessions:
                services.storage.blobs.delete(container, blob.name, blob.etag)


def _unless_it_fails(chore: Callable[..., object], *arguments: object) -> None:
    """Do one chore; log an error, so that it keeps no other chore from being done."""
    try:
        chore(*arguments)
    except RostrumError as error:
        log.warning("clean-up failed", extra={"action": chore.__name__, "code": error.code, "detail": error.detail})
    except Exception:
        log.exception("clean-up failed", extra={"action": chore.__name__})


def expire_uploads(services: Services) -> int:
    """Delete the uploads that no client committed in time; return their number.

    The row is marked before the blob is deleted, so that a commit at the same moment either wins or fails.
    """
    uploads, deleted = services.storage.uploads, 0
    for stored in uploads.expired(services.clock() - GRACE):
        try:
            if not _is_committed(services, stored.value):
                stored = _abandoned(services, stored)
                services.storage.blobs.discard(SOURCES, stored.value.source_blob)
                deleted += 1
            uploads.delete(stored)
        except (WriteConflict, NotFound):
            continue  # a commit was quicker, or another clean-up
    if deleted:
        log.info("uploads expired", extra={"action": "expire_uploads", "count": deleted})
    return deleted


def _is_committed(services: Services, upload: Upload) -> bool:
    """Return whether a session was made of it: a commit that crashed may have reserved its job only."""
    if upload.job_id is None:
        return False
    try:
        services.storage.sessions.get(upload.org_id, upload.session_id, even_deleted=True)
    except NotFound:
        return False
    except (UnreadableRow, RowOfLaterRelease):  # there is one
        return True
    return True


def _abandoned(services: Services, stored: Stored[Upload]) -> Stored[Upload]:
    if stored.value.abandoned:
        return stored
    return services.storage.uploads.update(stored, stored.value.evolve(abandoned=True))
