"""The end of a step that was tried too often: its job ends in ERROR, and the message is kept as a dead letter.

The count of attempts is our own, on the step's row: the host counts the deliveries of one message, and forgets when the
message is lost with its host and another one takes its place.
"""

import logging
from contextlib import suppress

from shared.domain import job as jobs
from shared.domain.errors import NotFound, RostrumError, StageExhausted, WorkerDied, WriteConflict
from shared.domain.failure import StepFailure
from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import StepRun
from shared.pipeline.context import Services
from shared.pipeline.dead_letters import dead_letter_step
from shared.pipeline.execution.end_job import end_job
from shared.pipeline.lease import CRASHED, LeaseStore, is_live
from shared.storage.ports import Stored

log = logging.getLogger(__name__)


def give_up(services: Services, message: StageMessage) -> None:
    """The host delivered the message as often as it may. The row decides: a step that may be tried again is left to the
    sweep, which asks for it, and so is one that another message's delivery works on."""
    job = runnable_job(services, message)
    if job is None:
        return
    row = step_run_row(services, job, message)
    part = row.value.in_attempt(job.attempt)
    if part.state is StageState.DONE or is_live(services, part):
        return
    if part.attempts >= services.settings.max_attempts:
        died = part.state is StageState.RUNNING
        failure = StepFailure.of(part, WorkerDied(CRASHED), services.clock()) if died else None
        exhaust(services, job, message, row, part.attempts, failure)


def exhaust(
    services: Services,
    job: Job,
    message: StageMessage,
    row: Stored[StepRun],
    attempts: int,
    failure: StepFailure | None = None,
) -> None:
    """Ends the job of a step that was tried so many times in vain, the last time with this `failure`.

    The letter is kept first: whoever dies in between leaves one without a point, and the message comes again.
    """
    part = row.value.in_attempt(job.attempt)
    reason = part.last_error or CRASHED
    error = StageExhausted(f"The {part.stage} stage was tried {attempts} times and failed each time. {reason}")
    dead_letter_step(services, message, error.detail, part.started_at or job.created_at)
    fail_job(services, job, part.stage, error, failure)
    with suppress(WriteConflict, NotFound):  # whoever writes it now sees that the job has ended
        failed = part.evolve(state=StageState.FAILED, owner=None, finished_at=services.clock())
        services.storage.step_runs.update(row, failed)


def fail_job(
    services: Services, job: Job, stage: Stage, error: RostrumError, failure: StepFailure | None = None
) -> None:
    """Ends the job in ERROR unless it has ended; `failure` is what made the last attempt at a step fail."""
    end_job(services, job, lambda current: jobs.fail(current, stage, error, services.clock(), failure))
    log.warning("job failed", extra={"action": "fail", "job_id": job.job_id, "stage": str(stage), "code": error.code})


def runnable_job(services: Services, message: StageMessage) -> Job | None:
    """The message's job while work on it makes sense, in the attempt that the message is of."""
    try:
        job = services.storage.jobs.get(message.org_id, message.job_id).value
    except NotFound:
        return None
    return job if job.is_runnable and job.attempt == message.attempt else None


def step_run_row(services: Services, job: Job, message: StageMessage) -> Stored[StepRun]:
    """The part that the message asks for; its row may still tell of an earlier attempt."""
    asked = StepRun(
        job_id=job.job_id, stage=message.stage, step=message.step, number=message.part, job_attempt=job.attempt
    )
    return services.storage.step_runs.create(asked)


def step_run_rows(services: Services) -> LeaseStore[StepRun]:
    """Return how steps are read and written for `shared.pipeline.lease`."""
    return LeaseStore(services.storage.step_runs.get, services.storage.step_runs.update)
