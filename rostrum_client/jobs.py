"""Jobs: submitting them, looking at them, ending them, and what is told of their end."""

from typing import Unpack

from rostrum_client.effects import Effects, Listing, fetch, fetch_all
from rostrum_client.job_details import ForJob
from rostrum_client.models import Delivery, Job, JobState, Redelivery, Trace
from rostrum_client.retry_timing import TRIES
from rostrum_client.wire import body, delete, get, post


def submit(
    *,
    source_url: str | None = None,
    upload_id: str | None = None,
    session_id: str | None = None,
    idempotency_key: str | None = None,
    **details: Unpack[ForJob],
) -> Effects[Job]:
    """Have a recording processed: one at an address, a file that `send_file` put into storage, or one that is there.

    With an `idempotency_key` of your own, a program that starts again gets the job that its first start submitted.
    """
    asked = body(source_url=source_url, upload_id=upload_id, session_id=session_id, **details)
    return fetch(Job, post("jobs", body=asked, key=idempotency_key))


def job(job_id: str) -> Effects[Job]:
    """Return the job as it is now."""
    return fetch(Job, get("jobs", job_id))


def status(job_id: str) -> Effects[JobState]:
    """Return the job's status alone."""
    return fetch(JobState, get("jobs", job_id, "status"))


def jobs(
    *,
    active: bool | None = None,
    status: str | None = None,
    session_id: str | None = None,
    page_size: int | None = None,
) -> Listing[Job]:
    """Yield all jobs that match the filters, newest first; pages are fetched as they are needed."""
    return fetch_all(Job, get("jobs", active=active, status=status, session_id=session_id, limit=page_size))


def cancel(job_id: str, *, within_sec: float | None = None) -> Effects[Job]:
    """Cancel a job that waits or runs; 409 when it has ended.

    With `within_sec` it is tried once and for so long, for a program that wants to end.
    """
    tries = TRIES if within_sec is None else 1
    return fetch(Job, delete("jobs", job_id, timeout_sec=within_sec), tries=tries)


def retry(job_id: str, *, idempotency_key: str | None = None) -> Effects[Job]:
    """Try a job that failed or was canceled again, from the stage that failed; finished parts are kept."""
    return fetch(Job, post("jobs", job_id, "retry", key=idempotency_key))


def trace(job_id: str) -> Effects[Trace]:
    """Return the job as a trace, from what the service has stored."""
    return fetch(Trace, get("jobs", job_id, "trace"))


def deliveries(job_id: str) -> Listing[Delivery]:
    """Yield the POSTs to the job's `callback_url`, with the outcome of each."""
    return fetch_all(Delivery, get("jobs", job_id, "deliveries"))


def redeliver(job_id: str, *, idempotency_key: str | None = None) -> Effects[Redelivery]:
    """Tell the job's end to its `callback_url` once more, with the same `webhook-id`."""
    return fetch(Redelivery, post("jobs", job_id, "redeliver", key=idempotency_key))
