"""Make one delivery of a webhook: write it to the log, send it, and decide when the next one is due.

The log decides: how often and since when a task has tried is read from there. Knows nothing of how bytes are sent.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import takewhile
from typing import TypeAlias

from shared.domain.errors import NotFound, WebhooksNotConfigured, WebhookUndelivered
from shared.domain.job import Job
from shared.domain.lease import Backoff
from shared.domain.task import Task
from shared.domain.webhook import DeliveryState, Outcome, WebhookDelivery
from shared.pipeline.context import Services
from shared.pipeline.tasks.job_manager import RetryLater
from shared.pipeline.webhooks.news import News, find_news
from shared.pipeline.webhooks.signature import signature, signing_keys

log = logging.getLogger(__name__)

TRY_FOR = timedelta(hours=24)
"""How long after a task's first delivery its last one is made."""

BACKOFF = Backoff(first=timedelta(seconds=5), most=timedelta(hours=4))

MAX_RETRY_AFTER = timedelta(hours=4)
"""The longest rest that a server can ask for."""

MAX_LOOK_AGAIN_PAUSE = timedelta(minutes=10)

CRASHED = "The process that sent it ended without a word."

Post: TypeAlias = Callable[[str, Mapping[str, str], bytes, datetime], Outcome]
"""Takes an address, headers, a body and the time; returns the outcome."""


def deliver(
    services: Services,
    task: Task,
    org_id: str,
    job_id: str,
    attempt: int,
    post: Post,
    random: Callable[[], float] = random.random,
    warning: str | None = None,
) -> None:
    """Make one delivery of the attempt's end, or of the warning with this code, unless the server has accepted one.

    Raises RetryLater when another one is due later, the target or the organisation rests, or the attempt has not ended,
    and WebhookUndelivered when the last one failed.
    """
    job = _job(services, org_id, job_id)
    if job is None or job.callback_url is None:
        return
    news = find_news(services.storage.jobs, job, attempt, warning)
    if news is None:
        raise RetryLater(_until_next_look(services, task))
    known = list(services.storage.deliveries.of_job(job_id))
    if _is_accepted(known, task, news):
        return
    wait = services.webhook_limit.wait(org_id, job.callback_url, task.task_id, services.clock())
    if wait is not None:
        raise RetryLater(wait)
    series = _series(services, known, task)
    delivery = WebhookDelivery(
        delivery_id=services.new_id(),
        job_id=job_id,
        webhook_id=news.webhook_id,
        attempt=attempt,
        task_id=task.task_id,
        number=len(series) + 1,
        url=job.callback_url,
        sent_at=services.clock(),
    )
    services.storage.deliveries.keep(delivery)
    started = time.monotonic()
    outcome = _send(services, delivery, news.body, post)
    took_sec = time.monotonic() - started
    took, failed = timedelta(seconds=took_sec), outcome.error is not None
    services.webhook_limit.note(org_id, delivery.url, task.task_id, services.clock(), took, failed=failed)
    delivery = delivery.evolve(
        state=DeliveryState.DELIVERED if outcome.error is None else DeliveryState.FAILED,
        status_code=outcome.status_code,
        error=outcome.error,
        duration_sec=took_sec,
        will_retry_at=_next(services, outcome, [*series, delivery], random),
    )
    services.storage.deliveries.keep(delivery)
    services.telemetry.delivered(job, delivery)
    _log(delivery, org_id)
    if _job(services, org_id, job_id) is None:
        return
    if delivery.will_retry_at is not None:
        raise RetryLater(delivery.will_retry_at - services.clock())
    if delivery.was_last and outcome.status_code != HTTPStatus.GONE:  # a server that is gone needs no dead letter
        raise WebhookUndelivered(f"Given up after {delivery.number} deliveries; the last: {delivery.error}")


def next_delivery(
    first: datetime, now: datetime, failures: int, retry_after: timedelta, random: Callable[[], float]
) -> datetime | None:
    """Return when to deliver again after so many failures since the `first`: after the backoff, not before the server
    asks for it, and at last a day after the first; None after that."""
    last = first + TRY_FOR
    if now >= last - BACKOFF.first:
        return None
    rest = max(BACKOFF.pause(failures, random), BACKOFF.first, min(retry_after, MAX_RETRY_AFTER))
    return min(now + rest, last)


def _job(services: Services, org_id: str, job_id: str) -> Job | None:
    """Return the job; None when it was deleted, and then delete its log."""
    try:
        return services.storage.jobs.get(org_id, job_id).value
    except NotFound:
        services.storage.deliveries.delete_of(job_id)
        return None


def _until_next_look(services: Services, task: Task) -> timedelta:
    """Return a growing pause: the worker that wrote the task crashed, or works on the job, which may take hours."""
    waited = services.clock() - task.created_at
    return max(timedelta(seconds=services.settings.stale_after_sec), min(waited / 2, MAX_LOOK_AGAIN_PAUSE))


def _is_accepted(known: Sequence[WebhookDelivery], task: Task, news: News) -> bool:
    """Return whether the server accepted what the task delivers; a redelivery has to be accepted itself."""
    is_first = task.task_id == news.first_task_id
    return any(
        each.state is DeliveryState.DELIVERED
        and each.webhook_id == news.webhook_id
        and (is_first or each.task_id == task.task_id)
        for each in known
    )


def _series(services: Services, known: Sequence[WebhookDelivery], task: Task) -> Sequence[WebhookDelivery]:
    """Return the task's deliveries since it began, or was requeued as a dead letter, oldest first."""
    mine = (each for each in known if each.task_id == task.task_id)
    series = list(takewhile(lambda each: not each.was_last, mine))
    for each in series:
        if each.state is DeliveryState.SENDING:
            crashed = each.evolve(state=DeliveryState.FAILED, error=CRASHED, will_retry_at=services.clock())
            services.storage.deliveries.keep(crashed)
    return series[::-1]


def _send(services: Services, delivery: WebhookDelivery, body: bytes, post: Post) -> Outcome:
    now = services.clock()
    timestamp = int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": delivery.webhook_id,
        "webhook-timestamp": str(timestamp),
    }
    try:
        keys = signing_keys(services.settings)
    except WebhooksNotConfigured as error:  # the secret was taken away after the job was accepted
        return Outcome(error=error.detail)
    if keys:
        headers["webhook-signature"] = signature(keys, delivery.webhook_id, timestamp, body)
    else:
        log.info("webhook is not signed", extra={"action": "sign", "job_id": delivery.job_id})
    return post(delivery.url, headers, body, now)


def _next(
    services: Services, outcome: Outcome, series: Sequence[WebhookDelivery], random: Callable[[], float]
) -> datetime | None:
    if outcome.error is None or outcome.is_hopeless:
        return None
    retry_after = outcome.retry_after or timedelta(0)
    return next_delivery(series[0].sent_at, services.clock(), len(series), retry_after, random)


def _log(delivery: WebhookDelivery, org_id: str) -> None:
    facts = {
        "action": "deliver",
        "job_id": delivery.job_id,
        "org_id": org_id,
        "webhook_id": delivery.webhook_id,
        "attempt": str(delivery.number),
    }
    if delivery.error is None:
        log.info("webhook delivered", extra=facts)
    else:
        log.warning("webhook not delivered", extra={**facts, "detail": delivery.error})
