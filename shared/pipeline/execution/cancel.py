"""Ending a job because somebody wants it to end.

The wish is noted on the job first. A job that nobody works on is CANCELED at once; otherwise the steps at work see the
wish with their next heartbeat, and the last of them to stop ends the job. So CANCELED means: nothing is running.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from shared.domain import job as jobs
from shared.domain.errors import Conflict
from shared.domain.job import Job
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.artefacts import find_artefact
from shared.pipeline.context import Services, job_blob
from shared.pipeline.execution.dispatch import withdraw_messages
from shared.pipeline.execution.end_job import end_job
from shared.pipeline.updates import change_job
from shared.storage.ports import RESULTS, BlobFacts

log = logging.getLogger(__name__)


def cancel_job(services: Services, org_id: str, job_id: str) -> Job:
    """Has the job end; asking twice does no harm. Raises NotFound, and Conflict when it has ended already."""

    def ask(current: Job) -> Job | None:
        if current.is_final:
            raise Conflict(f"The job has ended already: it is {current.status}.")
        if current.stages_over:
            raise Conflict("It is too late: every stage is over, and the job is about to be DONE.")
        return None if current.cancel_requested else jobs.request_cancel(current, services.clock())

    return settle_cancel(services, change_job(services, org_id, job_id, ask))


def settle_cancel(services: Services, job: Job) -> Job:
    """Ends the job if that is wanted and none of its steps shows life; returns it as it is then."""
    if job.is_final or job.is_runnable or is_at_work(services, job):
        return job
    unfinished = _unfinished(services, job)

    def end(current: Job) -> Job | None:
        return None if current.stages_over else jobs.cancel(current, services.clock())

    ended = end_job(services, job, end)
    if ended.status is JobStatus.CANCELED and ended.attempt == job.attempt:
        withdraw_messages(services, job)
        for blob in unfinished:
            services.storage.blobs.delete(RESULTS, blob.name, blob.etag)
        log.info("job canceled", extra={"action": "cancel", "job_id": job.job_id, "org_id": job.org_id})
    return ended


def is_at_work(services: Services, job: Job) -> bool:
    """Whether any step of the job is in somebody's hands."""
    now, stale_after = services.clock(), timedelta(seconds=services.settings.stale_after_sec)
    return any(stored.value.lease_is_live(now, stale_after) for stored in services.storage.step_runs.of_job(job.job_id))


def discard_unfinished(services: Services, job: Job) -> None:
    """Deletes what a canceled job's merge left that did not come to its end."""
    for blob in _unfinished(services, job):
        services.storage.blobs.delete(RESULTS, blob.name, blob.etag)


def _unfinished(services: Services, job: Job) -> Sequence[BlobFacts]:
    """What a merge left that did not come to its end: the session does not name the job as the maker, or the stage
    is not over. The facts' ETags tell it apart from what the next attempt may write in its place."""
    session = services.storage.sessions.get(job.org_id, job.session_id, even_deleted=True).value
    makers = {
        Stage.TRANSCRIPTION: session.transcript_job_id,
        Stage.TRACKING: session.tracking_job_id,
        Stage.RENDITION: job.job_id if job.stages[Stage.RENDITION].state.is_over else None,
    }
    prefix = job_blob(job, "")
    found = ((find_artefact(RESULTS, blob.name.removeprefix(prefix)), blob) for blob in _results(services, prefix))
    return [
        blob
        for artefact, blob in found
        if artefact is not None and artefact.stage in makers and makers[artefact.stage] != job.job_id
    ]


def _results(services: Services, prefix: str) -> Iterable[BlobFacts]:
    return services.storage.blobs.listing(RESULTS, prefix)
