"""A running task's sign of life: a thread that writes the time to its row, so that the sweep leaves it alone."""

from shared.domain.errors import NotFound, WriteConflict
from shared.domain.task import Task
from shared.pipeline.context import Services
from shared.pipeline.periodic_thread import PeriodicThread
from shared.storage.ports import Stored


class TaskHeartbeat(PeriodicThread):
    """Use as a context manager around the call of a claimed task; `claimed` is its row as last written."""

    def __init__(self, services: Services, claimed: Stored[Task]) -> None:
        super().__init__(services.settings.stale_after_sec / 6)
        self.claimed = claimed
        self._services = services

    def beat(self) -> bool:
        """Writes the time; False when another delivery took the task over."""
        task, tasks = self.claimed.value, self._services.storage.tasks
        try:
            self.claimed = tasks.update(self.claimed, task.evolve(heartbeat_at=self._services.clock()))
        except NotFound:
            return False
        except WriteConflict:
            current = tasks.get(task.task_id)
            if current.value.owner != task.owner:
                return False
            self.claimed = current  # the sweep looked; the next beat tells
        return True

    def _go_on(self) -> bool:
        return self.beat()
