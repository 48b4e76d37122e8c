"""Delete what a session's jobs derived: results, intermediate files and entries of the search index.

The recording, the session and its jobs stay. Apart from `delete_session`, which leaves nothing and stops jobs at work.
The session is marked first: from then on its results are out of sight, and the mark says which jobs are meant. The
clean-up continues a deletion that a crash cut off.
"""

import logging
from contextlib import suppress

from shared.domain.errors import Conflict, NotFound, UnreadableRow
from shared.domain.job import Job
from shared.domain.search.transcript import parse_text_id
from shared.domain.session import Session
from shared.domain.transcript_version import ReviewState
from shared.pipeline.artefacts import ARTEFACTS
from shared.pipeline.context import Services, blob_name
from shared.pipeline.execution.cancel import is_at_work
from shared.pipeline.updates import change_session
from shared.storage.ports import RESULTS, WORK

log = logging.getLogger(__name__)

NO_RESULTS = {
    "transcript_job_id": None,
    "review_state": ReviewState.AUTO,
    "reviewed_at": None,
    "reviewed_by": None,
    "corrected_job_id": None,
    "tracking_job_id": None,
    "sidecar_job_id": None,
}


def delete_results(services: Services, org_id: str, session_id: str) -> None:
    """Delete all that the session's jobs derived by now; idempotent.

    Raises:
        NotFound: There is no such session.
        Conflict: A job has not ended, or a worker still holds a step of one that has.
    """
    services.storage.sessions.get(org_id, session_id)
    for job in _jobs_by_id(services, org_id, session_id).values():
        if job is not None and (not job.is_final or is_at_work(services, job)):
            raise Conflict(f"Job {job.job_id} is at work on the session; cancel it, or wait until it has ended.")
    now = services.clock()
    marks = {**NO_RESULTS, "results_deleted_at": now, "results_deletion_pending": True, "updated_at": now}
    continue_deletion(services, change_session(services, org_id, session_id, lambda current: current.evolve(**marks)))


def continue_deletion(services: Services, session: Session) -> None:
    """Delete what the session's mark says, then take the pending mark away; idempotent.

    A job that ended after the mark, or has not ended, keeps its files.
    """
    org_id, session_id = session.org_id, session.session_id
    jobs = _jobs_by_id(services, org_id, session_id)
    kept = {
        job_id for job_id, job in jobs.items() if job is not None and not session.results_are_deleted(job.finished_at)
    }
    _delete_files(services, session, kept)
    for job_id in jobs.keys() - kept:
        services.storage.transcript_versions.delete_of(org_id, job_id)
        for artefact in ARTEFACTS:
            if artefact.in_blocks:
                name = blob_name(org_id, session_id, job_id, artefact.name)
                services.storage.blobs.discard(artefact.container, name)
    index = services.storage.search
    for indexed in index.jobs(org_id, session_id):
        if parse_text_id(indexed)[0] not in kept:
            index.remove(org_id, session_id, indexed)

    def over(current: Session) -> Session:
        is_same = current.results_deleted_at == session.results_deleted_at
        return current.evolve(results_deletion_pending=False) if is_same else current

    with suppress(NotFound):  # the session was deleted meanwhile
        change_session(services, org_id, session_id, over)
    log.info("results deleted", extra={"action": "delete", "session_id": session_id, "org_id": org_id})


def _jobs_by_id(services: Services, org_id: str, session_id: str) -> dict[str, Job | None]:
    """Return the session's jobs; None for a job that is unreadable or half made."""
    found: dict[str, Job | None] = {}
    for job_id in services.storage.jobs.ids_of_session(org_id, session_id):
        found[job_id] = None
        with suppress(NotFound, UnreadableRow):
            found[job_id] = services.storage.jobs.get(org_id, job_id).value
    return found


def _delete_files(services: Services, session: Session, kept: set[str]) -> None:
    """Delete the session's files in containers `results` and `work`, but those of the kept jobs."""
    blobs, prefix = services.storage.blobs, f"{session.org_id}/{session.session_id}/"
    for container in (RESULTS, WORK):
        for blob in list(blobs.listing(container, prefix)):
            if blob.name.removeprefix(prefix).partition("/")[0] not in kept:
                blobs.delete(container, blob.name)
