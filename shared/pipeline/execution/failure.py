"""Settle a failed step: it rests and is tried again, waits for a missing blob, or ends its job in ERROR.

A failed attempt is kept on the job before the step's row tells of it, so that after a crash in between the next attempt
finds it known. A crash is recorded by the delivery that claims the row after it. Attempts are counted on the row: the
host counts the deliveries of one message, and forgets them when the message is lost and another one takes its place.
"""

import logging
from contextlib import suppress

from shared.domain import job as jobs
from shared.domain.errors import (
    FinalError,
    NotFound,
    RostrumError,
    SourceNotFound,
    StageExhausted,
    WorkerDied,
    WriteConflict,
)
from shared.domain.failure import StepFailure
from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import StepRun
from shared.pipeline.context import Services
from shared.pipeline.dead_letters import dead_letter_step
from shared.pipeline.execution.advance import advance
from shared.pipeline.execution.claim import runnable_job, save_outcome, step_run_row
from shared.pipeline.execution.end_job import end_job
from shared.pipeline.execution.lost_blobs import can_be_fetched_again, missing_blob, reset_producers
from shared.pipeline.lease import CRASHED, is_live
from shared.pipeline.stages.job_blobs import NOT_THERE
from shared.pipeline.updates import change_job
from shared.storage.ports import SOURCES, Stored
from shared.telemetry.cost_meter import current_meter
from shared.telemetry.telemetry import Outcome

log = logging.getLogger(__name__)


def settle_failure(
    services: Services, message: StageMessage, job: Job, claimed: Stored[StepRun], error: Exception
) -> Stored[StepRun] | None:
    """Write down what the failure means; return the step's row when it is to be tried again after a rest."""
    run = claimed.value
    may_go_on = run.attempts < services.settings.max_attempts
    if not _owns(services, run):
        log.info(
            "failure ignored: the lease was lost", extra={"action": "ignore", "job_id": job.job_id}, exc_info=error
        )
        return None
    if (missing := missing_blob(error)) is not None:
        if may_go_on and reset_producers(services, job, run, missing) is not None:
            services.telemetry.attempt_ended(Outcome.BLOCKED, missing.code, missing.detail)
            _block(services, job, claimed, error)
            return None
        if missing.container == SOURCES and not can_be_fetched_again(services, job):
            error = SourceNotFound(NOT_THERE)
    failure = StepFailure.of(run, error, services.clock())
    outcome = Outcome.FAILED if may_go_on and not isinstance(error, FinalError) else Outcome.GIVEN_UP
    services.telemetry.attempt_ended(outcome, failure.code, failure.detail)
    if (meter := current_meter()) is not None:
        meter.is_settled = True  # the job may end before the step's row tells what the attempt cost
    if isinstance(error, FinalError):
        fail_job(services, job, message.stage, error, failure)
        ended = {"state": StageState.FAILED, "owner": None, "finished_at": services.clock()}
        save_outcome(services, claimed, **ended, last_error=failure.detail)
        return None
    if may_go_on:
        _keep(services, job, failure)
    rests = {"state": StageState.WAITING, "owner": None, "sends": 0, "sent_at": services.clock()}  # not lost yet
    row = save_outcome(services, claimed, **rests, last_error=failure.detail)
    if row is not None and not may_go_on:
        log.warning("step failed for good", extra={"action": "fail", "job_id": job.job_id}, exc_info=error)
        exhaust(services, job, message, row, run.attempts, failure)
        return None
    return row


def record_crash(services: Services, job: Job, run: StepRun) -> None:
    """Record a crash on the job: the previous owner of this step ended without an outcome."""
    services.telemetry.crashed(job, run)
    _keep(services, job, StepFailure.of(run, WorkerDied(CRASHED), services.clock()))


def handle_poison_message(services: Services, message: StageMessage) -> None:
    """Fail the job if the message's step has no attempts left; otherwise do nothing, the sweep enqueues it again."""
    stored = runnable_job(services, message)
    if stored is None:
        return
    job = stored.value
    row = step_run_row(services, job, message)
    run = row.value.in_attempt(job.attempt)
    if run.state is StageState.DONE or is_live(services, run):
        return
    if run.attempts >= services.settings.max_attempts:
        crashed = run.state is StageState.RUNNING
        failure = StepFailure.of(run, WorkerDied(CRASHED), services.clock()) if crashed else None
        if crashed:
            services.telemetry.crashed(job, run)
        exhaust(services, job, message, row, run.attempts, failure, run if crashed else None)


def exhaust(
    services: Services,
    job: Job,
    message: StageMessage,
    row: Stored[StepRun],
    attempts: int,
    failure: StepFailure | None = None,
    crashed: StepRun | None = None,
) -> None:
    """End the job of a step that used up its attempts; `failure` is what made the last one fail, and `crashed` its row
    if that attempt crashed.

    Write the dead letter before failing the job, so that a crash in between loses nothing.
    """
    run = row.value.in_attempt(job.attempt)
    reason = run.last_error or CRASHED
    error = StageExhausted(f"The {run.stage} stage was tried {attempts} times and failed each time. {reason}")
    dead_letter_step(services, message, error.detail, run.started_at or job.created_at)
    services.telemetry.dead_lettered(job, crashed or run.evolve(owner=None), message.queue, error.code)
    fail_job(services, job, run.stage, error, failure)
    with suppress(WriteConflict, NotFound):  # another worker changed it, and will see that the job has ended
        failed = run.evolve(state=StageState.FAILED, owner=None, finished_at=services.clock())
        services.storage.step_runs.update(row, failed)


def fail_job(
    services: Services, job: Job, stage: Stage, error: RostrumError, failure: StepFailure | None = None
) -> None:
    """End the job in ERROR unless it has ended; `failure` is what made the last attempt at a step fail."""
    end_job(services, job, lambda current: jobs.fail(current, stage, error, services.clock(), failure))
    log.warning("job failed", extra={"action": "fail", "job_id": job.job_id, "stage": str(stage), "code": error.code})


def _owns(services: Services, run: StepRun) -> bool:
    """Return whether this delivery still owns the step."""
    try:
        return services.storage.step_runs.get(run).value.owner == run.owner
    except NotFound:  # deleted with its job
        return False


def _block(services: Services, job: Job, claimed: Stored[StepRun], error: Exception) -> None:
    """Have the step wait until the steps before it have made what it missed, and enqueue those."""
    failure = StepFailure.of(claimed.value, error, services.clock())
    _keep(services, job, failure)
    save_outcome(
        services, claimed, state=StageState.WAITING, owner=None, sends=0, blocked=True, last_error=failure.detail
    )
    advance(services, job)


def _keep(services: Services, job: Job, failure: StepFailure) -> None:
    """Add the failed attempt to the job's history, unless the attempt at the job has ended."""

    def keep(current: Job) -> Job | None:
        if current.is_final or current.attempt != job.attempt:
            return None
        return jobs.note_failure(current, failure, services.clock())

    with suppress(NotFound):  # deleted meanwhile
        change_job(services, job.org_id, job.job_id, keep)
