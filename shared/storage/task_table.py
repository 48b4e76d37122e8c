"""Background jobs' calls in table `tasks`, a partition each, and in `timeindex` when the sweep looks at which."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from shared.domain.errors import NotFound
from shared.domain.task import Task
from shared.storage.ports import Stored
from shared.storage.rows import Rows
from shared.storage.table import Table
from shared.storage.time_index import TimeIndex

DANGLING_AFTER = timedelta(minutes=10)
"""An entry of the index older than this that its task does not know belongs to a writer that died."""


class TaskTable:
    """A `TaskStore`."""

    def __init__(self, tasks: Table, index: Table, clock: Callable[[], datetime]) -> None:
        self._tasks = Rows(tasks, "tasks", Task, lambda task: (task.task_id, task.task_id), "task")
        self._index = TimeIndex(index, "task")
        self._clock = clock

    def create(self, task: Task) -> Stored[Task]:
        self._index.put(task.look_at, task.org_id, task.task_id)
        return self._tasks.insert(task)

    def get(self, task_id: str) -> Stored[Task]:
        return self._tasks.get(task_id, task_id)

    def update(self, stored: Stored[Task], task: Task) -> Stored[Task]:
        before = stored.value.look_at
        if task.look_at == before:
            return self._tasks.replace(stored, task)
        self._index.put(task.look_at, task.org_id, task.task_id)
        replaced = self._tasks.replace(stored, task)
        self._index.drop(before, task.task_id)
        return replaced

    def delete(self, stored: Stored[Task]) -> None:
        self._tasks.delete(stored)
        self._index.drop(stored.value.look_at, stored.value.task_id)

    def to_look_at(self, limit: int) -> Iterator[Stored[Task]]:
        now = self._clock()
        for entry in self._index.due(now, limit):
            stored = self._find(entry.row_id)
            if stored is not None and stored.value.look_at is not None and stored.value.look_at <= now:
                yield stored
            elif now - entry.written_at > DANGLING_AFTER:
                self._index.drop(entry.at, entry.row_id)

    def _find(self, task_id: str) -> Stored[Task] | None:
        try:
            return self.get(task_id)
        except NotFound:
            return None
