"""The real pipeline with steps that do nothing, or only wait: what is left is the cost of rows, messages and fan-in.

Workers are threads of this process. They take a queue's message when they are told that one was sent, as the local host
does by its hints, and nothing polls.
"""

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

from shared.domain import job as jobs
from shared.domain.job import Job
from shared.domain.message import QUEUES, Message, Receipt, StageMessage, StepKind
from shared.domain.options import JobOptions
from shared.domain.recording import Recording
from shared.domain.stage import Stage
from shared.pipeline.context import Delivery, Services, StepContext
from shared.pipeline.execution.run_step import run_step
from shared.pipeline.jobs.submit import JobRequest, submit_url
from shared.pipeline.updates import change_job, change_session
from shared.settings import Settings
from shared.storage.ports import Storage
from shared.wiring import build_services

ORG = "local"
HIDDEN_FOR = timedelta(minutes=10)
RECORDING = Recording(
    container="mp4", size_bytes=1, start_sec=0.0, duration_sec=1.0, video=None, audio=None, warnings=()
)
StepKey = tuple[Stage, StepKind]


class HintedQueues:
    """A `QueueStore` that tells the name of the queue of each message that can be received at once."""

    def __init__(self, behind: Any, on_sent: Callable[[str], None]) -> None:
        self._behind = behind
        self._on_sent = on_sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        receipt: Receipt = self._behind.send(message, delay)
        if delay <= timedelta(0):
            self._on_sent(message.queue)
        return receipt


@dataclass
class NoopPipeline:
    """A pipeline over the storage whose download plans `parts`, and whose other steps call `work`, if it is given."""

    storage: Storage
    parts: Mapping[Stage, int]
    skipped: Mapping[Stage, str] = field(default_factory=dict)
    work: Mapping[StepKey, Callable[[StepContext], None]] = field(default_factory=dict)
    ran: Counter[StepKey] = field(default_factory=Counter)
    """How often each step's work ran."""

    def __post_init__(self) -> None:
        self.sent: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        kept = {each.name: getattr(self.storage, each.name) for each in fields(Storage)}
        hinted = HintedQueues(self.storage.queues, self._note)
        settings = Settings(max_running_jobs_per_org=0, messages_ahead=1000, heartbeat_sec=3600, stale_after_sec=7200)
        services = build_services(settings, Storage(**{**kept, "queues": hinted}))
        steps = {(stage, step): self._step for stage in Stage for step in StepKind}
        self.services: Services = replace(services, work=steps, results={})
        self._lock = threading.Lock()

    def submit(self) -> Job:
        """Create a job; its first message is sent."""
        options = JobOptions.from_json({"followCam": True})  # so that every stage has work
        return submit_url(self.services, JobRequest(org_id=ORG, options=options), "https://example.com/talk.mp4")

    def run_one(self) -> StageMessage | None:
        """Wait for a message and run its step; return the message, None for one that another worker took, or when the
        workers are to stop."""
        name = self.sent.get()
        if name is None:
            self.sent.put(None)
            return None
        for received in self.storage.queues.receive(name, 1, HIDDEN_FOR):
            message = StageMessage.from_bytes(received.body)
            run_step(self.services, message, Delivery(received.receipt.message_id, 1))
            self.storage.queues.withdraw(received.receipt)
            return message
        return None

    def run_to_end(self, job: Job) -> Job:
        """Run steps in this thread until the job has ended; return it."""
        while True:
            self.run_one()
            if self.sent.empty():
                return self.storage.jobs.get(job.org_id, job.job_id).value

    @contextmanager
    def workers(self, count: int) -> Iterator[None]:
        """Run steps in so many threads until the block ends."""
        stop = threading.Event()

        def loop() -> None:
            while not stop.is_set():
                self.run_one()

        threads = [threading.Thread(target=loop, daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            self.sent.put(None)
            for thread in threads:
                thread.join()

    def _note(self, name: str) -> None:
        if name in QUEUES.values():
            self.sent.put(name)

    def _step(self, context: StepContext) -> None:
        key = context.message.stage, context.message.step
        with self._lock:
            self.ran[key] += 1
        if context.message.stage is Stage.DOWNLOAD:
            self._plan(context)
        if work := self.work.get(key):
            work(context)

    def _plan(self, context: StepContext) -> None:
        org_id, now = context.job.org_id, self.services.clock()
        change_session(
            self.services,
            org_id,
            context.job.session_id,
            lambda session: session.evolve(recording=RECORDING, sha256="00"),
        )
        change_job(
            self.services,
            org_id,
            context.job.job_id,
            lambda job: jobs.plan_stages(job, self.parts, self.skipped, now),
        )
