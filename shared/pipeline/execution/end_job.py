"""The end of a job, whichever it is: the one place where a job becomes final, and where its callback is told.

The news is written down as a task before the job ends, so that it cannot get lost between the two.
"""

from collections.abc import Callable

from shared.domain.job import Job
from shared.pipeline.context import Services
from shared.pipeline.updates import change_job
from shared.pipeline.webhooks.announce import announce_end, tell_end


def end_job(services: Services, job: Job, end: Callable[[Job], Job | None]) -> Job:
    """Applies `end` to the job as it is now, unless it has ended or begun again since `job` was read; None from `end`
    leaves it as it is."""

    def is_over(current: Job) -> bool:
        return current.is_final or current.attempt != job.attempt

    if job.callback_url is not None:
        current = services.storage.jobs.get(job.org_id, job.job_id).value
        if is_over(current):
            return current
        announce_end(services, job)
    ended = change_job(services, job.org_id, job.job_id, lambda now: None if is_over(now) else end(now))
    if job.callback_url is not None and ended.is_final and ended.attempt == job.attempt:
        tell_end(services, ended)
    return ended
