"""Trying a job again that ended in ERROR or was canceled: from the stage that failed, with every finished part kept."""

from shared.domain import job as jobs
from shared.domain.errors import Conflict
from shared.domain.job import Job
from shared.pipeline.context import Services
from shared.pipeline.execution.advance import advance
from shared.pipeline.jobs.submit import validate_request
from shared.pipeline.updates import change_job


def retry_job(services: Services, org_id: str, job_id: str) -> Job:
    """Begins the job's next attempt. Raises NotFound, Conflict unless it is ERROR or CANCELED, and what
    `refuse_hopeless` raises for a job that could only fail again."""

    def again(current: Job) -> Job:
        if not current.status.may_begin_again:
            raise Conflict(f"Only a job in ERROR or CANCELED can be tried again; this one is {current.status}.")
        services.storage.sessions.get(org_id, current.session_id)  # it may be on its way out
        validate_request(services, current.options, current.callback_url)
        return jobs.restart(current, services.clock())

    advance(services, change_job(services, org_id, job_id, again))
    return services.storage.jobs.get(org_id, job_id).value
