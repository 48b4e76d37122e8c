"""Sweep tasks: enqueue again those that lost their message or their worker.

It reads only running tasks and those that are due by `look_at`, however many wait for later.
"""

import logging

from shared.domain.errors import RostrumError, WriteConflict
from shared.domain.task import Task, TaskState
from shared.pipeline.context import Services
from shared.pipeline.dead_letters import write_task_dead_letter
from shared.pipeline.lease import stale_after
from shared.pipeline.tasks.dispatch import send_task
from shared.pipeline.tasks.schedules import run_due_schedules
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

MAX_LOOKS = 500
"""How many tasks that are not running one run of the sweep looks at."""


def sweep_tasks(services: Services) -> int:
    """Create the tasks of due schedules, then sweep all tasks; return how many messages were sent again.

    A task that cannot be swept is logged and skipped.
    """
    run_due_schedules(services)
    resent = 0
    for stored in services.storage.tasks.to_look_at(MAX_LOOKS):
        try:
            resent += _look_after(services, stored)
        except WriteConflict:
            continue  # a worker changed it meanwhile
        except RostrumError as error:
            facts = {"action": "sweep", "task_id": stored.value.task_id, "code": error.code}
            log.warning("sweep failed", extra=facts)
        except Exception:
            log.exception("sweep failed", extra={"action": "sweep", "task_id": stored.value.task_id})
    return resent


def _look_after(services: Services, stored: Stored[Task]) -> bool:
    """Return whether a message was sent again."""
    task, tasks = stored.value, services.storage.tasks
    if task.state is TaskState.DONE:
        tasks.delete(stored)
        return False
    if task.state is TaskState.FAILED:
        write_task_dead_letter(services, task)
        tasks.update(stored, task.evolve(look_at=None))
        return False
    if task.state is TaskState.RUNNING and not task.is_lost(services.clock(), stale_after(services)):
        if task.look_at is not None:  # an earlier release claimed it
            tasks.update(stored, task.evolve(look_at=None))
        return False
    log.info("task sent again", extra={"action": "resend", "task_id": task.task_id, "task": task.name})
    send_task(services, stored)
    return True
