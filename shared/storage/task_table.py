"""Background jobs' calls in table `tasks`, a partition each, and in `timeindex` when the sweep looks at which.

A running task's entry names no time: the sweep looks at all of them, so that a crash is noticed by the heartbeat alone,
also after the clock was put back.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime

from shared.domain.errors import NotFound
from shared.domain.task import Task, TaskState
from shared.storage.ports import Stored
from shared.storage.rows import Rows
from shared.storage.table import Table
from shared.storage.time_index import TimeIndex

MAX_RUNNING = 1000
"""How many running tasks one call looks at; there are no more than workers."""

_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of a running task's entry."""


class TaskTable:
    """A `TaskStore`."""

    def __init__(self, tasks: Table, index: Table, clock: Callable[[], datetime]) -> None:
        self._tasks = Rows(tasks, "tasks", Task, lambda task: (task.task_id, task.task_id), "task")
        self._due = TimeIndex(index, "task")
        self._running = TimeIndex(index, "running-task")
        self._clock = clock

    def create(self, task: Task) -> Stored[Task]:
        self._put_entry(task)
        return self._tasks.insert(task)

    def get(self, task_id: str) -> Stored[Task]:
        return self._tasks.get(task_id, task_id)

    def update(self, stored: Stored[Task], task: Task) -> Stored[Task]:
        if self._entry(task) == self._entry(stored.value):
            return self._tasks.replace(stored, task)
        self._put_entry(task)
        replaced = self._tasks.replace(stored, task)
        self._drop_entry(stored.value)
        return replaced

    def delete(self, stored: Stored[Task]) -> None:
        self._tasks.delete(stored)
        self._drop_entry(stored.value)

    def of_organisations(
        self, org_ids: Collection[str], states: Collection[TaskState] = tuple(TaskState)
    ) -> Iterator[Task]:
        where = {"orgId": org_ids, "state": states}
        return (stored.value for stored in self._tasks.scan_partitions("", where=where))

    def to_look_at(self, limit: int) -> Iterator[Stored[Task]]:
        now = self._clock()
        yield from self._looked_up(self._running, now, MAX_RUNNING)
        yield from self._looked_up(self._due, now, limit)

    def _looked_up(self, index: TimeIndex, now: datetime, limit: int) -> Iterator[Stored[Task]]:
        """Yield the tasks with their latest entry in this index and due; drop entries that their tasks do not know.

        Up to `limit` due entries are looked at. The entry of a task that cannot be read does not count.
        """
        looked_at = 0
        for entry in index.due(now, limit):
            if looked_at == limit:
                return
            try:
                stored = self._tasks.find(entry.row_id, entry.row_id)
            except NotFound:
                looked_at += 1
                index.drop_dangling(entry, now)
                continue
            if stored is None:
                continue
            looked_at += 1
            latest = self._entry(stored.value)
            if latest is not None and latest[0] is index and latest[1] <= now:
                yield stored
            else:
                index.drop_dangling(entry, now)

    def _entry(self, task: Task) -> tuple[TimeIndex, datetime] | None:
        """Return the index that the task is in, and its time there."""
        if task.look_at is not None:
            return self._due, task.look_at
        return (self._running, _ALWAYS) if task.state is TaskState.RUNNING else None

    def _put_entry(self, task: Task) -> None:
        if (entry := self._entry(task)) is not None:
            entry[0].put(entry[1], task.org_id, task.task_id)

    def _drop_entry(self, task: Task) -> None:
        if (entry := self._entry(task)) is not None:
            entry[0].drop(entry[1], task.task_id)
