"""Cancel a job on a client's request.

The request is noted on the job first. A job that no worker works on ends at once. Otherwise the rows of its running
steps are written anew, their workers see the request with their next heartbeat, and the last of them to stop ends the
job. So CANCELED means: nothing is running.
"""

from contextlib import suppress

from shared.domain import job as jobs
from shared.domain.errors import Conflict, NotFound, WriteConflict
from shared.domain.job import Job
from shared.pipeline.context import Services
from shared.pipeline.execution.advance import advance
from shared.pipeline.lease import is_live
from shared.pipeline.updates import change_job


def cancel_job(services: Services, org_id: str, job_id: str) -> Job:
    """Request the job's cancellation, and return the job as it is then; idempotent.

    Raises NotFound, and Conflict when the job has ended or is about to be DONE.
    """

    def request(current: Job) -> Job | None:
        if current.is_final:
            raise Conflict(f"The job has ended already: it is {current.status}.")
        if current.stages_over:
            raise Conflict("It is too late: every stage is over, and the job is about to be DONE.")
        return None if current.cancel_requested else jobs.request_cancel(current, services.clock())

    job = change_job(services, org_id, job_id, request)
    _touch_running_steps(services, job)
    advance(services, job)
    return services.storage.jobs.get(org_id, job_id).value


def _touch_running_steps(services: Services, job: Job) -> None:
    """Write the rows of running steps as they are, so that their workers look at the job with the next heartbeat.

    Without it they look within `JOB_LOOK_SEC`: a row that changed meanwhile is left alone.
    """
    for stored in services.storage.step_runs.of_job(job.job_id):
        if is_live(services, stored.value):
            with suppress(WriteConflict, NotFound):
                services.storage.step_runs.update(stored, stored.value)


def is_at_work(services: Services, job: Job) -> bool:
    """Return whether a worker holds a live lease on a step of the job."""
    return any(is_live(services, stored.value) for stored in services.storage.step_runs.of_job(job.job_id))
