"""Deleting a session: its recording, its jobs, everything they made, and what waits for them in queues.

The session is out of sight at once, and its jobs are canceled. What is still at work is waited for, in a background
job if it takes longer than the request. The session's row goes last: while it stands, the removal can be taken up.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from shared.domain.errors import Conflict, NotFound
from shared.domain.job import Job
from shared.domain.renditions import FOLLOW, OVERLAY
from shared.domain.session import Session
from shared.pipeline.background.job_manager import RetryLater, job_manager
from shared.pipeline.cancel import cancel_job, is_at_work
from shared.pipeline.changes import change_session
from shared.pipeline.reading import AUDIO_COPY
from shared.pipeline.search import forget_session
from shared.pipeline.services import Services, job_blob
from shared.storage.ports import RESULTS, SOURCES, WORK

log = logging.getLogger(__name__)

LOOK_AGAIN = timedelta(seconds=2)


def delete_session(services: Services, org_id: str, session_id: str) -> None:
    """Deletes the session for good; raises NotFound."""
    now = services.clock()
    session = change_session(services, org_id, session_id, lambda current: current.evolve(deleted_at=now))
    if not _remove(services, session):
        remove_session.using(services).delay_in(LOOK_AGAIN, org_id, session_id)


@job_manager.job
def remove_session(services: Services, org_id: str, session_id: str) -> None:
    """Goes on with the removal of a deleted session until nothing of it is left."""
    try:
        session = services.storage.sessions.get(org_id, session_id, even_deleted=True).value
    except NotFound:
        return
    if session.deleted_at is not None and not _remove(services, session):
        raise RetryLater(LOOK_AGAIN)


def delete_leftovers(services: Services, job: Job) -> None:
    """Deletes what a step made of a job that was deleted meanwhile; the recording, too, if its session is gone."""
    blobs = services.storage.blobs
    places = [(WORK, job_blob(job, "")), (RESULTS, job_blob(job, ""))]
    try:
        services.storage.sessions.get(job.org_id, job.session_id, even_deleted=True)
    except NotFound:
        places.append((SOURCES, f"{job.org_id}/{job.session_id}/"))
    for container, prefix in places:
        for blob in list(blobs.listing(container, prefix)):
            blobs.delete(container, blob.name)


def _remove(services: Services, session: Session) -> bool:
    """Whether everything is gone; False while a step of one of the jobs is at work."""
    storage, org_id, session_id = services.storage, session.org_id, session.session_id
    job_ids = storage.jobs.ids_of_session(org_id, session_id)
    at_work = [job_id for job_id in job_ids if _is_at_work(services, org_id, job_id)]
    if at_work:
        return False
    _delete_blobs(services, session, job_ids)
    forget_session(services, org_id, session_id)
    for job_id in job_ids:
        storage.parts.delete_of(job_id)
        storage.deliveries.delete_of(job_id)
        storage.jobs.delete(org_id, session_id, job_id)
    if session.upload_id is not None:
        with suppress(NotFound):  # it goes by itself some time after the commit
            storage.uploads.delete(storage.uploads.get(org_id, session.upload_id))
    with suppress(NotFound):
        storage.sessions.delete(storage.sessions.get(org_id, session_id, even_deleted=True))
    log.info("session deleted", extra={"action": "delete", "session_id": session_id, "org_id": org_id})
    return True


def _is_at_work(services: Services, org_id: str, job_id: str) -> bool:
    """Whether a step of the job is in somebody's hands after it has been canceled."""
    with suppress(NotFound):
        job: Job | None = None
        with suppress(Conflict):
            job = cancel_job(services, org_id, job_id)
        return is_at_work(services, job or services.storage.jobs.get(org_id, job_id).value)
    return False


def _delete_blobs(services: Services, session: Session, job_ids: Sequence[str]) -> None:
    blobs, prefix = services.storage.blobs, f"{session.org_id}/{session.session_id}/"
    blobs.discard(SOURCES, session.source_blob)
    for job_id in job_ids:
        blobs.discard(WORK, f"{prefix}{job_id}/{AUDIO_COPY}")
        for video in (OVERLAY, FOLLOW):
            blobs.discard(RESULTS, f"{prefix}{job_id}/{video}")
    for container in (SOURCES, WORK, RESULTS):
        for blob in list(blobs.listing(container, prefix)):
            blobs.delete(container, blob.name)
