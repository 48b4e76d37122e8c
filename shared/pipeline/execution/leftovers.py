"""Delete what a step left of a job that was canceled or deleted while the step was at work.

Apart from the end of jobs, because a worker that comes late does the same.
"""

from collections.abc import Sequence

from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.domain.stage import Stage
from shared.pipeline.artefacts import find_artefact
from shared.pipeline.context import Services, job_blob
from shared.storage.ports import RESULTS, SOURCES, WORK, BlobFacts


def unfinished_results(services: Services, job: Job) -> Sequence[BlobFacts]:
    """Return the results of merges that did not come to their end: the session does not name the job as the producer,
    or the stage is not over. The facts' ETags tell them apart from what the next attempt may write in their place."""
    session = services.storage.sessions.get(job.org_id, job.session_id, even_deleted=True).value
    producers = {stage: job.job_id if progress.state.is_over else None for stage, progress in job.stages.items()}
    producers |= {Stage.TRANSCRIPTION: session.transcript_job_id, Stage.TRACKING: session.tracking_job_id}
    prefix = job_blob(job, "")
    blobs = services.storage.blobs.listing(RESULTS, prefix)
    found = ((find_artefact(RESULTS, blob.name.removeprefix(prefix)), blob) for blob in blobs)
    return [
        blob
        for artefact, blob in found
        if artefact is not None and artefact.stage in producers and producers[artefact.stage] != job.job_id
    ]


def discard(services: Services, results: Sequence[BlobFacts]) -> None:
    """Delete the results, unless they were written anew since they were listed."""
    for blob in results:
        services.storage.blobs.delete(RESULTS, blob.name, blob.etag)


def delete_leftovers(services: Services, job: Job) -> None:
    """Delete what a step made of a job that was deleted meanwhile, rows included; the recording, too, if its session
    was deleted."""
    blobs = services.storage.blobs
    services.storage.step_runs.delete_of(job.job_id)
    services.storage.jobs.delete(job.org_id, job.session_id, job.job_id)
    places = [(WORK, job_blob(job, "")), (RESULTS, job_blob(job, ""))]
    try:
        services.storage.sessions.get(job.org_id, job.session_id, even_deleted=True)
    except NotFound:
        places.append((SOURCES, f"{job.org_id}/{job.session_id}/"))
    for container, prefix in places:
        for blob in list(blobs.listing(container, prefix)):
            blobs.delete(container, blob.name)
