"""One lease for steps and tasks: a crashed worker's row is enqueued again as soon, although the clock was moved."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import pytest

from shared.domain.lease import MAX_RESEND_PAUSE, Backoff, resend_pause
from shared.domain.message import QUEUES, StageMessage, StepKind
from shared.domain.stage import Stage
from shared.domain.task import TASKS, TaskMessage
from shared.pipeline.context import Delivery, Services, StepContext
from shared.pipeline.execution.run_step import run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.jobs.submit import JobRequest, submit_url
from shared.pipeline.tasks.job_manager import JobManager
from shared.pipeline.tasks.run_task import run_task
from shared.pipeline.tasks.sweep import sweep_tasks
from shared.settings import Settings
from shared.storage.memory import MemoryStorage

TIMER = timedelta(seconds=15)
HOUR = timedelta(hours=1)
STALE_AFTER = timedelta(seconds=30)
EQUAL = 0.5
"""A random number in the middle."""


class Crash(BaseException):
    """The worker's process ends here."""


class Laptop:
    """Services with a clock that the test moves, whose workers crash at work."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.storage = MemoryStorage(lambda: self.now)
        self.jobs = JobManager()
        numbers = count(1)
        self.services = Services(
            storage=self.storage,
            settings=Settings(heartbeat_sec=3600, stale_after_sec=STALE_AFTER.total_seconds()),
            clock=lambda: self.now,
            new_id=lambda: f"id{next(numbers)}",
            work={(Stage.DOWNLOAD, StepKind.PART): self.crash},
        )

    def crash(self, context: StepContext) -> None:
        raise Crash

    def crash_in_a_step(self) -> None:
        submit_url(self.services, JobRequest(org_id="acme"), "https://example.com/talk.mp4")
        message = self.storage.queues.pop(*QUEUES.values())
        assert isinstance(message, StageMessage)
        with pytest.raises(Crash):
            run_step(self.services, message, Delivery("hidden for ten minutes", 1))

    def crash_in_a_task(self) -> None:
        def work() -> None:
            raise Crash

        self.jobs.job(work).using(self.services).delay()
        message = self.storage.queues.pop(TASKS)
        assert isinstance(message, TaskMessage)
        with pytest.raises(Crash):
            run_task(self.services, self.jobs, message, Delivery("hidden for ten minutes", 1))

    def delay_until_enqueued(self) -> timedelta:
        """Sweep at intervals until a message is sent; return how long that took."""
        began = self.now
        while self.now - began < 2 * HOUR:
            self.now += TIMER
            if sweep(self.services) + sweep_tasks(self.services):
                return self.now - began
        raise AssertionError("no message was sent again")


@pytest.mark.parametrize("crash", [Laptop.crash_in_a_step, Laptop.crash_in_a_task], ids=["step", "task"])
@pytest.mark.parametrize("moved", [timedelta(0), -HOUR, HOUR], ids=["honest", "put back", "put forward"])
def test_a_crashed_worker_is_followed_by_another_soon(crash: Callable[[Laptop], None], moved: timedelta) -> None:
    laptop = Laptop()
    crash(laptop)
    laptop.now += moved
    assert laptop.delay_until_enqueued() <= STALE_AFTER


@pytest.mark.parametrize("crash", [Laptop.crash_in_a_step, Laptop.crash_in_a_task], ids=["step", "task"])
def test_a_row_that_is_swept_in_vain_is_swept_less_and_less(crash: Callable[[Laptop], None]) -> None:
    laptop = Laptop()
    crash(laptop)
    delays = [laptop.delay_until_enqueued() for _ in range(5)]
    assert delays == [STALE_AFTER, 4 * STALE_AFTER, 16 * STALE_AFTER, 64 * STALE_AFTER, HOUR]


@pytest.mark.parametrize("crash", [Laptop.crash_in_a_step, Laptop.crash_in_a_task], ids=["step", "task"])
def test_a_live_lease_is_left_alone(crash: Callable[[Laptop], None]) -> None:
    laptop = Laptop()
    crash(laptop)
    laptop.now += STALE_AFTER - timedelta(seconds=1)
    assert sweep(laptop.services) + sweep_tasks(laptop.services) == 0


def test_the_backoff_doubles_up_to_a_bound_and_half_of_it_is_random() -> None:
    backoff = Backoff(first=timedelta(seconds=10), most=timedelta(seconds=45))
    assert [backoff.pause(failures, lambda: 1.0).total_seconds() for failures in range(1, 6)] == [10, 20, 40, 45, 45]
    assert backoff.pause(2, lambda: 0.0).total_seconds() == 10
    assert backoff.pause(2, lambda: EQUAL).total_seconds() == 15


def test_resend_pauses_grow_up_to_a_bound() -> None:
    pauses = [resend_pause(sends, STALE_AFTER) for sends in range(1, 30)]
    assert pauses[0] == STALE_AFTER
    assert all(earlier <= later for earlier, later in pairwise(pauses))
    assert pauses[-1] == MAX_RESEND_PAUSE
    assert resend_pause(5, 2 * HOUR) == 2 * HOUR
