"""The sweep of background jobs: finds tasks whose message got lost or whose worker died, and asks for them again.

It reads only the tasks whose `look_at` has come, however many wait for later.
"""

import logging
from datetime import timedelta

from shared.domain.errors import RostrumError, WriteConflict
from shared.domain.task import Task, TaskState
from shared.pipeline.context import Services
from shared.pipeline.dead_letters import write_task_dead_letter
from shared.pipeline.tasks.dispatch import send_task
from shared.pipeline.tasks.run_task import lease_is_live
from shared.pipeline.tasks.schedules import run_due_schedules
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

MAX_LOOKS = 500
"""How many tasks one run of the sweep looks at."""


def sweep_tasks(services: Services) -> int:
    """Makes the tasks of schedules that are due, then looks after all tasks; returns how many messages were sent again.

    A task that cannot be looked after, for whatever reason, does not keep the others from it.
    """
    run_due_schedules(services)
    resent = 0
    for stored in services.storage.tasks.to_look_at(MAX_LOOKS):
        try:
            resent += _look_after(services, stored)
        except WriteConflict:
            continue  # it is alive
        except RostrumError as error:
            facts = {"action": "sweep", "task_id": stored.value.task_id, "code": error.code}
            log.warning("sweep failed", extra=facts)
        except Exception:
            log.exception("sweep failed", extra={"action": "sweep", "task_id": stored.value.task_id})
    return resent


def _look_after(services: Services, stored: Stored[Task]) -> bool:
    """Whether a message was sent again."""
    task, tasks = stored.value, services.storage.tasks
    if task.state is TaskState.DONE:
        tasks.delete(stored)
        return False
    if task.state is TaskState.FAILED:
        write_task_dead_letter(services, task)
        tasks.update(stored, task.evolve(look_at=None))
        return False
    if lease_is_live(services, task):
        stale_after = timedelta(seconds=services.settings.stale_after_sec)
        tasks.update(stored, task.evolve(look_at=services.clock() + stale_after))
        return False
    log.info("task sent again", extra={"action": "resend", "task_id": task.task_id, "task": task.name})
    return send_task(services, stored)
