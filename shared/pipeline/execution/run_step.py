"""The one use case behind every stage's queue trigger: run a step, once or again, and go on."""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from shared.domain import job as jobs
from shared.domain.errors import NotFound, WriteConflict
from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.domain.stage import StageState
from shared.domain.step_run import StepRun
from shared.job_status import JobStatus
from shared.pipeline.context import ContinueLater, Services, StepContext
from shared.pipeline.execution.advance import follow_step
from shared.pipeline.execution.cancel import discard_unfinished, settle_cancel
from shared.pipeline.execution.dispatch import send_step
from shared.pipeline.execution.failure import note, record_crash, settle_failure
from shared.pipeline.execution.fence import guard_writes
from shared.pipeline.execution.giving_up import exhaust, lease_is_live, runnable_job, step_run_row
from shared.pipeline.execution.heartbeat import Heartbeat, StopWork
from shared.pipeline.execution.lost_blobs import has_its_needs
from shared.pipeline.housekeeping.delete_session import delete_leftovers
from shared.pipeline.updates import change_job
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

FIRST_REST = timedelta(seconds=10)
"""How long a step rests after its first failure, at most; twice as long after each further one."""


class _Failed(Exception):
    """The step failed and its row says so: it may be tried again."""

    def __init__(self, error: Exception, row: Stored[StepRun]) -> None:
        super().__init__(str(error))
        self.error, self.row = error, row


@dataclass(frozen=True, slots=True)
class Delivery:
    """Which delivery of which message this is: the host counts `dequeue_count` from 1. Whoever `comes_again` with what
    failed is told of failures; for the others a new message is sent after a rest."""

    message_id: str
    dequeue_count: int
    caller_retries: bool = False

    @property
    def owner(self) -> str:
        """The name under which the delivery claims a part."""
        return f"{self.message_id}:{self.dequeue_count}"


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
        if row.value.waits and not has_its_needs(services.storage.step_runs.of_job(job.job_id), row.value):
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
                send_step(services, job, failed.row, rest=_rest(claimed.value.attempts, random))
                return
            raise failed.error from None
        if not is_done:
            _settle(services, job)
            return
        log.info("step done", extra={"action": "finish", **facts})
    follow_step(services, services.storage.jobs.get(job.org_id, job.job_id).value, message.stage, message.step)


def _claim(services: Services, job: Job, row: Stored[StepRun], delivery: Delivery) -> Stored[StepRun] | None:
    """Makes this delivery the part's owner; None while another message's delivery works on it and shows life.

    A later delivery of the owner's own message takes over at once: the host gives it out only when the first failed.
    """
    while True:
        part, now = row.value.in_attempt(job.attempt), services.clock()
        if lease_is_live(services, part) and (part.owner or "").partition(":")[0] != delivery.message_id:
            return None
        claimed = part.evolve(
            state=StageState.RUNNING,
            owner=delivery.owner,
            attempts=part.attempts + 1,
            sends=1,
            waits=False,
            heartbeat_at=now,
            started_at=part.started_at or now,
        )
        try:
            taken = services.storage.step_runs.update(row, claimed)
        except WriteConflict:
            row = services.storage.step_runs.get(part)
            if row.value.state is StageState.DONE:
                return None
            continue
        if part.state is StageState.RUNNING:
            record_crash(services, job, part)
        return taken


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


def _rest(failures: int, random: Callable[[], float]) -> timedelta:
    """The rest after so many failures; half of it is chance, so that steps that fail together come again apart."""
    return FIRST_REST * (1 << (failures - 1)) * (0.5 + 0.5 * random())


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
