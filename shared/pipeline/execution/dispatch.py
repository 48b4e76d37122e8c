"""Send each step's message once, and withdraw messages.

A step's row is written before its message is sent, so that a crash in between leaves a row that the sweep finds.
"""

import logging
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta

from shared.domain.cost import Cost
from shared.domain.errors import WriteConflict
from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.domain.next_actions import Action, Enqueue, next_actions
from shared.domain.stage import StageState
from shared.domain.step_run import StepRun
from shared.pipeline.context import Services
from shared.pipeline.execution.admission import is_admitted, waiting_jobs
from shared.pipeline.lease import stale_after
from shared.storage.ports import MAX_DELAY, Stored
from shared.telemetry.cost_meter import current_meter

log = logging.getLogger(__name__)


def enqueue(services: Services, job: Job, run: StepRun) -> bool:
    """Send a message for the step, with a row if it has none yet; return False, and send nothing, when its row is no
    longer as `run` says, or the job may not begin yet."""
    if not _begins_later(services, job) and not is_admitted(services, job):
        return False
    if not _send(services, job, run):
        return False
    if run.sent_at is not None:
        log.info("step sent again", extra={"action": "resend", "job_id": job.job_id, "stage": str(run.stage)})
    return True


def _send(services: Services, job: Job, run: StepRun) -> bool:
    """Count a message on the step's row and send it; a row that is missing is created with the message counted."""
    before, first = _spent(), _timed(services, job, run) if run.sent_at is None else None
    stored = services.storage.step_runs.create(run if first is None else first[0])
    if first is not None and stored.value == first[0]:
        _post(services, job, stored, first[1], before)
        return True
    return stored.value.in_attempt(job.attempt) == run and send_step(services, job, stored)


def send_next(services: Services, job: Job) -> int:
    """Send the messages that have room in the queues of the job's stages; return how many were sent."""
    return sum(
        enqueue(services, job, action.run) for action in actions_of(services, job) if isinstance(action, Enqueue)
    )


def actions_of(services: Services, job: Job) -> list[Action]:
    """Return what can be done for the job now, by the rows of its steps."""
    return actions_by(services, job, [stored.value for stored in services.storage.step_runs.of_job(job.job_id)])


def actions_by(services: Services, job: Job, steps: Collection[StepRun]) -> list[Action]:
    """Return what can be done for the job now, by these rows of its steps, which were read after it."""
    return next_actions(job, steps, services.clock(), stale_after(services), services.settings.messages_ahead)


def admit_next(services: Services, org_id: str) -> None:
    """Send the first messages of the organisation's jobs that may begin now that another one has ended.

    A crash before it loses nothing: the sweep enqueues them.
    """
    for job in waiting_jobs(services, org_id):
        send_next(services, job)


def hold_back(services: Services, stored: Stored[StepRun]) -> None:
    """Set a step of a job that may not begin yet back to one that was never sent."""
    with suppress(WriteConflict):
        services.storage.step_runs.update(stored, stored.value.evolve(sends=0, sent_at=None, receipt=None))


def _begins_later(services: Services, job: Job) -> bool:
    return job.started_at is None and job.start_at is not None and job.start_at > services.clock()


def send_step(services: Services, job: Job, stored: Stored[StepRun], rest: timedelta = timedelta(0)) -> bool:
    """Count the message on the step's row, then send it; return False when the row changed meanwhile, and send nothing.

    The message for a step that is to rest, or for a job that begins later, is delayed. When a queue cannot delay it so
    far, it is left to the sweep.
    """
    before = _spent()
    timed = _timed(services, job, stored.value.in_attempt(job.attempt), rest)
    if timed is None:
        return False
    sent, delay = timed
    try:
        noted = services.storage.step_runs.update(stored, sent)
    except WriteConflict:
        return False
    _post(services, job, noted, delay, before)
    return True


def _timed(
    services: Services, job: Job, run: StepRun, rest: timedelta = timedelta(0)
) -> tuple[StepRun, timedelta] | None:
    """Return the row with one message more, and the message's delay; None when no queue can delay it so far."""
    now = services.clock()
    begins_at = job.start_at if job.start_at and not job.started_at else now
    delay = max(begins_at - now, rest)
    if delay > MAX_DELAY:
        return None
    return run.evolve(sends=run.sends + 1, sent_at=now + delay, blocked=False), delay


def _post(services: Services, job: Job, noted: Stored[StepRun], delay: timedelta, before: Cost) -> None:
    """Send the message that the row counts already, and note what withdraws it and what was spent since `before`."""
    run = noted.value
    message = StageMessage(
        job_id=job.job_id,
        org_id=job.org_id,
        session_id=job.session_id,
        stage=run.stage,
        step=run.step,
        part=run.number,
        attempt=job.attempt,
        traceparent=job.traceparent,
    )
    receipt = services.storage.queues.send(message, delay)
    meter, sending = current_meter(), _spent() - before
    with suppress(WriteConflict):  # a worker has received it already
        services.storage.step_runs.update(noted, run.evolve(receipt=receipt, cost=run.cost + sending))
        if meter is not None:
            meter.tell(sending)


def _spent() -> Cost:
    """Return what the current work has spent by now."""
    meter = current_meter()
    return meter.spent() if meter is not None else Cost()


def withdraw_messages(services: Services, job: Job) -> int:
    """Withdraw the messages of this attempt of the job that no worker has received; return how many there were."""
    withdrawn = 0
    for stored in services.storage.step_runs.of_job(job.job_id):
        run = stored.value
        if run.receipt is not None and run.job_attempt == job.attempt:
            withdrawn += services.storage.queues.withdraw(run.receipt)
    return withdrawn


def recall_messages(services: Services, job: Job) -> None:
    """Withdraw the job's messages, and have its waiting steps enqueued as if none had been sent."""
    withdraw_messages(services, job)
    for stored in services.storage.step_runs.of_job(job.job_id):
        if stored.value.state is StageState.WAITING and stored.value.sent_at is not None:
            with suppress(WriteConflict):  # a worker has claimed it
                unsent = stored.value.evolve(sends=0, sent_at=None, receipt=None)
                services.storage.step_runs.update(stored, unsent)
