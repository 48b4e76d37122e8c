"""What becomes of a step whose work failed: it rests and is tried again, waits for what it missed, or ends its job.

A failed attempt is kept on the job before the step's row tells of it: whoever dies in between leaves a row that is
claimed by the next one, who finds the attempt known. A death is kept by the one who claims the row after it.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress

from shared.domain import job as jobs
from shared.domain.errors import FinalError, NotFound, SourceNotFound, WorkerDied
from shared.domain.failure import StepFailure
from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.domain.stage import StageState
from shared.domain.step_run import StepRun
from shared.pipeline.context import Services
from shared.pipeline.execution.giving_up import exhaust, fail_job, step_run_rows
from shared.pipeline.execution.lost_blobs import (
    can_be_fetched_again,
    missing_blob,
    reset_producers,
    send_all,
    send_unblocked_steps,
)
from shared.pipeline.lease import CRASHED, settle
from shared.pipeline.stages.job_blobs import NOT_THERE
from shared.pipeline.updates import change_job
from shared.storage.ports import SOURCES, Stored

log = logging.getLogger(__name__)


def settle_failure(
    services: Services, message: StageMessage, job: Job, claimed: Stored[StepRun], error: Exception
) -> Stored[StepRun] | None:
    """Writes down what the failure means; returns the step's row when it is to be tried again after a rest."""
    part = claimed.value
    may_go_on = part.attempts < services.settings.max_attempts
    if not _owns(services, part):
        log.info("failed in vain", extra={"action": "ignore", "job_id": job.job_id}, exc_info=error)
        return None
    if (missing := missing_blob(error)) is not None:
        reset = reset_producers(services, job, part, missing) if may_go_on else None
        if reset is not None:
            _wait_for(services, job, claimed, reset, error)
            return None
        if missing.container == SOURCES and not can_be_fetched_again(services, job):
            error = SourceNotFound(NOT_THERE)
    failure = StepFailure.of(part, error, services.clock())
    if isinstance(error, FinalError):
        fail_job(services, job, message.stage, error, failure)
        ended = {"state": StageState.FAILED, "owner": None, "finished_at": services.clock()}
        note(services, claimed, **ended, last_error=failure.detail)
        return None
    if may_go_on:
        _keep(services, job, failure)
    row = note(services, claimed, state=StageState.WAITING, owner=None, sends=0, last_error=failure.detail)
    if row is not None and not may_go_on:
        log.warning("step failed for good", extra={"action": "fail", "job_id": job.job_id}, exc_info=error)
        exhaust(services, job, message, row, part.attempts, failure)
        return None
    return row


def record_crash(services: Services, job: Job, part: StepRun) -> None:
    """Notes that the latest attempt at the part ended without a word, as its row told before it was claimed anew."""
    _keep(services, job, StepFailure.of(part, WorkerDied(CRASHED), services.clock()))


def _owns(services: Services, part: StepRun) -> bool:
    """Whether the part is still in the hands of this delivery."""
    try:
        return services.storage.step_runs.get(part).value.owner == part.owner
    except NotFound:  # deleted with its job
        return False


def _wait_for(
    services: Services, job: Job, claimed: Stored[StepRun], makers: Sequence[Stored[StepRun]], error: Exception
) -> None:
    """Has the step wait until the `makers` have made what it missed."""
    failure = StepFailure.of(claimed.value, error, services.clock())
    _keep(services, job, failure)
    note(services, claimed, state=StageState.WAITING, owner=None, sends=0, blocked=True, last_error=failure.detail)
    send_all(services, job, makers)
    send_unblocked_steps(services, job)  # whoever makes it again may have been quicker than the row


def note(services: Services, claimed: Stored[StepRun], **changes: object) -> Stored[StepRun] | None:
    """Write the outcome on the step's row as long as this delivery owns it; None when it does not, or the row was
    deleted with its job."""
    runs = services.storage.step_runs
    return settle(step_run_rows(services), claimed, lambda row: runs.update(row, row.value.evolve(**changes)))


def _keep(services: Services, job: Job, failure: StepFailure) -> None:
    def keep(current: Job) -> Job | None:
        if current.is_final or current.attempt != job.attempt:
            return None
        return jobs.note_failure(current, failure, services.clock())

    with suppress(NotFound):  # deleted meanwhile
        change_job(services, job.org_id, job.job_id, keep)
