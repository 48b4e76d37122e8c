"""Jobs that end, and the worker that tells of it, over in-memory storage with a clock that only the test moves."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain import job as jobs
from shared.domain.errors import NotMedia
from shared.domain.job import Job, new_job
from shared.domain.options import JobOptions
from shared.domain.stage import Stage
from shared.domain.webhook import WebhookDelivery
from shared.job_status import JobStatus
from shared.pipeline.execution.end_job import end_job
from shared.pipeline.tasks.run_task import KEEP_DONE
from shared.pipeline.webhooks.announce import deliver_webhook
from tests.support.api_harness import settings_with
from tests.support.task_harness import START, TaskHarness

SECRET = "a-secret-as-plain-text"
PRODUCTION = "DefaultEndpointsProtocol=https;AccountName=prod;AccountKey=aaaa"


class WebhookHarness(TaskHarness):
    """A host that knows webhooks, may crash before any write to jobs, tasks and deliveries, and may call loopback."""

    def __init__(self, now: datetime = START, **settings: Any) -> None:
        super().__init__(now)
        self.set(**{"allow_loopback_sources": True, "webhook_secret": SECRET, **settings})
        register = self.jobs.job(
            name=deliver_webhook.name, max_attempts=deliver_webhook.max_attempts, backoff=deliver_webhook.backoff
        )
        register(deliver_webhook.__wrapped__)  # type: ignore[attr-defined]

    def set(self, **settings: Any) -> None:
        """Sets Rostrum up anew."""
        self.services = replace(self.services, settings=settings_with(**settings))

    def job(self, callback_url: str | None, job_id: str = "j1", status: JobStatus = JobStatus.TRANSCRIBED) -> Job:
        """A job that may end in any way."""
        job = new_job(
            job_id=job_id,
            session_id="s1",
            org_id="acme",
            now=self.now,
            options=JobOptions(language="en"),
            callback_url=callback_url,
            traceparent=None,
        )
        return self.storage.jobs.create(replace(job, status=status)).value

    def end(self, job: Job, how: JobStatus = JobStatus.ERROR) -> Job:
        """The job ends, as it is read now."""
        now = self.services.clock()
        ends = {
            JobStatus.DONE: lambda current: jobs.complete(current, now),
            JobStatus.ERROR: lambda current: jobs.fail(current, Stage.TRACKING, NotMedia("It is a poem."), now),
            JobStatus.CANCELED: lambda current: jobs.cancel(current, now),
        }
        return end_job(self.services, job, ends[how])

    def read(self, job: Job) -> Job:
        return self.storage.jobs.get(job.org_id, job.job_id).value

    def log(self, job: Job) -> Sequence[WebhookDelivery]:
        """What was delivered, oldest first."""
        return list(self.storage.deliveries.of_job(job.job_id))[::-1]

    def run_until_settled(self, job: Job) -> None:
        """Runs what can be run, moving the clock to each next delivery, until none is to follow."""
        self.run_all()
        while (log := self.log(job)) and (due_at := log[-1].will_retry_at):
            self.now = max(self.now, due_at)
            self.run_all()

    def is_tidy(self) -> bool:
        """Whether no task is left after a while."""
        self.live(KEEP_DONE + timedelta(minutes=10), timedelta(minutes=2))
        return self.crashing.tables["tasks"].size() == 0
