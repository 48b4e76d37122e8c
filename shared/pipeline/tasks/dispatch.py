"""Create tasks and send their messages; knows nothing of the functions behind them.

A task's row is written before its message is sent, so that a crash in between leaves a row that the sweep finds.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from shared.domain.errors import NotFound, WriteConflict
from shared.domain.lease import resend_pause
from shared.domain.task import Task, TaskMessage, TaskState
from shared.pipeline.context import Services
from shared.pipeline.lease import stale_after
from shared.storage.ports import MAX_DELAY, Stored

MAX_ID_CHARS = 200


def create_task(services: Services, task: Task) -> Task:
    """Write the task's row and send its message; return the task that has this id already, if there is one."""
    if not 0 < len(task.task_id) <= MAX_ID_CHARS:
        raise ValueError(f"a task's id has 1 to {MAX_ID_CHARS} characters, not {len(task.task_id)}")
    noted = as_sent(services, task)
    try:
        services.storage.tasks.create(noted)
    except WriteConflict:
        return services.storage.tasks.get(task.task_id).value
    _send(services, noted)
    return noted


def send_task(services: Services, stored: Stored[Task], **changes: Any) -> Stored[Task]:
    """Change the task and send a message for it; raise WriteConflict, and send nothing, when it changed meanwhile."""
    written = services.storage.tasks.update(stored, as_sent(services, stored.value.evolve(**changes)))
    _send(services, written.value)
    return written


def run_task_now(services: Services, task_id: str) -> None:
    """Make a waiting task due now; do nothing for a task that is running, over or missing."""
    with suppress(NotFound, WriteConflict):
        stored = services.storage.tasks.get(task_id)
        now = services.clock()
        if stored.value.state is TaskState.WAITING and stored.value.due_at > now:
            send_task(services, stored, due_at=now)


def forwarded(services: Services, message: TaskMessage, queue: str) -> bool:
    """Send a message that an earlier release sent to another queue to the one of its job; return whether it was sent.

    A crash after it leaves two messages of one task, of which one finds the task leased or over.
    """
    if message.queue == queue:
        return False
    services.storage.queues.send(message)
    return True


def restart_task(services: Services, stored: Stored[Task]) -> Stored[Task]:
    """Begin a failed task afresh, with all its attempts; raise WriteConflict when it changed meanwhile."""
    return send_task(
        services,
        stored,
        state=TaskState.WAITING,
        attempts=0,
        sends=0,
        due_at=services.clock(),
        finished_at=None,
        letter_id=None,
    )


def as_sent(services: Services, task: Task) -> Task:
    """Return the task with one more message to its account, and with the time when the sweep looks at it again."""
    now = services.clock()
    received_at, sends = now + hidden_for(task, now), task.sends + 1
    look_at: datetime | None = received_at + resend_pause(sends, stale_after(services))
    if task.state is TaskState.RUNNING:
        look_at = None  # every sweep looks at it
    return task.evolve(sends=sends, sent_at=received_at, look_at=look_at)


def hidden_for(task: Task, now: datetime) -> timedelta:
    """Return how long a message that is sent now stays hidden; the queue's longest delay may not be enough."""
    return min(max(task.due_at - now, timedelta(0)), MAX_DELAY)


def _send(services: Services, task: Task) -> None:
    message = TaskMessage(task_id=task.task_id, org_id=task.org_id, name=task.name, send=task.sends)
    services.storage.queues.send(message, hidden_for(task, services.clock()))
