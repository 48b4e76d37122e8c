"""Find what a webhook tells: the end of a job's attempt, or a warning; under which id, and with which body.

Apart from the delivery, which is the same for both.
"""

from dataclasses import dataclass

from shared.domain.job import Job
from shared.pipeline.webhooks.payload import end_of_attempt, payload_of, warning_event, warning_payload
from shared.storage.ports import JobStore


@dataclass(frozen=True, slots=True)
class News:
    """What is delivered; the same with every delivery."""

    webhook_id: str
    first_task_id: str
    """The id of the task that delivers it without a request."""

    body: bytes


def webhook_id_of(job_id: str, attempt: int) -> str:
    """Return the id of every delivery of the end of a job's attempt; without full stops, as the signature demands."""
    return f"msg_{job_id}_{attempt}"


def first_task_id(job_id: str, attempt: int) -> str:
    """Return the id of the task that delivers the end of a job's attempt without a request."""
    return f"webhook-{job_id}-{attempt}"


def warning_task_id(job_id: str, code: str) -> str:
    """Return the id of the task that delivers a warning."""
    return f"webhook-{job_id}-{code}"


def find_news(jobs: JobStore, job: Job, attempt: int, warning: str | None) -> News | None:
    """Return the end of the job's attempt, or its warning with this code; None while it has not happened."""
    if warning is not None:
        event = warning_event(jobs, job, warning)
        if event is None:
            return None
        body = warning_payload(job, event)
        return News(f"msg_{job.job_id}_{warning}", warning_task_id(job.job_id, warning), body)
    end = end_of_attempt(jobs, job, attempt)
    if end is None:
        return None
    return News(webhook_id_of(job.job_id, attempt), first_task_id(job.job_id, attempt), payload_of(job, attempt, end))
