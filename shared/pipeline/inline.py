"""Run all steps of a job in the caller's process, for scripts and tests: without a host, without waiting in queues.

The rows in storage are written as ever, so a job that breaks off can go on here or in a host.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from threading import local

from shared.domain.job import Job
from shared.domain.message import Message, Receipt, StageMessage
from shared.domain.task import TaskMessage
from shared.pipeline.context import Delivery, Services
from shared.pipeline.execution.advance import advance
from shared.pipeline.execution.dispatch import recall_messages
from shared.pipeline.execution.failure import handle_poison_message
from shared.pipeline.execution.run_step import run_step
from shared.pipeline.registry import job_manager
from shared.pipeline.tasks.run_task import give_up_task, run_task
from shared.storage.ports import QueueFacts, QueueStore, Received, Storage

log = logging.getLogger(__name__)

MAX_DELIVERIES = 5
"""How often a message is delivered, as in host.json."""

PAUSE_SEC = 1.0
"""The pause after the first failed delivery; it doubles with each."""


class InlineQueues:
    """A `QueueStore` that runs what is sent, in the sender's thread and in the order of sending; a delayed
    message goes to the queue behind it."""

    def __init__(self, behind: QueueStore) -> None:
        self.run: Callable[[Message], None] = lambda message: None
        self._behind = behind
        self._mine = local()

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        if delay > timedelta(0):
            return self._behind.send(message, delay)
        running: deque[Message] | None = getattr(self._mine, "running", None)
        if running is not None:
            running.append(message)
        else:
            self._drain(message)
        return Receipt(message.queue, "", "")

    def withdraw(self, receipt: Receipt) -> bool:
        return bool(receipt.message_id) and self._behind.withdraw(receipt)

    def receive(self, queue: str, limit: int, hidden_for: timedelta) -> Sequence[Received]:
        return self._behind.receive(queue, limit, hidden_for)

    def release(self, receipt: Receipt) -> None:
        self._behind.release(receipt)

    def facts(self, queue: str) -> QueueFacts:
        return self._behind.facts(queue)

    def _drain(self, first: Message) -> None:
        waiting = self._mine.running = deque([first])
        try:
            while waiting:
                self.run(waiting.popleft())
        finally:
            self._mine.running = None


def inline_services(services: Services, sleep: Callable[[float], None] = time.sleep) -> Services:
    """Return the same services, with queues that run what is sent."""
    queues = InlineQueues(services.storage.queues)
    kept = {each.name: getattr(services.storage, each.name) for each in fields(Storage)}
    settings = services.settings.model_copy(update={"max_running_jobs_per_org": 0})  # the caller waits for its job
    inline = replace(services, storage=Storage(**{**kept, "queues": queues}), settings=settings)
    queues.run = lambda message: _run(inline, message, sleep)
    return inline


def process_job(services: Services, org_id: str, job_id: str) -> Job:
    """Run all that is left of the job now, even if its time has not come; return it as it is then: ended, unless other
    workers run its steps. Raises NotFound."""
    inline = inline_services(services)
    job = replace(inline.storage.jobs.get(org_id, job_id).value, start_at=None)
    if job.is_runnable:
        recall_messages(services, job)
        advance(inline, job)
    return inline.storage.jobs.get(org_id, job_id).value


def _run(services: Services, message: Message, sleep: Callable[[float], None]) -> None:
    """Deliver the message until it succeeds or becomes a poison message, as the host does."""
    message_id = f"inline-{services.new_id()}"
    for count in range(1, MAX_DELIVERIES + 1):
        try:
            _deliver(services, message, Delivery(message_id, count, caller_retries=True))
            return
        except Exception:
            log.exception("delivery failed", extra={"action": "deliver", "queue": message.queue, "attempt": str(count)})
            if count < MAX_DELIVERIES:
                sleep(PAUSE_SEC * (1 << (count - 1)))
    if isinstance(message, TaskMessage):
        give_up_task(services, job_manager, message)
    elif isinstance(message, StageMessage):
        handle_poison_message(services, message)


def _deliver(services: Services, message: Message, delivery: Delivery) -> None:
    if isinstance(message, TaskMessage):
        run_task(services, job_manager, message, delivery)
    elif isinstance(message, StageMessage):
        run_step(services, message, delivery)
