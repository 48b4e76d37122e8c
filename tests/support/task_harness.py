"""A worker of background jobs for tests: a clock that only the test moves, and crashes at chosen writes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.domain.errors import NotFound
from shared.domain.task import TASK_QUEUES, Task, TaskMessage
from shared.pipeline.context import Delivery, Services
from shared.pipeline.tasks.job_manager import JobManager
from shared.pipeline.tasks.run_task import run_task
from shared.pipeline.tasks.sweep import sweep_tasks
from tests.support.api_harness import settings_with
from tests.support.crashing_storage import CrashingStorage, CrashPoint

START = datetime(2026, 1, 1, tzinfo=UTC)
TASK_TABLES = ("tasks", "timeindex", "deadletters", "schedules")


@dataclass
class TaskHarness:
    """Services with a clock that only the test moves, and what the Functions host does with messages."""

    now: datetime = START
    jobs: JobManager = field(default_factory=JobManager)
    random: float = 1.0
    deliveries: int = 0

    def __post_init__(self) -> None:
        numbers = iter(range(1_000_000, 0, -1))
        self.crash_point = CrashPoint()
        self.crashing = CrashingStorage(lambda: self.now, self.crash_point)
        self.storage = self.crashing.storage
        self.services = Services(
            storage=self.storage,
            settings=settings_with(),
            clock=lambda: self.now,
            new_id=lambda: f"id{next(numbers):07}",
            work={},
            start_thread=lambda thread: None,  # the clock is the test's, so that no heartbeat is ever due
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
        message = self.storage.queues.pop(*TASK_QUEUES)
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

    def rows(self) -> dict[str, int]:
        """Return how many rows the tables of the task queue hold, without those that hold none."""
        sizes = {name: self.crashing.tables[name].size() for name in TASK_TABLES}
        return {name: size for name, size in sizes.items() if size}

    def task(self, task_id: str) -> Task:
        return self.storage.tasks.get(task_id).value

    def is_gone(self, task_id: str) -> bool:
        try:
            self.task(task_id)
        except NotFound:
            return True
        return False

    def letters(self, org_id: str = "") -> list[str]:
        kept = self.storage.dead_letters
        return [stored.value.reason for queue in TASK_QUEUES for stored in kept.of_queue(org_id, queue)]
