"""Announce a job's end, and warnings before it, to its callback address, by a background job.

The task is written before the job ends, due a while later, and made due at once when the job has ended. So a crash at
any point loses no announcement; a task that comes too early waits. There is one task, and one `webhook-id`, for each
attempt of a job that ended. See docs/webhooks.md.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from shared.domain.errors import TransientError
from shared.domain.job import Job
from shared.domain.task import Task
from shared.domain.webhook import Outcome
from shared.pipeline.context import Services
from shared.pipeline.tasks.dispatch import run_task_now
from shared.pipeline.tasks.job_manager import job_manager
from shared.pipeline.webhooks.delivery import BACKOFF, deliver
from shared.pipeline.webhooks.news import first_task_id, warning_task_id


def announce_end(services: Services, job: Job) -> None:
    """Create the task before the job's present attempt ends; idempotent."""
    due_in = timedelta(seconds=services.settings.stale_after_sec)
    task_id = first_task_id(job.job_id, job.attempt)
    deliver_webhook.using(services, task_id=task_id).delay_in(due_in, job.org_id, job.job_id, job.attempt)


def announce_warning(services: Services, job: Job, code: str) -> None:
    """Create the task that delivers a warning of the job, due at once; idempotent."""
    task_id = warning_task_id(job.job_id, code)
    deliver_webhook.using(services, task_id=task_id).delay(job.org_id, job.job_id, job.attempt, warning=code)


def tell_end(services: Services, job: Job) -> None:
    """Run the announced task now, after the job's attempt has ended, rather than a while later."""
    with suppress(TransientError):
        run_task_now(services, first_task_id(job.job_id, job.attempt))


@job_manager.job(max_attempts=12, backoff=BACKOFF)
def deliver_webhook(
    services: Services,
    task: Task,
    org_id: str,
    job_id: str,
    attempt: int,
    redelivery_id: str | None = None,
    warning: str | None = None,
) -> None:
    """Deliver the end of an attempt at a job, or a warning, until the server accepts it or a day has passed.

    `redelivery_id` names the request that asked for a redelivery; it is only kept with the task. `warning` is the code
    of the warning to deliver; None for the end.
    """

    def post(url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Outcome:
        from shared.pipeline.webhooks import post as posting  # its network library would slow down indexing

        policy = posting.PostPolicy(allow_loopback=services.settings.allow_loopback_sources)
        return posting.post(url, headers, body, policy, now)

    deliver(services, task, org_id, job_id, attempt, post, warning=warning)
