"""The use case behind the trigger of queue `tasks`: run a background job, once or again, and settle what comes of it.

A failed task rests and is asked for again by a new message, so that the host's own count of deliveries sees only
workers that died. The order of writing is as everywhere: the row, then the message.
"""

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.domain.errors import MAX_DETAIL_CHARS, FinalError, NotFound, RostrumError, WriteConflict
from shared.domain.task import Task, TaskMessage, TaskState
from shared.pipeline.context import Services
from shared.pipeline.dead_letters import dead_letter_task
from shared.pipeline.execution.run_step import Delivery
from shared.pipeline.tasks.dispatch import send_task
from shared.pipeline.tasks.heartbeat import TaskHeartbeat
from shared.pipeline.tasks.job_manager import BackgroundJob, JobManager, RetryLater
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

EARLY_BY = timedelta(seconds=1)
"""The queue's clock and ours may differ a little."""

UNKNOWN_PAUSE = timedelta(minutes=5)
"""A task whose job this release does not know waits for one that does."""

KEEP_DONE = timedelta(hours=1)
"""How long the row of a task with a chosen id outlives it, so that nobody makes it again."""

DIED = "The process that ran it ended without a word; it may have run out of memory."

Settle = Callable[[Stored[Task]], bool]
"""Writes what became of a task; False when someone else changed its row meanwhile."""


def run_task(
    services: Services,
    jobs: JobManager,
    message: TaskMessage,
    delivery: Delivery,
    random: Callable[[], float] = random.random,
) -> None:
    """Runs the message's task unless it is done, dead, in other hands or not due. What goes wrong is settled here; what
    this raises is storage's, and makes the host deliver the message again."""
    facts = {"task_id": message.task_id, "org_id": message.org_id, "task": message.name}
    stored = _waiting(services, message)
    if stored is None:
        log.info("message ignored", extra={"action": "ignore", **facts})
        return
    job = jobs.find(stored.value.name)
    if job is None:
        log.warning("unknown background job", extra={"action": "postpone", **facts})
        _postpone(services, stored, services.clock() + UNKNOWN_PAUSE)
        return
    claimed = _claim(services, stored, delivery)
    if claimed is None:
        log.info("task is in other hands", extra={"action": "ignore", **facts})
        return
    facts["attempt"] = str(claimed.value.attempts)
    if claimed.value.attempts > job.max_attempts:
        _settle(services, claimed, lambda row: dead_letter_task(services, row, row.value.last_error or DIED))
        return
    _call(services, job, claimed, random, facts)


def give_up_task(services: Services, jobs: JobManager, message: TaskMessage) -> None:
    """The host delivered the message as often as it may: workers died of it, or storage failed again and again.

    The row decides: a task that may be tried again is left to the sweep, which asks for it.
    """
    try:
        stored = services.storage.tasks.get(message.task_id)
    except NotFound:
        return
    task, job = stored.value, jobs.find(stored.value.name)
    if task.is_over or job is None or task.attempts < job.max_attempts or lease_is_live(services, task):
        return
    _settle(services, stored, lambda row: dead_letter_task(services, row, row.value.last_error or DIED))


def lease_is_live(services: Services, task: Task) -> bool:
    """Whether some worker is at work on the task."""
    now, stale_after = services.clock(), timedelta(seconds=services.settings.stale_after_sec)
    return task.state is TaskState.RUNNING and now - (task.heartbeat_at or now) < stale_after


def _waiting(services: Services, message: TaskMessage) -> Stored[Task] | None:
    """The task if it may run now; one that is not due yet is asked for again, once."""
    try:
        stored = services.storage.tasks.get(message.task_id)
    except NotFound:
        return None
    task = stored.value
    if task.is_over:
        return None
    if task.state is TaskState.WAITING and task.due_at - services.clock() > EARLY_BY:
        if message.send == task.sends:
            send_task(services, stored)
        return None
    return stored


def _postpone(services: Services, stored: Stored[Task], until: datetime) -> None:
    send_task(services, stored, state=TaskState.WAITING, owner=None, sends=0, due_at=until)


def _claim(services: Services, stored: Stored[Task], delivery: Delivery) -> Stored[Task] | None:
    """Makes this delivery the task's owner; None when it is over or due later, and while another message's delivery
    works on it and shows life. A later delivery of the owner's own message takes over at once: the first one died."""
    while True:
        task, now = stored.value, services.clock()
        others = (task.owner or "").partition(":")[0] != delivery.message_id
        waits = task.state is TaskState.WAITING and task.due_at - now > EARLY_BY
        if waits or task.is_over or (others and lease_is_live(services, task)):
            return None
        claimed = task.evolve(
            state=TaskState.RUNNING, owner=delivery.owner, attempts=task.attempts + 1, heartbeat_at=now
        )
        try:
            return services.storage.tasks.update(stored, claimed)
        except WriteConflict:
            stored = services.storage.tasks.get(task.task_id)


def _call(
    services: Services,
    job: BackgroundJob[..., object],
    claimed: Stored[Task],
    random: Callable[[], float],
    facts: dict[str, str],
) -> None:
    heartbeat = TaskHeartbeat(services, claimed)
    log.info("task begins", extra={"action": "begin", **facts})
    settle: Settle
    try:
        with heartbeat:
            job.run(services, claimed.value)
    except RetryLater as later:
        log.info("task rests", extra={"action": "rest", **facts})
        settle = _rest(services, later.delay, attempts=claimed.value.attempts - 1)
    except Exception as error:
        reason = _reason(error)
        last = isinstance(error, FinalError) or claimed.value.attempts >= job.max_attempts
        level = logging.ERROR if last else logging.WARNING
        log.log(level, "task failed", extra={"action": "fail", **facts}, exc_info=error)
        if last:
            settle = _bury(services, reason)
        else:
            pause = job.backoff.pause(claimed.value.attempts, random)
            settle = _rest(services, pause, last_error=reason)
    else:
        log.info("task done", extra={"action": "finish", **facts})
        settle = _finish(services)
    _settle(services, heartbeat.claimed, settle)


def _settle(services: Services, claimed: Stored[Task], settle: Settle) -> None:
    """Writes the outcome as long as this delivery owns the task: a newer owner's outcome counts, not ours."""
    stored = claimed
    try:
        while stored.value.owner == claimed.value.owner and not settle(stored):
            stored = services.storage.tasks.get(stored.value.task_id)
    except NotFound:
        return


def _rest(services: Services, pause: timedelta, **changes: object) -> Settle:
    due_at = services.clock() + max(pause, timedelta(0))
    return lambda stored: send_task(
        services, stored, state=TaskState.WAITING, owner=None, sends=0, due_at=due_at, **changes
    )


def _bury(services: Services, reason: str) -> Settle:
    return lambda stored: dead_letter_task(services, stored, reason)


def _finish(services: Services) -> Settle:
    def finish(stored: Stored[Task]) -> bool:
        now = services.clock()
        done = stored.value.evolve(state=TaskState.DONE, owner=None, finished_at=now, look_at=now + KEEP_DONE)
        try:
            if stored.value.once:
                services.storage.tasks.update(stored, done)
            else:
                services.storage.tasks.delete(stored)
        except WriteConflict:
            return False
        return True

    return finish


def _reason(error: Exception) -> str:
    text = error.detail if isinstance(error, RostrumError) else f"{type(error).__name__}: {error}"
    return text[:MAX_DETAIL_CHARS]
