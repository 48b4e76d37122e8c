"""A worker of background jobs for tests: in-memory storage, a clock that only the test moves, and deaths at will."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain.errors import NotFound
from shared.domain.message import Message, Receipt
from shared.domain.task import TASKS, Task, TaskMessage
from shared.pipeline.context import Services
from shared.pipeline.execution.run_step import Delivery
from shared.pipeline.tasks.job_manager import JobManager
from shared.pipeline.tasks.run_task import run_task
from shared.pipeline.tasks.sweep import sweep_tasks
from shared.settings import Settings
from shared.storage.dead_letter_table import DeadLetterTable
from shared.storage.memory import MemoryStorage
from shared.storage.memory_queues import MemoryQueues
from shared.storage.memory_table import MemoryTable
from shared.storage.schedule_table import ScheduleTable
from shared.storage.table import Row
from shared.storage.task_table import TaskTable

START = datetime(2026, 1, 1, tzinfo=UTC)

MORE_WRITES_THAN_THERE_ARE = 30


class Killed(BaseException):
    """The worker's process ends at this point."""


@dataclass
class Fate:
    """Kills the process before its n-th write from now on."""

    left: int | None = None

    def before_a_write(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise Killed

    def strikes_at(self, write: int, work: Callable[[], Any]) -> bool:
        """Does the work until the write; whether it got that far."""
        self.left = write
        try:
            work()
        except Killed:
            return True
        finally:
            self.left = None
        return False


class MortalTable(MemoryTable):
    """A table whose writer may die before any write."""

    def __init__(self, clock: Callable[[], datetime], fate: Fate) -> None:
        super().__init__(clock)
        self._fate = fate

    def insert(self, row: Row) -> str:
        self._fate.before_a_write()
        return super().insert(row)

    def replace(self, row: Row, etag: str) -> str:
        self._fate.before_a_write()
        return super().replace(row, etag)

    def upsert(self, row: Row) -> None:
        self._fate.before_a_write()
        super().upsert(row)

    def delete(self, partition: str, key: str, etag: str) -> None:
        self._fate.before_a_write()
        super().delete(partition, key, etag)

    def size(self) -> int:
        return len(self._rows)


class MortalQueues(MemoryQueues):
    """Queues whose sender may die before a message is sent."""

    def __init__(self, clock: Callable[[], datetime], fate: Fate) -> None:
        super().__init__(clock)
        self._fate = fate

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        self._fate.before_a_write()
        return super().send(message, delay)


@dataclass
class Host:
    """Services with a clock that only the test moves, and what the Functions host does with messages."""

    now: datetime = START
    jobs: JobManager = field(default_factory=JobManager)
    random: float = 1.0
    deliveries: int = 0

    def __post_init__(self) -> None:
        numbers = iter(range(1_000_000, 0, -1))
        self.fate = Fate()
        self.storage = MemoryStorage(lambda: self.now)
        self.tables = {
            name: MortalTable(lambda: self.now, self.fate) for name in ("tasks", "index", "letters", "plans")
        }
        mortal = {
            "tasks": TaskTable(self.tables["tasks"], self.tables["index"], lambda: self.now),
            "schedules": ScheduleTable(self.tables["plans"], self.tables["index"], lambda: self.now),
            "dead_letters": DeadLetterTable(self.tables["letters"]),
            "queues": MortalQueues(lambda: self.now, self.fate),
        }
        for name, store in mortal.items():
            object.__setattr__(self.storage, name, store)
        self.services = Services(
            storage=self.storage,
            settings=Settings(),
            clock=lambda: self.now,
            new_id=lambda: f"id{next(numbers):07}",
            work={},
        )
        self.jobs.bind(lambda: self.services)

    def deliver(self, message: TaskMessage | None = None) -> bool:
        """Runs one message, the given or the first that can be seen; False when there is none."""
        message = message or self.pop()
        if message is None:
            return False
        self.deliveries += 1
        run_task(self.services, self.jobs, message, Delivery(f"m{self.deliveries}", 1), lambda: self.random)
        return True

    def pop(self) -> TaskMessage | None:
        message = self.storage.queues.pop(TASKS)
        assert message is None or isinstance(message, TaskMessage)
        return message

    def run_all(self) -> int:
        count = 0
        while self.deliver():
            count += 1
        return count

    def live(self, span: timedelta, step: timedelta = timedelta(seconds=30)) -> None:
        """Time goes by, with the sweep and the worker running now and then."""
        end = self.now + span
        while self.now < end:
            self.now = min(self.now + step, end)
            sweep_tasks(self.services)
            self.run_all()

    def task(self, task_id: str) -> Task:
        return self.storage.tasks.get(task_id).value

    def is_gone(self, task_id: str) -> bool:
        try:
            self.task(task_id)
        except NotFound:
            return True
        return False

    def letters(self, org_id: str = "") -> list[str]:
        return [stored.value.reason for stored in self.storage.dead_letters.of_queue(org_id, TASKS)]


def every_death(scenario: Callable[[int], bool]) -> None:
    """Calls the scenario with 1, 2, … until the death does not come any more; there have to be some."""
    deaths = 0
    while scenario(deaths + 1):
        deaths += 1
        assert deaths < MORE_WRITES_THAN_THERE_ARE
    assert deaths > 1
