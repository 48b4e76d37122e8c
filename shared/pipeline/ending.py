"""The end of a job, whichever it is."""

from collections.abc import Callable

from shared.domain.job import Job
from shared.pipeline.changes import change_job
from shared.pipeline.services import Services


def end_job(services: Services, job: Job, end: Callable[[Job], Job]) -> Job:
    """Applies `end` to the job as it is now, unless it has ended or begun again since `job` was read."""

    def ended(current: Job) -> Job | None:
        return None if current.is_final or current.attempt != job.attempt else end(current)

    return change_job(services, job.org_id, job.job_id, ended)
