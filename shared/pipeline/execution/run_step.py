"""The one use case behind every stage's queue trigger: run a step, once or again, and go on."""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from shared.domain import job as jobs
from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.domain.lease import Backoff
from shared.domain.message import StageMessage
from shared.domain.stage import StageState
from shared.domain.step_run import StepRun
from shared.job_status import JobStatus
from shared.pipeline.context import ContinueLater, Delivery, Services, StepContext
from shared.pipeline.execution.advance import follow_step
from shared.pipeline.execution.cancel import discard_unfinished, settle_cancel
from shared.pipeline.execution.dispatch import send_step
from shared.pipeline.execution.failure import note, record_crash, settle_failure
from shared.pipeline.execution.fence import guard_writes
from shared.pipeline.execution.giving_up import exhaust, runnable_job, step_run_row, step_run_rows
from shared.pipeline.execution.heartbeat import Heartbeat, StopWork
from shared.pipeline.execution.lost_blobs import has_its_needs
from shared.pipeline.housekeeping.delete_session import delete_leftovers
from shared.pipeline.lease import claim
from shared.pipeline.updates import change_job
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

BACKOFF = Backoff()
"""How long a step rests after a failure."""


class _Failed(Exception):
    """The step failed and its row says so: it may be tried again."""

    def __init__(self, error: Exception, row: Stored[StepRun]) -> None:
        super().__init__(str(error))
        self.error, self.row = error, row


def run_step(
    services: Services, message: StageMessage, delivery: Delivery, random: Callable[[], float] = random.random
) -> None:
    """Does the message's step unless it is done, given up or in other hands, then asks for what follows.

    A step that fails rests and is asked for by a new message until its attempts are used up, which ends the job as a
    FinalError does. What this raises is storage's, and makes the host deliver the message again.
    """
    facts = {"job_id": message.job_id, "org_id": message.org_id, "stage": str(message.stage), "step": str(message.step)}
    facts |= {"part": str(message.part), "attempt": str(delivery.dequeue_count), "trace_id": message.traceparent or ""}
    job = runnable_job(services, message)
    if job is None:
        log.info("message ignored", extra={"action": "ignore", **facts})
        return
    row = step_run_row(services, job, message)
    if row.value.state is not StageState.DONE:
        if row.value.blocked and not has_its_needs(services.storage.step_runs.of_job(job.job_id), row.value):
            log.info("step waits for what it needs", extra={"action": "ignore", **facts})
            return
        claimed = _claim(services, job, row, delivery)
        if claimed is None:
            log.info("step is in other hands", extra={"action": "ignore", **facts})
            return
        facts["attempt"] = str(claimed.value.attempts)
        if claimed.value.attempts > services.settings.max_attempts:
            exhaust(services, job, message, claimed, claimed.value.attempts - 1)
            return
        log.info("step begins", extra={"action": "begin", **facts})
        try:
            is_done = _work(services, message, job, claimed)
        except _Failed as failed:
            log.warning("step failed", extra={"action": "fail", **facts}, exc_info=failed.error)
            if not delivery.caller_retries:
                send_step(services, job, failed.row, rest=BACKOFF.pause(claimed.value.attempts, random))
                return
            raise failed.error from None
        if not is_done:
            _settle(services, job)
            return
        log.info("step done", extra={"action": "finish", **facts})
    follow_step(services, services.storage.jobs.get(job.org_id, job.job_id).value, message.stage, message.step)


def _claim(services: Services, job: Job, row: Stored[StepRun], delivery: Delivery) -> Stored[StepRun] | None:
    """Claim the step for this delivery, and record the crash of its previous owner; None when it may not be claimed."""

    def begin(found: StepRun, now: datetime) -> StepRun | None:
        run = found.in_attempt(job.attempt)
        if run.state is StageState.DONE:
            return None
        return run.evolve(blocked=False, started_at=run.started_at or now)

    claimed = claim(services, step_run_rows(services), row, delivery, begin)
    if claimed is None:
        return None
    if claimed.crashed is not None:
        record_crash(services, job, claimed.crashed)
    return claimed.stored


def _begin_stage(services: Services, job: Job, part: StepRun) -> Job:
    """The job with its stage begun. The part is claimed by now, so that whoever cancels the job from here on sees that
    it is at work; raises StopWork when somebody did before."""

    def begin(current: Job) -> Job | None:
        if not current.is_runnable or current.attempt != job.attempt:
            raise StopWork
        progress = current.stages[part.stage]
        known = progress.state.is_over or (progress.state is StageState.RUNNING and progress.attempts >= part.attempts)
        return None if known else jobs.start_stage(current, part.stage, part.attempts, services.clock())

    return change_job(services, job.org_id, job.job_id, begin)


def _work(services: Services, message: StageMessage, job: Job, claimed: Stored[StepRun]) -> bool:
    """Whether the part is done; False when the job ended, another delivery took over, or the rest comes later. Raises
    _Failed."""
    began = time.monotonic()
    heartbeat = Heartbeat(services, job, claimed)
    try:
        job = _begin_stage(services, job, claimed.value)
        session = services.storage.sessions.get(job.org_id, job.session_id).value
        with heartbeat:
            services.work[message.stage, message.step](
                StepContext(
                    services=guard_writes(services, heartbeat.renew_if_stale),
                    message=message,
                    job=job,
                    session=session,
                    began_at=claimed.value.started_at or services.clock(),
                    report=heartbeat.report,
                    confirm=heartbeat.beat,
                    elapsed_sec=lambda: time.monotonic() - began,
                )
            )
            _stop_if_over(services, job)
    except StopWork:
        note(services, heartbeat.claimed, state=StageState.WAITING, owner=None)
        return False
    except ContinueLater:
        rested = note(
            services,
            heartbeat.claimed,
            state=StageState.WAITING,
            owner=None,
            sends=0,
            attempts=claimed.value.attempts - 1,
        )
        if rested is not None:
            send_step(services, job, rested)
        return False
    except Exception as error:
        row = settle_failure(services, message, job, heartbeat.claimed, error)
        if row is not None:
            raise _Failed(error, row) from error
        return False
    done = note(services, heartbeat.claimed, state=StageState.DONE, progress=1.0, finished_at=services.clock())
    if done is None:
        return False
    with suppress(StopWork):
        heartbeat.note_on_job()
    return True


def _stop_if_over(services: Services, job: Job) -> None:
    """Raises StopWork when the job ended, or began again, while nothing was heard of this step."""
    current = services.storage.jobs.get(job.org_id, job.job_id).value
    if current.is_final or current.attempt != job.attempt:
        raise StopWork


def _settle(services: Services, job: Job) -> None:
    """Ends the job if it was its cancellation that stopped the step. Where others saw no sign of life of the step, and
    ended or deleted the job without it, what it made since then goes."""
    try:
        current = services.storage.jobs.get(job.org_id, job.job_id).value
    except NotFound:
        delete_leftovers(services, job)
        return
    if current.status is JobStatus.CANCELED:
        discard_unfinished(services, current)
    else:
        settle_cancel(services, current)
