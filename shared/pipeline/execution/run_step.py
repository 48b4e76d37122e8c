"""Run the step that a queue's message asks for, once or again, and move its job on.

The one use case behind the queue triggers of all stages; what the stages do is `Services.work`.
"""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from shared.domain import job as jobs
from shared.domain.errors import NotFound, RostrumError
from shared.domain.job import Job
from shared.domain.lease import Backoff
from shared.domain.message import StageMessage, StepKind
from shared.domain.next_actions import needs_are_done
from shared.domain.stage import StageState
from shared.domain.step_run import StepRun
from shared.job_status import JobStatus
from shared.pipeline.context import ContinueLater, Delivery, Services, StepContext
from shared.pipeline.execution.admission import is_admitted
from shared.pipeline.execution.advance import advance, advance_after
from shared.pipeline.execution.claim import claim_step, runnable_job, save_outcome, step_run_row
from shared.pipeline.execution.dispatch import hold_back, send_next, send_step
from shared.pipeline.execution.early_warnings import warn_early
from shared.pipeline.execution.failure import exhaust, record_crash, settle_failure
from shared.pipeline.execution.heartbeat import Heartbeat, StopWork, guard_writes
from shared.pipeline.execution.leftovers import delete_leftovers, discard, unfinished_results
from shared.pipeline.updates import change_known_job
from shared.storage.ports import Stored
from shared.telemetry.cost_meter import metered
from shared.telemetry.span_ids import trace_id_of
from shared.telemetry.telemetry import Outcome

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
    """Run the message's step unless it is done or leased to another delivery, then move the job on.

    A step that fails rests and is sent a new message, until its attempts are used up; then the job ends in ERROR, as it
    does with a FinalError. Errors of storage are raised, and make the host deliver the message again.
    """
    with services.models.in_use(), metered(message.stage, message.job_id):
        _run_step(services, message, delivery, random)


def _run_step(services: Services, message: StageMessage, delivery: Delivery, random: Callable[[], float]) -> None:
    stored = runnable_job(services, message)
    if stored is None:
        return
    job = stored.value
    facts = {"job_id": message.job_id, "org_id": message.org_id, "stage": str(message.stage), "step": str(message.step)}
    facts |= {"part": str(message.part), "attempt": str(delivery.dequeue_count)}
    facts["trace_id"] = trace_id_of(job.traceparent, job.job_id)
    row = step_run_row(services, job, message)
    if row.value.state is StageState.WAITING and not is_admitted(services, job):
        log.info("message ignored: the organisation runs as many jobs as it may", extra={"action": "ignore", **facts})
        hold_back(services, row)
        return
    if row.value.state is not StageState.DONE and not _attempt(services, message, delivery, stored, row, random, facts):
        return
    current = _current_job(services, job)
    if current is not None:
        advance_after(services, current, message)


def _attempt(
    services: Services,
    message: StageMessage,
    delivery: Delivery,
    stored: Stored[Job],
    row: Stored[StepRun],
    random: Callable[[], float],
    facts: dict[str, str],
) -> bool:
    """Claim the step and make one attempt at it; return whether it is done. Raises the step's error when the caller
    retries by itself."""
    job = stored.value
    if row.value.blocked and not _needs_are_done(services, job, row.value):
        log.info("message ignored: the step waits for what it needs", extra={"action": "ignore", **facts})
        return False
    claimed = claim_step(services, job, row, delivery)
    if claimed is None:
        log.info("message ignored: another delivery works on the step", extra={"action": "ignore", **facts})
        return False
    if claimed.crashed is not None:
        record_crash(services, job, claimed.crashed)
    attempts = claimed.stored.value.attempts
    facts["attempt"] = str(attempts)
    if attempts > services.settings.max_attempts:
        exhaust(services, job, message, claimed.stored, attempts - 1, crashed=claimed.crashed)
        return False
    log.info("step begins", extra={"action": "begin", **facts})
    if job.stages[message.stage].parts > services.settings.messages_ahead:  # this one makes room in the queue
        _send_next(services, job)
    try:
        with services.telemetry.attempt(job, message, claimed.stored.value, lambda: _runs(services, job.job_id)):
            is_done = _work(services, message, stored, claimed.stored)
    except _Failed as failed:
        log.warning("step failed", extra={"action": "fail", **facts}, exc_info=failed.error)
        if delivery.caller_retries:
            raise failed.error from None
        send_step(services, job, failed.row, rest=BACKOFF.pause(attempts, random))
        return False
    if is_done:
        log.info("step done", extra={"action": "finish", **facts})
    else:
        _clear_up(services, job)
    return is_done


def _send_next(services: Services, job: Job) -> None:
    """Send the messages of steps that may begin; the end of the step does it, too, and the sweep."""
    with suppress(RostrumError):
        send_next(services, job)


def _needs_are_done(services: Services, job: Job, run: StepRun) -> bool:
    return needs_are_done(job, run, _runs(services, run.job_id))


def _runs(services: Services, job_id: str) -> list[StepRun]:
    return [stored.value for stored in services.storage.step_runs.of_job(job_id)]


def _begin_stage(services: Services, known: Stored[Job], run: StepRun) -> Job:
    """Note on the job that the stage has begun; raise StopWork when the job was canceled or began again.

    The step is claimed by now, so that a cancellation that is requested from here on sees that it is at work. Of many
    parts that begin at once the first one notes it: the others would only lose the race. `note_progress` makes good for
    a first part that is late.
    """
    job = known.value

    def begin(current: Job) -> Job | None:
        if not current.is_runnable or current.attempt != job.attempt:
            raise StopWork
        progress = current.stages[run.stage]
        known = progress.state.is_over or (progress.state is StageState.RUNNING and progress.attempts >= run.attempts)
        by_first = run.number > 0 and run.attempts == 1 and progress.parts_done == 0 and not current.waits
        return None if known or by_first else jobs.start_stage(current, run.stage, run.attempts, services.clock())

    return change_known_job(services, job.org_id, job.job_id, known, begin).value


def _work(services: Services, message: StageMessage, known: Stored[Job], claimed: Stored[StepRun]) -> bool:
    """Do the step's work under a heartbeat and save its outcome; return whether the step is done.

    It is not when the job ended, another delivery took over, the rest comes later, or the failure is settled for good.
    Raises _Failed when the step is to be tried again.
    """
    began, job = time.monotonic(), known.value
    heartbeat = Heartbeat(services, job, claimed)
    try:
        job = _begin_stage(services, known, claimed.value)
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
                    confirm=heartbeat.confirm,
                    elapsed_sec=lambda: time.monotonic() - began,
                    send_next=partial(_send_next, services),
                    warn=partial(warn_early, services, job),
                )
            )
            if message.step is not StepKind.PART:  # what a part made is kept for the job's next attempt
                _stop_if_over(services, job)
    except StopWork:
        save_outcome(services, heartbeat.claimed, state=StageState.WAITING, owner=None)
        return False
    except ContinueLater:
        attempts = claimed.value.attempts - 1  # a rest is no failed attempt
        row = save_outcome(
            services, heartbeat.claimed, state=StageState.WAITING, owner=None, sends=0, attempts=attempts
        )
        services.telemetry.attempt_ended(Outcome.CONTINUED)
        if row is not None:
            send_step(services, job, row)
        return False
    except Exception as error:
        row = settle_failure(services, message, job, heartbeat.claimed, error)
        if row is not None:
            raise _Failed(error, row) from error
        return False
    done = save_outcome(services, heartbeat.claimed, state=StageState.DONE, progress=1.0, finished_at=services.clock())
    if done is None:
        return False
    services.telemetry.attempt_ended(Outcome.DONE)
    return True


def _stop_if_over(services: Services, job: Job) -> None:
    """Raise StopWork when the job ended, or began again, during the work."""
    current = services.storage.jobs.get(job.org_id, job.job_id).value
    if current.is_final or current.attempt != job.attempt:
        raise StopWork


def _clear_up(services: Services, job: Job) -> None:
    """End the job if its cancellation stopped the step; delete what `_current_job` deletes."""
    current = _current_job(services, job)
    if current is not None and not current.value.is_runnable:
        advance(services, current.value)


def _current_job(services: Services, job: Job) -> Stored[Job] | None:
    """Return the job as it is now. When it was canceled or deleted while the lease was stale, delete what the step
    wrote since, and return None."""
    try:
        current = services.storage.jobs.get(job.org_id, job.job_id)
    except NotFound:
        delete_leftovers(services, job)
        return None
    if current.value.status is JobStatus.CANCELED:
        discard(services, unfinished_results(services, current.value))
        return None
    return current
