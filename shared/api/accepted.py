"""The answer to an accepted job: 202 with the addresses to follow it at."""

from starlette.responses import Response

from shared.api.links import Links
from shared.domain.job import Job

POLL_SEC = 2
"""How long a client is asked to wait before it looks again."""

HEADER_DOCS = {
    "Location": {"description": "The job.", "schema": {"type": "string"}},
    "Operation-Location": {"description": "The job's status.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before looking.", "schema": {"type": "integer"}},
}


def note_accepted(response: Response, job: Job, links: Links) -> None:
    """Puts the addresses into the response's headers."""
    response.headers["Location"] = links.job(job.job_id)
    response.headers["Operation-Location"] = links.job_status(job.job_id)
    response.headers["Retry-After"] = str(POLL_SEC)
