"""Running Rostrum: its queues, its schedules, and whether it works."""

from http import HTTPStatus
from typing import Unpack

from rostrum_client.job_details import ForUpload
from rostrum_client.models import Health, QueueInfo, Removal, Requeued, Schedule
from rostrum_client.steps import Listing, Steps, ask, fetch, fetch_all, send
from rostrum_client.wire import body, delete, get, post, raise_for_problem, read


def queue_info() -> Steps[QueueInfo]:
    """Return the length of each queue, and the number of jobs in each status."""
    return fetch(QueueInfo, get("jobs", "queue-info"))


def requeue_poison(queue: str, *, idempotency_key: str | None = None) -> Steps[int]:
    """Put a queue's dead letters back; gives how many. Needs the scope `admin`."""
    answer = yield from fetch(Requeued, post("jobs", "poison", queue, "requeue", key=idempotency_key))
    return answer.requeued


def removals() -> Listing[Removal]:
    """Yield the sessions that were deleted, newest first: when, why, and how much there was. Needs scope `admin`."""
    return fetch_all(Removal, get("removals"))


def create_schedule(
    cron: str,
    *,
    time_zone: str | None = None,
    source_url: str | None = None,
    session_id: str | None = None,
    idempotency_key: str | None = None,
    **details: Unpack[ForUpload],
) -> Steps[Schedule]:
    """Have a recording submitted whenever `cron` (five fields) says so in the time zone, UTC unless given."""
    job = body(source_url=source_url, session_id=session_id, **details)
    asked = body(cron=cron, time_zone=time_zone, job=job)
    return fetch(Schedule, post("schedules", body=asked, key=idempotency_key))


def schedules() -> Listing[Schedule]:
    """Yield all schedules, with their next and last runs."""
    return fetch_all(Schedule, get("schedules"))


def schedule(schedule_id: str) -> Steps[Schedule]:
    """Return a schedule with its next and its last run."""
    return fetch(Schedule, get("schedules", schedule_id))


def delete_schedule(schedule_id: str) -> Steps[None]:
    """Delete a schedule; the jobs that it submitted go on."""
    yield from ask(delete("schedules", schedule_id))


def health() -> Steps[Health]:
    """Return the state of the API and of its storage, without retries."""
    response = (yield from send(get("health"), tries=1)).response
    if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
        raise_for_problem(response)
    return read(Health, response)
