"""Find the step that a message is for, claim it for the message's delivery, and write its outcome.

Apart from `run_step`, because poison messages and heartbeats read and write the same rows.
"""

import logging
from datetime import datetime

from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.domain.next_actions import has_step
from shared.domain.stage import StageState
from shared.domain.step_run import StepRun
from shared.pipeline.context import Delivery, Services
from shared.pipeline.lease import Claim, LeaseStore, claim, settle
from shared.storage.ports import Stored
from shared.telemetry.cost_meter import current_meter

log = logging.getLogger(__name__)


def runnable_job(services: Services, message: StageMessage) -> Stored[Job] | None:
    """Return the message's job if the message asks for work on it: the job is runnable, in the message's attempt, and
    its plan has the step; otherwise log why not, and return None."""
    facts = {"action": "ignore", "job_id": message.job_id, "org_id": message.org_id, "stage": str(message.stage)}
    try:
        stored = services.storage.jobs.get(message.org_id, message.job_id)
    except NotFound:
        log.info("message ignored: there is no such job", extra=facts)
        return None
    job = stored.value
    if not job.is_runnable or job.attempt != message.attempt:
        log.info("message ignored: it is of an attempt that has ended", extra=facts)
        return None
    if not has_step(job, message.stage, message.step, message.part):
        facts |= {"step": str(message.step), "part": str(message.part)}
        log.warning("message ignored: the job's plan has no such step", extra=facts)
        return None
    return stored


def step_run_row(services: Services, job: Job, message: StageMessage) -> Stored[StepRun]:
    """Return the row of the message's step, which may still tell of an earlier attempt; create it if it is missing."""
    run = StepRun(
        job_id=job.job_id, stage=message.stage, step=message.step, number=message.part, job_attempt=job.attempt
    )
    try:
        return services.storage.step_runs.get(run)
    except NotFound:
        return services.storage.step_runs.create(run)


def step_run_rows(services: Services) -> LeaseStore[StepRun]:
    """Return how steps are read and written for `shared.pipeline.lease`."""
    return LeaseStore(services.storage.step_runs.get, services.storage.step_runs.update)


def claim_step(services: Services, job: Job, row: Stored[StepRun], delivery: Delivery) -> Claim[StepRun] | None:
    """Claim the step for this delivery; return None when it is done, or another message's delivery works on it."""

    def begin(found: StepRun, now: datetime) -> StepRun | None:
        run = found.in_attempt(job.attempt)
        if run.state is StageState.DONE:
            return None
        return run.evolve(blocked=False, started_at=run.started_at or now)

    claimed, meter = claim(services, step_run_rows(services), row, delivery, begin), current_meter()
    if claimed is not None and meter is not None:
        meter.claimed(claimed.stored.value.cost)
    return claimed


def save_outcome(services: Services, claimed: Stored[StepRun], **changes: object) -> Stored[StepRun] | None:
    """Write the outcome, and what the step cost, on the step's row as long as this delivery owns it; return None when
    it does not, or the row was deleted with its job."""
    runs, meter = services.storage.step_runs, current_meter()
    if meter is not None:
        changes["cost"] = meter.for_row()
        meter.is_settled = True
    return settle(step_run_rows(services), claimed, lambda row: runs.update(row, row.value.evolve(**changes)))
