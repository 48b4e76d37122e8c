"""Making background jobs' tasks, and sending their messages. Knows nothing of the functions behind them.

A task's row is written before its message is sent. Whoever dies in between leaves a row that the sweep finds.
"""

from datetime import datetime, timedelta
from typing import Any

from shared.domain.errors import NotFound, WriteConflict
from shared.domain.task import Task, TaskMessage, TaskState
from shared.pipeline.context import Services
from shared.storage.ports import MAX_DELAY, Stored

MAX_RESEND_PAUSE = timedelta(hours=1)
"""A message that only waits its turn in a long queue is sent again at growing intervals, up to this one."""

MAX_ID_CHARS = 200


def create_task(services: Services, task: Task) -> Task:
    """Writes the task's row and sends its message; does nothing when a task with its id is there, and returns that."""
    if not 0 < len(task.task_id) <= MAX_ID_CHARS:
        raise ValueError(f"a task's id has 1 to {MAX_ID_CHARS} characters, not {len(task.task_id)}")
    noted = as_sent(services, task)
    try:
        services.storage.tasks.create(noted)
    except WriteConflict:
        return services.storage.tasks.get(task.task_id).value
    _send(services, noted)
    return noted


def send_task(services: Services, stored: Stored[Task], **changes: Any) -> bool:
    """Changes the task and sends a message for it; False when someone else was quicker and nothing was done."""
    noted = as_sent(services, stored.value.evolve(**changes))
    try:
        services.storage.tasks.update(stored, noted)
    except WriteConflict:
        return False
    _send(services, noted)
    return True


def run_task_now(services: Services, task_id: str) -> None:
    """Makes a task that waits for later due now; does nothing for one that is at work, over or gone."""
    try:
        stored = services.storage.tasks.get(task_id)
    except NotFound:
        return
    now = services.clock()
    if stored.value.state is TaskState.WAITING and stored.value.due_at > now:
        send_task(services, stored, due_at=now)


def as_sent(services: Services, task: Task) -> Task:
    """The task with one more message to its account, and with the time when it is to be looked at again."""
    now = services.clock()
    sent = task.evolve(sends=task.sends + 1, sent_at=now)
    stale_after = timedelta(seconds=services.settings.stale_after_sec)
    pause = min(stale_after * (1 << min(task.sends, 16)), max(MAX_RESEND_PAUSE, stale_after))
    return sent.evolve(look_at=now + hidden_for(sent, now) + pause)


def hidden_for(task: Task, now: datetime) -> timedelta:
    """How long a message that is sent now stays hidden; the queue's longest delay may not be enough."""
    return min(max(task.due_at - now, timedelta(0)), MAX_DELAY)


def _send(services: Services, task: Task) -> None:
    message = TaskMessage(task_id=task.task_id, org_id=task.org_id, name=task.name, send=task.sends)
    services.storage.queues.send(message, hidden_for(task, services.clock()))
