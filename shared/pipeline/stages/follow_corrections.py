"""Bring everything that follows from a transcript up to date after people corrected it.

Captions, chapters, pages, the search index and the sidecar are written in place of what the job made. One task does it,
and may run twice or beside another: it looks at the newest version, and begins again when that changed meanwhile.
"""

import logging
from contextlib import suppress
from datetime import timedelta

from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.domain.session import Session
from shared.domain.task import Task
from shared.pipeline import artefacts
from shared.pipeline.context import Services, blob_name, job_blob
from shared.pipeline.stages.captions import write_captions
from shared.pipeline.stages.current_transcript import latest_version, present_text, read_current
from shared.pipeline.stages.derived import write_derived
from shared.pipeline.stages.search_index import index_transcript
from shared.pipeline.stages.sidecar import write_sidecar
from shared.pipeline.tasks.job_manager import RetryLater, job_manager
from shared.storage.ports import RESULTS

log = logging.getLogger(__name__)

FOLLOW_AFTER = timedelta(seconds=3)
"""How long the files wait for one more edit."""

GIVE_UP_AFTER = timedelta(minutes=2)
"""The task of a version is created before its row. Without the row after this time, the editor's request crashed."""

KEPT_VERSIONS = 200
"""Newest versions of a transcript that are kept, beside the machine's."""

_REWRITTEN = (
    artefacts.TRANSCRIPT_VTT,
    artefacts.TRANSCRIPT_SRT,
    artefacts.TRANSCRIPT_TEXT,
    artefacts.TRANSCRIPT_WORDS,
    artefacts.CHAPTERS,
    artefacts.CHAPTERS_VTT,
    artefacts.PODCAST_CHAPTERS,
    artefacts.TRANSCRIPT_HTML,
    artefacts.SLIDES,
    artefacts.INSTRUCTOR_BY_SEGMENT,
)


@job_manager.job
def follow_corrections(
    services: Services,
    org_id: str,
    session_id: str,
    job_id: str,
    version: int | None = None,
    *,
    task: Task | None = None,
) -> None:
    """Write what follows from the newest version of the job's transcript.

    Args:
        services: The storage.
        org_id: The organisation.
        session_id: The session.
        job_id: The job that made the transcript.
        version: The version that this is for. The task of a later version does the work of an earlier one.
        task: The running task; None for a direct call.

    Raises:
        RetryLater: The version has no row yet.
    """
    latest = latest_version(services, org_id, job_id)
    number = 0 if latest is None else latest.version
    if version is not None and number != version:
        if number < version and task is not None and services.clock() - task.created_at < GIVE_UP_AFTER:
            raise RetryLater(FOLLOW_AFTER)
        if number > version:
            return
    with suppress(NotFound):  # deleted meanwhile
        _follow(services, services.storage.jobs.get(org_id, job_id).value)
    _drop_old_versions(services, org_id, session_id, job_id)


def _follow(services: Services, job: Job) -> None:
    ids = job.org_id, job.session_id, job.job_id
    present = None
    while present != (found := present_text(services, *ids)):
        present = found
        if not _shows(services.storage.sessions.get(job.org_id, job.session_id).value, job):
            return
        write_captions(services, job, read_current(services, *ids, present.version), present.state)
    if job.is_final:  # a job at work writes the rest at its end
        write_derived(services, job)
    index_transcript(services, *ids)
    session = services.storage.sessions.get(job.org_id, job.session_id, even_deleted=True).value
    if session.deleted_at is not None or session.results_are_deleted(job.finished_at):
        for artefact in _REWRITTEN:  # leave nothing behind
            services.storage.blobs.delete(RESULTS, job_blob(job, artefact.name))
    elif session.sidecar_job_id == job.job_id:
        write_sidecar(services, job)


def _shows(session: Session, job: Job) -> bool:
    return session.transcript_job_id == job.job_id


def _drop_old_versions(services: Services, org_id: str, session_id: str, job_id: str) -> None:
    """Delete versions before the newest ones, rows first: a blob without a row is no version."""
    versions = services.storage.transcript_versions
    kept = list(versions.of_job(org_id, job_id))
    for version in kept[KEPT_VERSIONS:]:
        versions.delete(version)
    if len(kept) <= KEPT_VERSIONS:
        return
    oldest = kept[KEPT_VERSIONS - 1].version
    prefix = blob_name(org_id, session_id, job_id, artefacts.TRANSCRIPT_VERSION.template.partition("{")[0])
    for blob in list(services.storage.blobs.listing(RESULTS, prefix)):
        if int(blob.name.removeprefix(prefix).partition("-")[0]) < oldest:
            services.storage.blobs.delete(RESULTS, blob.name)
    log.info(
        "versions dropped", extra={"action": "drop_versions", "job_id": job_id, "count": len(kept) - KEPT_VERSIONS}
    )
