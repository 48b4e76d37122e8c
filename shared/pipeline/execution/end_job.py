"""End a job, as DONE, ERROR or CANCELED: the one place where a job becomes final and its callback is announced.

The webhook's task is written before the job ends, so that a crash in between loses nothing.
"""

import logging
from collections.abc import Callable
from contextlib import suppress

from shared.domain import job as jobs
from shared.domain.errors import RostrumError, RowOfLaterRelease, UnreadableRow
from shared.domain.job import Job
from shared.domain.next_actions import costs_of
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.pipeline.execution.dispatch import admit_next, withdraw_messages
from shared.pipeline.execution.leftovers import discard, unfinished_results
from shared.pipeline.stages.expectations import learn
from shared.pipeline.updates import change_job
from shared.pipeline.webhooks.announce import announce_end, tell_end

log = logging.getLogger(__name__)


def end_job(services: Services, job: Job, end: Callable[[Job], Job | None]) -> Job:
    """Apply `end` to the job as it is now, unless it has ended or begun again since `job` was read; return the job as
    it is then. None from `end` leaves it as it is."""

    def is_over(current: Job) -> bool:
        return current.is_final or current.attempt != job.attempt

    made_final = False

    def apply(current: Job) -> Job | None:
        nonlocal made_final
        changed = None if is_over(current) else end(current)
        made_final = changed is not None and changed.is_final
        if changed is None or changed.status is JobStatus.DONE:  # which knows what its steps cost
            return changed
        try:
            steps = [stored.value for stored in services.storage.step_runs.of_job(job.job_id)]
        except (UnreadableRow, RowOfLaterRelease):  # a job ends also where nothing tells what it cost
            return changed
        return jobs.with_step_costs(changed, costs_of(steps))

    if job.callback_url is not None:
        current = services.storage.jobs.get(job.org_id, job.job_id).value
        if is_over(current):
            return current
        announce_end(services, job)
    ended = change_job(services, job.org_id, job.job_id, apply)
    if made_final:
        learn(services, ended)
        services.telemetry.job_ended(
            ended, lambda: [stored.value for stored in services.storage.step_runs.of_job(job.job_id)]
        )
    if job.callback_url is not None and ended.is_final and ended.attempt == job.attempt:
        tell_end(services, ended)
    if ended.is_final:
        with suppress(RostrumError):  # the sweep does it, too
            admit_next(services, job.org_id)
    return ended


def end_canceled(services: Services, job: Job) -> None:
    """End a job as CANCELED that is to be canceled and that no worker works on; withdraw its messages and delete what
    its merges left unfinished. A job with every stage over is left alone: it is about to be DONE."""
    unfinished = unfinished_results(services, job)

    def end(current: Job) -> Job | None:
        return None if current.stages_over else jobs.cancel(current, services.clock())

    ended = end_job(services, job, end)
    if ended.status is JobStatus.CANCELED and ended.attempt == job.attempt:
        withdraw_messages(services, job)
        discard(services, unfinished)
        log.info("job canceled", extra={"action": "cancel", "job_id": job.job_id, "org_id": job.org_id})
