"""A running task's sign of life: a thread that writes the time to its row, so that the sweep leaves it alone."""

import logging
import threading
from types import TracebackType

from shared.domain.errors import NotFound, RostrumError, WriteConflict
from shared.domain.task import Task
from shared.pipeline.services import Services
from shared.storage.ports import Stored

log = logging.getLogger(__name__)


class TaskHeartbeat:
    """Use as a context manager around the call of a claimed task; `claimed` is its row as last written."""

    def __init__(self, services: Services, claimed: Stored[Task]) -> None:
        self.claimed = claimed
        self._services = services
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="task-heartbeat", daemon=True)

    def __enter__(self) -> "TaskHeartbeat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

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

    def _run(self) -> None:
        while not self._stopped.wait(self._services.settings.stale_after_sec / 6):
            try:
                if not self.beat():
                    return
            except RostrumError as error:
                log.warning("heartbeat failed", extra={"action": "heartbeat", "code": error.code})
            except Exception:  # the thread must outlive whatever storage comes up with
                log.exception("heartbeat failed", extra={"action": "heartbeat"})
