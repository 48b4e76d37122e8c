"""Keeping the house clean: what has outlived its use is deleted, once an hour, by a background job."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import groupby

from shared.domain.errors import NotFound, RostrumError
from shared.domain.job import Job
from shared.domain.removal import RemovalReason
from shared.domain.session import Session
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.pipeline.housekeeping.delete_session import delete_session, remove_session
from shared.pipeline.housekeeping.expire_uploads import GRACE, expire_uploads
from shared.pipeline.tasks.job_manager import job_manager
from shared.storage.ports import RESULTS, SOURCES, WORK

log = logging.getLogger(__name__)

EVERY_HOUR = "17 * * * *"

KEEP_DEAD_LETTERS = timedelta(days=30)


def schedule_clean_up(services: Services) -> None:
    """Has the house cleaned from now on; calling it again changes nothing."""
    clean_up.using(services, task_id="clean-up").schedule_cron(EVERY_HOUR)


@job_manager.job
def clean_up(services: Services) -> None:
    """Deletes expired uploads and idempotency keys, sessions past their time, and what stages left for each other."""
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
    for stored in services.storage.idempotency.expired(services.clock()):
        services.storage.idempotency.delete(stored)


def _drop_dead_letters(services: Services) -> None:
    """With each goes its task, which nobody can put back then."""
    storage = services.storage
    for stored in storage.dead_letters.kept_before(services.clock() - KEEP_DEAD_LETTERS):
        if stored.value.task_id is not None:
            with suppress(NotFound):
                storage.tasks.delete(storage.tasks.get(stored.value.task_id))
        storage.dead_letters.delete(stored)


def _drop_removal_records(services: Services) -> None:
    removals, keep = services.storage.removals, timedelta(days=services.settings.removal_record_days)
    for stored in removals.kept_before(services.clock() - keep):
        if stored.value.finished_at is not None:
            removals.delete(stored)


def _delete_sessions(services: Services) -> None:
    """Those past their time, and those whose removal broke off."""
    for session in services.storage.sessions.all():
        if session.deleted_at is not None:
            task_id = f"remove-{session.session_id}"
            remove_session.using(services, task_id=task_id).delay(session.org_id, session.session_id)
        elif _is_past_its_time(services, session):
            reason = RemovalReason.RETENTION
            _unless_it_fails(delete_session, services, session.org_id, session.session_id, reason)


def _is_past_its_time(services: Services, session: Session) -> bool:
    """Whether nothing happened to the session for the fewest days that anybody said: the settings for all, those for
    its organisation, or its latest job. One with a job that has not ended has its time after it."""
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
    """A job that is done needs nothing of what its stages left for each other; one that failed may be tried again."""
    blobs = services.storage.blobs
    for (org_id, _, job_id), found in groupby(blobs.listing(WORK, ""), lambda blob: blob.name.split("/")[:3]):
        names = [blob.name for blob in found]
        try:
            is_needed = services.storage.jobs.get(org_id, job_id).value.status is not JobStatus.DONE
        except NotFound:
            is_needed = False
        for name in () if is_needed else names:
            blobs.delete(WORK, name)


def _delete_orphans(services: Services) -> None:
    """Blobs whose session is gone, or never came to be, and that nobody can be about to make one of any more.

    An upload's address goes on writing after its session was deleted, and an import may die before its session stands.
    """
    sessions = {(session.org_id, session.session_id) for session in services.storage.sessions.all()}
    newest = services.clock() - timedelta(hours=services.settings.upload_valid_hours) - GRACE
    for container in (SOURCES, WORK, RESULTS):
        for blob in services.storage.blobs.listing(container, ""):
            org_id, session_id, *_ = blob.name.split("/")
            is_old = blob.written_at is not None and blob.written_at < newest
            if is_old and (org_id, session_id) not in sessions:
                services.storage.blobs.delete(container, blob.name, blob.etag)


def _unless_it_fails(chore: Callable[..., object], *arguments: object) -> None:
    """One chore that fails does not keep the others from being done."""
    try:
        chore(*arguments)
    except RostrumError as error:
        log.warning("clean-up failed", extra={"action": chore.__name__, "code": error.code})
    except Exception:
        log.exception("clean-up failed", extra={"action": chore.__name__})
