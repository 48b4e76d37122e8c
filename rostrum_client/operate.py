"""Running Rostrum: its queues, its schedules, and whether it works."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rostrum_client.models import Health, QueueInfo, Schedule
from rostrum_client.steps import Listing, Steps, ask, fetch, fetch_all, send
from rostrum_client.wire import body, delete, get, post, raise_for_problem, read


def queue_info() -> Steps[QueueInfo]:
    """What waits in the queues, and how many jobs there are in each status."""
    return fetch(QueueInfo, get("jobs", "queue-info"))


def requeue_poison(queue: str, *, idempotency_key: str | None = None) -> Steps[int]:
    """Put a queue's dead letters back; gives how many. Needs the scope `admin`."""
    answer = yield from fetch(dict[str, int], post("jobs", "poison", queue, "requeue", key=idempotency_key))
    return answer["requeued"]


def create_schedule(
    cron: str, job: Mapping[str, Any], *, time_zone: str | None = None, idempotency_key: str | None = None
) -> Steps[Schedule]:
    """Have a job submitted whenever `cron` (five fields) says so; `job` is the body of `POST /jobs`."""
    asked = body(cron=cron, time_zone=time_zone, job=job)
    return fetch(Schedule, post("schedules", body=asked, key=idempotency_key))


def schedules() -> Listing[Schedule]:
    """All schedules, with their next and last runs."""
    return fetch_all(Schedule, get("schedules"))


def delete_schedule(schedule_id: str) -> Steps[None]:
    """No more jobs by this schedule; those that it submitted go on."""
    yield from ask(delete("schedules", schedule_id))


def health() -> Steps[Health]:
    """Whether the API and its storage answer, without trying again."""
    response = (yield from send(get("health"), tries=1)).response
    if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
        raise_for_problem(response)
    return read(Health, response)
