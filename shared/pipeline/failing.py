"""What becomes of a step whose work failed: it rests and is tried again, waits for what it missed, or ends its job.

Each failed attempt is kept on the job before the step's row tells of it: whoever dies in between leaves a row that is
claimed by the next one, who finds the attempt known.
"""

import logging
from contextlib import suppress

from shared.domain import job as jobs
from shared.domain.errors import FinalError, NotFound, RostrumError, SourceNotFound, WorkerDied, WriteConflict
from shared.domain.failure import StepFailure
from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.domain.part import Part
from shared.domain.stage import StageState
from shared.pipeline.changes import change_job
from shared.pipeline.giving_up import DIED, exhaust, fail_job
from shared.pipeline.reading import NOT_THERE
from shared.pipeline.remake import missing_blob, release_waiting, reset_makers, send_all
from shared.pipeline.services import Services
from shared.storage.ports import SOURCES, Stored

log = logging.getLogger(__name__)


def settle_failure(
    services: Services, message: StageMessage, job: Job, claimed: Stored[Part], error: Exception
) -> Stored[Part] | None:
    """Writes down what the failure means; returns the step's row when it is to be tried again after a rest."""
    missing, part, may_go_on = (
        missing_blob(error),
        claimed.value,
        claimed.value.attempts < services.settings.max_attempts,
    )
    reset = reset_makers(services, job, part, missing) if missing is not None and may_go_on else None
    if reset is None and missing is not None and missing.container == SOURCES and not _can_be_fetched(services, job):
        error = SourceNotFound(NOT_THERE)
    failure = _failure(services, job, part, error)
    if reset is None and isinstance(error, FinalError):
        fail_job(services, job, message.stage, error, failure)
        ended = {"state": StageState.FAILED, "owner": None, "finished_at": services.clock()}
        note(services, claimed, **ended, last_error=failure.detail)
        return None
    if may_go_on:
        _keep(services, job, failure)
    row = note(
        services,
        claimed,
        state=StageState.WAITING,
        owner=None,
        sends=0,
        waits=reset is not None,
        last_error=failure.detail,
    )
    if reset is not None:
        send_all(services, job, reset)
        release_waiting(services, job)  # whoever makes it again may have been quicker than the row
        return None
    if row is None:
        log.info("failed in vain", extra={"action": "ignore", "job_id": job.job_id}, exc_info=error)
    elif not may_go_on:
        log.warning("step failed for good", extra={"action": "fail", "job_id": job.job_id}, exc_info=error)
        exhaust(services, job, message, row, part.attempts, failure)
        return None
    return row


def keep_death(services: Services, job: Job, part: Part) -> None:
    """Notes that the latest attempt at the part ended without a word, as its row tells."""
    _keep(services, job, _failure(services, job, part, WorkerDied(DIED)))


def note(services: Services, claimed: Stored[Part], **changes: object) -> Stored[Part] | None:
    """Writes the outcome on the part's row as long as this delivery owns it; None when it does not, or the row is
    gone with its job."""
    row = claimed
    with suppress(NotFound):
        while row.value.owner == claimed.value.owner:
            try:
                return services.storage.parts.update(row, row.value.evolve(**changes))
            except WriteConflict:
                row = services.storage.parts.get(row.value)
    return None


def _can_be_fetched(services: Services, job: Job) -> bool:
    """Whether the job's recording came from an address; then whoever finds it missing fetches it when tried again."""
    return services.storage.sessions.get(job.org_id, job.session_id).value.source_url is not None


def _failure(services: Services, job: Job, part: Part, error: Exception) -> StepFailure:
    """What is said of an error; one that is none of ours keeps its text to itself."""
    if not isinstance(error, RostrumError):
        error = RostrumError(f"An internal error ({type(error).__name__}).")
    return StepFailure(
        code=error.code,
        title=error.title,
        detail=error.detail,
        stage=part.stage,
        step=part.step,
        part=part.number,
        attempt=part.attempts,
        job_attempt=job.attempt,
        at=services.clock(),
        retryable=error.retryable or not isinstance(error, FinalError),
    )


def _keep(services: Services, job: Job, failure: StepFailure) -> None:
    def keep(current: Job) -> Job | None:
        if current.is_final or current.attempt != job.attempt:
            return None
        return jobs.note_failure(current, failure, services.clock())

    with suppress(NotFound):  # deleted meanwhile
        change_job(services, job.org_id, job.job_id, keep)
