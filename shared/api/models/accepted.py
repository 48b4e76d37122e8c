"""The answer to an accepted job: 202 with the addresses to follow it at."""

from fastapi import Request, Response

from shared.api.http.links import Links
from shared.api.models.job_views import JobView
from shared.domain.job import Job
from shared.pipeline.context import Services

POLL_SEC = 2
"""How long a client is asked to wait before it looks again."""

HEADER_DOCS = {
    "Location": {"description": "The job.", "schema": {"type": "string"}},
    "Operation-Location": {"description": "The job's status.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before looking.", "schema": {"type": "integer"}},
}


def accepted(request: Request, response: Response, services: Services, job: Job) -> JobView:
    """Return the job as the answer's body, and put its addresses into the response's headers."""
    links = Links.of(request, services.settings)
    response.headers["Location"] = links.job(job.job_id)
    response.headers["Operation-Location"] = links.job_status(job.job_id)
    response.headers["Retry-After"] = str(POLL_SEC)
    return JobView.of(job, links)
