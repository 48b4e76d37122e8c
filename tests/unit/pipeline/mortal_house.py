"""A pipeline whose processes die before any write that fate chooses, and what goes on around it: deliveries, the sweep,
time. Whatever is done through `alive` is a process of its own."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from unittest.mock import patch

from shared.domain.errors import NotFound
from shared.domain.message import Message, StageMessage
from shared.domain.task import TaskMessage
from shared.job_status import NEXT, JobStatus
from shared.pipeline.execution.failure import handle_poison_message
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.registry import job_manager
from shared.pipeline.tasks.run_task import give_up_task, run_task
from shared.pipeline.tasks.sweep import sweep_tasks
from shared.storage.memory_blobs import MemoryBlobs
from shared.storage.ports import BlobFacts
from tests.unit.pipeline.conftest import House
from tests.unit.pipeline.task_host import Fate, Killed, MortalQueues, MortalTable

MAX_DELIVERIES = 5
A_TURN = timedelta(seconds=30)


@dataclass
class RandomFate(Fate):
    """Kills the process before each write with some probability, as long as it is `cruel`."""

    chance: float = 0.0
    dice: random.Random = field(default_factory=random.Random)
    cruel: bool = True
    kills: int = 0

    def before_a_write(self) -> None:
        if self.cruel and self.dice.random() < self.chance:
            self.kills += 1
            raise Killed


class MortalBlobs(MemoryBlobs):
    """Blobs whose writer may die before any write."""

    def __init__(self, clock: Callable[[], datetime], fate: Fate) -> None:
        super().__init__(clock)
        self._fate = fate

    def write(self, container: str, name: str, data: bytes, content_type: str) -> BlobFacts:
        self._fate.before_a_write()
        return super().write(container, name, data, content_type)

    def delete(self, container: str, name: str, etag: str | None = None) -> None:
        self._fate.before_a_write()
        super().delete(container, name, etag)

    def discard(self, container: str, name: str) -> None:
        self._fate.before_a_write()
        super().discard(container, name)


@dataclass
class MortalHouse(House):
    """A pipeline over storage that kills; `loses` says whether a dead worker's message is lost or comes again."""

    fate: Fate = field(default_factory=Fate)
    loses: Callable[[], bool] = lambda: False
    doubles: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        with patch("shared.storage.memory.MemoryTable", lambda clock: MortalTable(clock, self.fate)):
            super().__post_init__()
        object.__setattr__(self.storage, "queues", MortalQueues(self._tick, self.fate))
        object.__setattr__(self.storage, "blobs", MortalBlobs(self._tick, self.fate))
        self._numbers = iter(range(1_000_000))

    def alive(self, work: Callable[[], Any]) -> bool:
        """Whether the process that does the work came to its end."""
        try:
            work()
        except Killed:
            return False
        return True

    def live(self, turns: int = 60) -> None:
        """Time goes by until there is nothing to do: the sweep runs and every message is delivered, in processes that
        may die."""
        for _ in range(turns):
            if not self.storage.queues.waiting() and not list(self.storage.jobs.all_active()):
                return
            self.now += A_TURN
            self.alive(lambda: sweep(self.services))
            self.alive(lambda: sweep_tasks(self.services))
            while (message := self.storage.queues.pop()) is not None:
                for _ in range(2 if self.doubles() else 1):
                    self._deliver(message)

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
