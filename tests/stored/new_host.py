"""The application as it is today over a copied storage, with a clock of its own, and a host that delivers messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from fastapi.testclient import TestClient

from shared.api.app import create_app
from shared.domain.job import Job
from shared.domain.message import QUEUES, StageMessage
from shared.domain.task import TASK_QUEUES, TaskMessage
from shared.pipeline.context import Services
from shared.pipeline.execution.failure import handle_poison_message
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.housekeeping.clean_up import schedule_clean_up
from shared.pipeline.registry import job_manager
from shared.pipeline.tasks.dispatch import forwarded
from shared.pipeline.tasks.run_task import give_up_task, run_task
from shared.pipeline.tasks.sweep import sweep_tasks
from shared.settings import Settings
from shared.storage.ports import Received, Storage, poison_queue
from shared.wiring import build_services
from tests.stored.recordings import RecordingServer
from tests.stored.stored_copy import StoredCopy

ORG = "local"
PART_SEC = 10.0
HIDDEN_FOR = timedelta(minutes=10)
A_TURN_SEC = 30
QUIET_TURNS = 4
"""After so many turns in which nothing was delivered, everything that was to come has come: a lease is over by then."""

MOST_TURNS = 80


@dataclass
class Clock:
    """A time that goes on by a millisecond each time it is asked for, and that the host moves."""

    now: datetime

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)


@dataclass
class NewHost:
    """Timers, queues and the API over one storage."""

    copy: StoredCopy
    server: RecordingServer
    clock: Clock
    services: Services
    api: TestClient
    numbers: Iterator[int] = field(default_factory=count)

    def settle(self) -> None:
        """Let time go by, with the timer's and the queues' triggers at work, until there is nothing left to do."""
        quiet = 0
        for _ in range(MOST_TURNS):
            self.clock.advance(A_TURN_SEC)
            schedule_clean_up(self.services)
            sweep_tasks(self.services)
            sweep(self.services)
            quiet = 0 if self._deliver_all() else quiet + 1
            if quiet == QUIET_TURNS:
                return
        raise AssertionError(f"after {MOST_TURNS} turns messages are still sent")

    def _deliver_all(self) -> int:
        """Deliver every message that can be seen; return how many that were."""
        delivered = 0
        for queue in (*QUEUES.values(), *TASK_QUEUES):
            for name in (queue, poison_queue(queue)):
                while received := self.services.storage.queues.receive(name, 1, HIDDEN_FOR):
                    self._deliver(received[0], is_poison=name != queue)
                    delivered += 1
        return delivered

    def _deliver(self, received: Received, *, is_poison: bool) -> None:
        """Do what the trigger of the message's queue does; the host deletes a message whose trigger returned."""
        delivery = Delivery(f"delivered-{next(self.numbers)}", 1)
        queue = received.receipt.queue.removesuffix("-poison")
        if queue in TASK_QUEUES:
            task = TaskMessage.from_bytes(received.body)
            if is_poison:
                give_up_task(self.services, job_manager, task)
            elif not forwarded(self.services, task, queue):
                run_task(self.services, job_manager, task, delivery, lambda: 0.5)
        else:
            step = StageMessage.from_bytes(received.body)
            if is_poison:
                handle_poison_message(self.services, step)
            else:
                run_step(self.services, step, delivery, lambda: 0.5)
        self.services.storage.queues.withdraw(received.receipt)

    def id_of(self, name: str, kind: str = "jobId") -> str:
        """Return an id of the state of this name."""
        return self.copy.names[name][kind]

    def job(self, name: str) -> Job:
        """Return the job of the state of this name as it is now."""
        return self.services.storage.jobs.get(ORG, self.id_of(name)).value

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON that the API answers."""
        return self.call("GET", path, params=query)

    def call(self, method: str, path: str, **request: Any) -> Any:
        """Return the JSON that the API answers; fail unless it is a success."""
        answer = self.api.request(method, path, **request)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


@contextmanager
def new_host(
    copy: StoredCopy, server: RecordingServer, storage: Storage, clock: Clock, settings: Settings
) -> Iterator[NewHost]:
    """Run today's application over the storage."""
    services = replace(build_services(settings, storage), clock=clock)
    with TestClient(create_app(services), base_url="http://api.localhost") as api:
        yield NewHost(copy, server, clock, services, api)
