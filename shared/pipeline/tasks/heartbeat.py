"""Renew a running task's lease from a thread, so that the sweep leaves the task alone."""

from shared.domain.errors import NotFound
from shared.domain.task import Task
from shared.pipeline.context import Services
from shared.pipeline.lease import LeaseStore, PeriodicThread, renew
from shared.storage.ports import Stored


def task_rows(services: Services) -> LeaseStore[Task]:
    """Return how tasks are read and written for `shared.pipeline.lease`."""
    tasks = services.storage.tasks
    return LeaseStore(lambda task: tasks.get(task.task_id), tasks.update)


class TaskHeartbeat(PeriodicThread):
    """Use as a context manager around the call of a claimed task."""

    def __init__(self, services: Services, claimed: Stored[Task]) -> None:
        super().__init__(services.settings.stale_after_sec / 6, services.start_thread)
        self.claimed = claimed
        """The task's row as this delivery last wrote it."""
        self._services = services

    def beat(self) -> bool:
        """Renew the lease; return False when it was lost."""
        try:
            renewed = renew(task_rows(self._services), self.claimed, self._services.clock())
        except NotFound:
            return False
        if renewed is None:
            return False
        self.claimed = renewed
        return True

    def _go_on(self) -> bool:
        return self.beat()
