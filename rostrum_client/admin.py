"""Running Rostrum: its queues, its schedules, and whether it works."""

from http import HTTPStatus
from typing import Unpack

from rostrum_client.effects import Effects, Listing, ask, fetch, fetch_all, send
from rostrum_client.job_details import ForUpload
from rostrum_client.models import DeadLetter, Health, QueueInfo, Removal, Requeued, Schedule, Task
from rostrum_client.wire import body, delete, get, post, raise_for_problem, read


def queue_info() -> Effects[QueueInfo]:
    """Return the length of each queue, and the number of jobs in each status."""
    return fetch(QueueInfo, get("jobs", "queue-info"))


def requeue_poison(queue: str, *, idempotency_key: str | None = None) -> Effects[int]:
    """Put a queue's dead letters back; gives how many. Needs the scope `admin`."""
    answer = yield from fetch(Requeued, post("jobs", "poison", queue, "requeue", key=idempotency_key))
    return answer.requeued


def dead_letters(queue: str) -> Listing[DeadLetter]:
    """Yield a queue's dead letters, newest first, and messages that cannot be read. Needs the scope `admin`."""
    return fetch_all(DeadLetter, get("jobs", "poison", queue))


def remove_dead_letter(queue: str, letter_id: str) -> Effects[None]:
    """Remove a dead letter for good. Needs the scope `admin`."""
    yield from ask(delete("jobs", "poison", queue, letter_id))


def tasks(*, state: str | None = None) -> Listing[Task]:
    """Yield the background jobs, newest first, or those in a state; `scheduled` are those with a cron."""
    return fetch_all(Task, get("tasks", state=state))


def task(task_id: str) -> Effects[Task]:
    """Return a background job with its state, its last error and its next run."""
    return fetch(Task, get("tasks", task_id))


def retry_task(task_id: str, *, idempotency_key: str | None = None) -> Effects[Task]:
    """Begin a background job that failed afresh; run one that waits now."""
    return fetch(Task, post("tasks", task_id, "retry", key=idempotency_key))


def remove_task(task_id: str) -> Effects[None]:
    """Remove a background job, or the cron that repeats it."""
    yield from ask(delete("tasks", task_id))


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
) -> Effects[Schedule]:
    """Have a recording submitted whenever `cron` (five fields) says so in the time zone, UTC unless given."""
    job = body(source_url=source_url, session_id=session_id, **details)
    asked = body(cron=cron, time_zone=time_zone, job=job)
    return fetch(Schedule, post("schedules", body=asked, key=idempotency_key))


def schedules() -> Listing[Schedule]:
    """Yield all schedules, with their next and last runs."""
    return fetch_all(Schedule, get("schedules"))


def schedule(schedule_id: str) -> Effects[Schedule]:
    """Return a schedule with its next and its last run."""
    return fetch(Schedule, get("schedules", schedule_id))


def delete_schedule(schedule_id: str) -> Effects[None]:
    """Delete a schedule; the jobs that it submitted go on."""
    yield from ask(delete("schedules", schedule_id))


def health() -> Effects[Health]:
    """Return the state of the API and of its storage, without retries."""
    response = (yield from send(get("health"), tries=1)).response
    if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
        raise_for_problem(response)
    return read(Health, response)
