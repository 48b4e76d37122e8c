"""A pipeline over the in-memory storage, with a clock that the test moves."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from shared.domain import job as jobs
from shared.domain.job import Job
from shared.domain.message import QUEUES, StageMessage, StepKind
from shared.domain.options import JobOptions
from shared.domain.recording import Recording
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import Delivery, Services, StepContext
from shared.pipeline.execution.run_step import run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.jobs.submit import JobRequest, submit_url
from shared.pipeline.updates import change_job, change_session
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS

RECORDING = Recording(
    container="mp4", size_bytes=1, start_sec=0.0, duration_sec=1.0, video=None, audio=None, warnings=()
)

SETTINGS = Settings(heartbeat_sec=3600)
"""Made once: reading the environment takes longer than most tests."""

Work = Callable[[StepContext], None]


@dataclass
class PipelineHarness:
    """A pipeline with a clock that the test moves, and a count of what ran."""

    parts: dict[Stage, int] = field(default_factory=lambda: {Stage.TRANSCRIPTION: 1, Stage.TRACKING: 1})
    skipped: dict[Stage, str] = field(default_factory=dict)
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    ran: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    instead: dict[tuple[Stage, StepKind], Work] = field(default_factory=dict)
    settings: Settings = SETTINGS

    def __post_init__(self) -> None:
        self.storage = self._make_storage()
        numbers = count(1)
        self.services = Services(
            storage=self.storage,
            settings=self.settings,
            clock=self._tick,
            new_id=lambda: f"id{1_000_000 - next(numbers)}",
            work={(stage, step): self._work for stage in Stage for step in StepKind},
            sleep=lambda sec: None,
            start_thread=lambda thread: None,  # the clock is the test's, so that no heartbeat is ever due
        )

    def _make_storage(self) -> MemoryStorage:
        return MemoryStorage(self._tick)

    def _tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def _work(self, context: StepContext) -> None:
        message = context.message
        self.ran[message.stage, message.step, message.part] += 1
        if instead := self.instead.get((message.stage, message.step)):
            instead(context)
        if message.stage is Stage.DOWNLOAD:
            change_job(
                self.services,
                message.org_id,
                message.job_id,
                lambda job: jobs.plan_stages(job, self.parts, self.skipped, self.now),
            )
            change_session(
                self.services,
                message.org_id,
                message.session_id,
                lambda session: session.evolve(recording=RECORDING, sha256="00"),
            )
        if message.step is StepKind.MERGE:
            name = context.work_blob(f"{message.stage}.json")
            self.storage.blobs.write(RESULTS, name, b"{}", "application/json")

    def submit(self, **request: Any) -> Job:
        options = request.pop("options", {"followCam": True})  # so that every stage has work
        return submit_url(
            self.services,
            JobRequest(org_id="acme", options=JobOptions.from_json(options), **request),
            "https://example.com/talk.mp4",
        )

    def job(self, job: Job) -> Job:
        return self.storage.jobs.get(job.org_id, job.job_id).value

    def take(self) -> list[StageMessage]:
        return list(iter(lambda: self.storage.queues.pop(*QUEUES.values()), None))

    def drain(self, deliveries: int = 1) -> None:
        """Delivers every message, each so many times, until the queues are empty."""
        while messages := self.take():
            for number, message in enumerate(messages):
                for _ in range(deliveries):
                    run_step(self.services, message, Delivery(f"m{number}-{self.now}", 1))

    def drain_until_error(self, job: Job) -> None:
        """Deliver messages, and let the sweep enqueue every hour what failed, until the job ends in ERROR."""
        self.drain()
        while self.job(job).status is not JobStatus.ERROR:
            self.now += timedelta(hours=1)
            sweep(self.services)
            self.drain()

    def statuses(self, job: Job) -> list[JobStatus]:
        return [event.status for event in self.storage.jobs.events(job.org_id, job.job_id) if event.type == "status"]
