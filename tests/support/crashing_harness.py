"""A pipeline whose processes crash before chosen writes, and what goes on around it: deliveries, the sweep, time.

What is done through `alive` is a process of its own.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

from shared.domain.errors import NotFound
from shared.domain.message import Message, StageMessage, StepKind
from shared.domain.stage import Stage
from shared.domain.task import TaskMessage
from shared.job_status import NEXT, JobStatus
from shared.pipeline.context import Delivery
from shared.pipeline.execution.failure import handle_poison_message
from shared.pipeline.execution.run_step import run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.registry import job_manager
from shared.pipeline.tasks.run_task import give_up_task, run_task
from shared.pipeline.tasks.sweep import sweep_tasks
from shared.storage.memory import MemoryStorage
from tests.support.crashing_storage import CrashingStorage, CrashPoint, ProcessKilled, StorageSnapshot
from tests.support.pipeline_harness import PipelineHarness, Work

MAX_DELIVERIES = 5
A_TURN = timedelta(seconds=30)


@dataclass(frozen=True)
class Moment:
    """A moment at which a process begins, in a run without a crash."""

    writes: int
    """How many writes there were before."""

    storage: StorageSnapshot
    now: datetime
    ran: Counter[tuple[str, str, int]]
    instead: dict[tuple[Stage, StepKind], Work]
    begin: Callable[[], object]
    """What the process does."""


@dataclass
class CrashingHarness(PipelineHarness):
    """A pipeline over storage that kills; `loses` says whether a crashed worker's message is lost or redelivered."""

    crash_point: CrashPoint = field(default_factory=CrashPoint)
    loses: Callable[[], bool] = lambda: False
    doubles: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._numbers = iter(range(1_000_000))
        self._moments: list[Moment] | None = None
        self._first_write: int | None = None
        self._last_write: int | None = None

    def _make_storage(self) -> MemoryStorage:
        self.crashing = CrashingStorage(self._tick, self.crash_point)
        return self.crashing.storage

    def crash_everywhere(self, begin: Callable[[], object], then: Callable[[], object] | None = None) -> Iterator[int]:
        """Do `begin` and live on without a crash, then yield after a run for every write, with a crash before it.

        A run with a crash begins at the moment at which the process of that write began, not at the beginning. `then`
        is done after everything came to rest, and is followed by more life. After `crash_from_here`, only the writes
        behind it count, and those before `crash_to_here`.
        """
        moments = self._moments = []
        self._first_write = self._last_write = None
        self._step(begin)
        self.live()
        first = len(moments)
        if then is not None:
            self._step(then)
            self.live()
        self._moments = None
        ends = [moment.writes for moment in moments[1:]] + [self.crash_point.writes]
        for number, (moment, end) in enumerate(zip(moments, ends, strict=True)):
            last = end if self._last_write is None else min(end, self._last_write)
            for write in range(max(moment.writes, self._first_write or 0) + 1, last + 1):
                self.crashing.restore(moment.storage)
                self.now, self.ran, self.instead = moment.now, moment.ran.copy(), dict(moment.instead)
                self.crash_point.left = write - moment.writes
                moment.begin()
                assert self.crash_point.left <= 0
                self._deliver_all()
                self.live()
                if then is not None and number < first:
                    then()
                    self.live()
                yield write

    def crash_from_here(self) -> None:
        """Have `crash_everywhere` leave out the writes before this moment of the run without a crash."""
        if self._moments is not None and self._first_write is None:
            self._first_write = self.crash_point.writes

    def crash_to_here(self) -> None:
        """Have `crash_everywhere` leave out the writes after this moment of the run without a crash."""
        if self._moments is not None and self._last_write is None:
            self._last_write = self.crash_point.writes

    def _step(self, begin: Callable[[], object]) -> None:
        if self._moments is not None:
            storage = self.crashing.snapshot()
            kept = self.ran.copy(), dict(self.instead)
            self._moments.append(Moment(self.crash_point.writes, storage, self.now, *kept, begin))
        begin()

    def alive(self, work: Callable[[], object]) -> bool:
        """Do the work in a process of its own; return whether it came to its end."""
        try:
            work()
        except ProcessKilled:
            return False
        return True

    def live(self, turns: int = 60) -> None:
        """Let time go by until there is nothing to do: the sweep runs and every message is delivered, in processes that
        may crash."""
        for _ in range(turns):
            if not self.storage.queues.waiting() and not list(self.storage.jobs.all_active()):
                return
            self.now += A_TURN
            self._step(lambda: self.alive(lambda: sweep(self.services)))
            self._step(lambda: self.alive(lambda: sweep_tasks(self.services)))
            self._deliver_all()

    def _deliver_all(self) -> None:
        while (message := self.storage.queues.pop()) is not None:
            for _ in range(2 if self.doubles() else 1):
                self._step(partial(self._deliver, message))

    def _deliver(self, message: Message) -> None:
        message_id = f"m{next(self._numbers)}"
        for count in range(1, MAX_DELIVERIES + 1):
            if self.alive(lambda: self._run(message, Delivery(message_id, count))):  # noqa: B023  called at once
                return
            if self.loses():
                return
        self.alive(lambda: self._give_up(message))

    def _run(self, message: Message, delivery: Delivery) -> None:
        if isinstance(message, StageMessage):
            run_step(self.services, message, delivery)
        elif isinstance(message, TaskMessage):
            run_task(self.services, job_manager, message, delivery)

    def _give_up(self, message: Message) -> None:
        if isinstance(message, StageMessage):
            handle_poison_message(self.services, message)
        elif isinstance(message, TaskMessage):
            give_up_task(self.services, job_manager, message)

    def history(self, org_id: str, job_id: str) -> list[JobStatus]:
        """The job's statuses in order, from its event log; fails unless the log has no gaps and the moves are legal."""
        events = self.storage.jobs.events(org_id, job_id)
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        statuses = [event.status for event in events]
        moves = [(one, other) for one, other in pairwise(statuses) if one is not other]
        for one, other in moves:
            begins_again = one.may_begin_again and other is JobStatus.CREATED
            assert other in NEXT[one] or begins_again, f"{one} became {other}"
        return [statuses[0], *(other for _, other in moves)]

    def exists(self, org_id: str, job_id: str) -> bool:
        try:
            self.storage.jobs.get(org_id, job_id)
        except NotFound:
            return False
        return True
