"""Write the body of a webhook: how one attempt at a job ended, or a warning while it ran.

It is the same bytes with every delivery, also when the job began again since.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from shared.domain.event import Event, JobError
from shared.domain.job import Job
from shared.domain.job_event import event_of
from shared.job_status import JobStatus
from shared.storage.ports import JobStore


class _Told(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class EndedJob(_Told):
    """The job as it was when its attempt ended."""

    job_id: str
    session_id: str
    org_id: str
    status: JobStatus
    attempt: int
    error: JobError | None
    progress: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime
    options: Mapping[str, Any]


class WebhookPayload(_Told):
    """The body of a webhook: `job.done`, `job.error` or `job.canceled`, and when it happened."""

    type: str
    timestamp: datetime
    data: EndedJob


class Warned(_Told):
    """A reason of the verdict that is known while the job runs."""

    code: str
    start: float
    end: float
    text: str


class WarnedJob(_Told):
    """The job when it warned of its recording."""

    job_id: str
    session_id: str
    org_id: str
    status: JobStatus
    progress: float
    created_at: datetime
    options: Mapping[str, Any]
    warning: Warned


class WarningPayload(_Told):
    """The body of a webhook of type `recording.warning`, and when it happened."""

    type: Literal["recording.warning"] = "recording.warning"
    timestamp: datetime
    data: WarnedJob


def warning_event(jobs: JobStore, job: Job, code: str) -> Event | None:
    """Return the event that warned of this, also when later events followed; None when the job has not warned of it."""
    after = 0
    while events := jobs.events(job.org_id, job.job_id, after=after):
        found = next((each for each in events if each.warning is not None and each.warning.code == code), None)
        if found is not None:
            return found
        after = events[-1].sequence
    return None


def warning_payload(job: Job, event: Event) -> bytes:
    """Return the body for an event with a warning."""
    if event.warning is None:
        raise ValueError(f"event {event.sequence} of job {event.job_id} has no warning")
    warning = event.warning
    data = WarnedJob(
        job_id=job.job_id,
        session_id=job.session_id,
        org_id=job.org_id,
        status=event.status,
        progress=event.progress,
        created_at=job.created_at,
        options=job.options.to_json(),
        warning=Warned(code=warning.code, start=warning.start, end=warning.end, text=warning.text),
    )
    return WarningPayload(timestamp=event.at, data=data).model_dump_json(by_alias=True).encode()


def end_of_attempt(jobs: JobStore, job: Job, attempt: int) -> Event | None:
    """Return the event that ended the job's attempt, which need not be its latest; None while the attempt goes on."""
    if job.attempt == attempt:
        return event_of(job) if job.is_final else None
    ended, was_final, after = 0, False, 0
    while events := jobs.events(job.org_id, job.job_id, after=after):
        for event in events:
            ended += event.status.is_final and not was_final
            if ended == attempt:
                return event
            was_final = event.status.is_final
        after = events[-1].sequence
    return None


def payload_of(job: Job, attempt: int, end: Event) -> bytes:
    """Return the body for the attempt's end."""
    has_started = job.started_at is not None and job.started_at <= end.at  # and not in a later attempt
    data = EndedJob(
        job_id=job.job_id,
        session_id=job.session_id,
        org_id=job.org_id,
        status=end.status,
        attempt=attempt,
        error=end.error,
        progress=end.progress,
        created_at=job.created_at,
        started_at=job.started_at if has_started else None,
        finished_at=end.at,
        options=job.options.to_json(),
    )
    payload = WebhookPayload(type=f"job.{end.status.lower()}", timestamp=end.at, data=data)
    return payload.model_dump_json(by_alias=True).encode()
