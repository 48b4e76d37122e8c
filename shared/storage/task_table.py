"""Background jobs' calls in table `tasks`, a partition each, and in `timeindex` when the sweep looks at which.

A running task's entry names no time: the sweep looks at all of them, so that a crash is noticed by the heartbeat alone,
also after the clock was put back.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from shared.domain.errors import NotFound
from shared.domain.task import Task, TaskState
from shared.storage.ports import Stored
from shared.storage.rows import Rows
from shared.storage.table import Table
from shared.storage.time_index import Entry, TimeIndex

DANGLING_AFTER = timedelta(minutes=10)
"""An entry of the index older than this that its task does not know belongs to a writer that crashed."""

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

    def to_look_at(self, limit: int) -> Iterator[Stored[Task]]:
        now = self._clock()
        yield from self._looked_up(self._running, self._running.due(now, MAX_RUNNING), now)
        yield from self._looked_up(self._due, self._due.due(now, limit), now)

    def _looked_up(self, index: TimeIndex, entries: Iterator[Entry], now: datetime) -> Iterator[Stored[Task]]:
        """Yield the tasks whose latest entry is in this index and due; drop entries that their tasks do not know."""
        for entry in entries:
            stored = self._find(entry.row_id)
            latest = self._entry(stored.value) if stored is not None else None
            if stored is not None and latest is not None and latest[0] is index and latest[1] <= now:
                yield stored
            elif now - entry.written_at > DANGLING_AFTER:
                index.drop(entry.at, entry.row_id)

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

    def _find(self, task_id: str) -> Stored[Task] | None:
        try:
            return self.get(task_id)
        except NotFound:
            return None
