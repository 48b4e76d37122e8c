"""Run a background job behind the trigger of queue `tasks`, once or again, and settle its outcome.

A failed task rests and is sent a new message, so that the host's own count of deliveries sees only crashed workers.
The order of writing is as everywhere: the row, then the message.
"""

import logging
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from shared.domain.errors import MAX_DETAIL_CHARS, FinalError, NotFound, RostrumError, WorkerDied, WriteConflict
from shared.domain.task import Task, TaskMessage, TaskState
from shared.pipeline.context import Delivery, Services
from shared.pipeline.dead_letters import dead_letter_task
from shared.pipeline.lease import CRASHED, claim, is_live, settle
from shared.pipeline.tasks.dispatch import send_task
from shared.pipeline.tasks.heartbeat import TaskHeartbeat, task_rows
from shared.pipeline.tasks.job_manager import BackgroundJob, JobManager, RetryLater
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

EARLY_BY = timedelta(seconds=1)
"""How much earlier than `due_at` a message may come: the queue's clock and ours may differ a little."""

UNKNOWN_PAUSE = timedelta(minutes=5)
"""How long a task waits when this release does not know its job, for a worker of a release that does."""

KEEP_DONE = timedelta(hours=1)
"""How long the row of a task with a chosen id outlives it, so that the task is not created again."""

Outcome = Callable[[Stored[Task]], Stored[Task] | None]
"""Writes what became of a task; raises WriteConflict when its row changed meanwhile."""


def run_task(
    services: Services,
    jobs: JobManager,
    message: TaskMessage,
    delivery: Delivery,
    random: Callable[[], float] = random.random,
) -> None:
    """Run the message's task unless it is over, leased to another delivery, or not due.

    A failure is settled here. Errors of storage are raised, and make the host deliver the message again.
    """
    facts = {"task_id": message.task_id, "org_id": message.org_id, "task": message.name}
    stored = _due_task(services, message)
    if stored is None:
        log.info("message ignored", extra={"action": "ignore", **facts})
        return
    job = jobs.find(stored.value.name)
    if job is None:
        log.warning("unknown background job", extra={"action": "postpone", **facts})
        settle(task_rows(services), stored, _rest(services, UNKNOWN_PAUSE))
        return
    claimed = claim(services, task_rows(services), stored, delivery, _begin)
    if claimed is None:
        log.info("task ignored: another delivery works on it", extra={"action": "ignore", **facts})
        return
    facts["attempt"] = str(claimed.stored.value.attempts)
    if claimed.stored.value.attempts > job.max_attempts:
        settle(task_rows(services), claimed.stored, _dead_letter(services, None))
        return
    _call(services, job, claimed.stored, random, facts)


def give_up_task(services: Services, jobs: JobManager, message: TaskMessage) -> None:
    """Handle a poison message: dead-letter the task if it has no attempts left; otherwise do nothing, the sweep
    enqueues it again."""
    try:
        stored = services.storage.tasks.get(message.task_id)
    except NotFound:
        return
    task, job = stored.value, jobs.find(stored.value.name)
    if task.is_over or job is None or task.attempts < job.max_attempts or is_live(services, task):
        return
    settle(task_rows(services), stored, _dead_letter(services, None))


def _due_task(services: Services, message: TaskMessage) -> Stored[Task] | None:
    """Return the task if it may run now; send one more message, once, for a task that is not due yet."""
    try:
        stored = services.storage.tasks.get(message.task_id)
    except NotFound:
        return None
    task = stored.value
    if task.is_over:
        return None
    if task.state is TaskState.WAITING and task.due_at - services.clock() > EARLY_BY:
        if message.send == task.sends:
            with suppress(WriteConflict):
                send_task(services, stored)
        return None
    return stored


def _begin(task: Task, now: datetime) -> Task | None:
    """Return the task as the next attempt finds it; None when it is over or due later."""
    is_early = task.state is TaskState.WAITING and task.due_at - now > EARLY_BY
    return None if task.is_over or is_early else task.evolve(look_at=None)


def _call(
    services: Services,
    job: BackgroundJob[..., object],
    claimed: Stored[Task],
    random: Callable[[], float],
    facts: dict[str, str],
) -> None:
    heartbeat = TaskHeartbeat(services, claimed)
    log.info("task begins", extra={"action": "begin", **facts})
    outcome: Outcome
    try:
        with heartbeat:
            job.run(services, claimed.value)
    except RetryLater as later:
        log.info("task rests", extra={"action": "rest", **facts})
        outcome = _rest(services, later.delay, attempts=claimed.value.attempts - 1)
    except Exception as error:
        reason = _reason(error)
        last = isinstance(error, FinalError) or claimed.value.attempts >= job.max_attempts
        level = logging.ERROR if last else logging.WARNING
        log.log(level, "task failed", extra={"action": "fail", **facts}, exc_info=error)
        code = error.code if isinstance(error, RostrumError) else RostrumError.code
        if last:
            outcome = _dead_letter(services, reason, code)
        else:
            pause = job.backoff.pause(claimed.value.attempts, random)
            outcome = _rest(services, pause, last_error=reason, error_code=code)
    else:
        log.info("task done", extra={"action": "finish", **facts})
        outcome = _finish(services)
    settle(task_rows(services), heartbeat.claimed, outcome)


def _rest(services: Services, pause: timedelta, **changes: object) -> Outcome:
    due_at = services.clock() + max(pause, timedelta(0))
    return lambda stored: send_task(
        services, stored, state=TaskState.WAITING, owner=None, sends=0, due_at=due_at, **changes
    )


def _dead_letter(services: Services, reason: str | None, code: str | None = None) -> Outcome:
    """Return the outcome that gives the task up: for the reason, else for its latest error, else because its worker
    crashed."""

    def give_up(stored: Stored[Task]) -> Stored[Task]:
        task = stored.value
        told = (reason, code) if reason else (task.last_error or CRASHED, task.error_code or WorkerDied.code)
        return dead_letter_task(services, stored, *told)

    return give_up


def _finish(services: Services) -> Outcome:
    def finish(stored: Stored[Task]) -> Stored[Task] | None:
        if not stored.value.once:
            services.storage.tasks.delete(stored)
            return None
        now = services.clock()
        done = stored.value.evolve(state=TaskState.DONE, owner=None, finished_at=now, look_at=now + KEEP_DONE)
        return services.storage.tasks.update(stored, done)

    return finish


def _reason(error: Exception) -> str:
    text = error.detail if isinstance(error, RostrumError) else f"{type(error).__name__}: {error}"
    return text[:MAX_DETAIL_CHARS]
