"""What follows when a step is done: the next step, the stage's end, the job's next status, the job's end.

All of it is idempotent, so that a message delivered twice, or the sweep, may call it at any time.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress

from shared.domain import job as jobs
from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.domain.message import StepKind
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import STEPS, StepRun
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.pipeline.execution.cancel import settle_cancel
from shared.pipeline.execution.dispatch import request_step, steps_after
from shared.pipeline.execution.end_job import end_job
from shared.pipeline.execution.lost_blobs import missing_result, reset_producers, send_all, send_unblocked_steps
from shared.pipeline.stages.derived import write_derived
from shared.pipeline.stages.sidecar import write_sidecar
from shared.pipeline.updates import change_job, change_session
from shared.storage.ports import Stored

log = logging.getLogger(__name__)


def follow_step(services: Services, job: Job, stage: Stage, step: StepKind) -> None:
    """To be called when a part of the step is done: goes on if it was the last one."""
    rows = services.storage.step_runs.of_job(job.job_id)
    waiting = any(stored.value.blocked for stored in rows)
    if _all_done(rows, job, stage, step):
        following = steps_after(stage, step)
        if following is None:
            _finish_stage(services, job, stage)
        else:
            request_step(services, job, stage, following)
            if _all_done(rows, job, stage, following):  # this step was done again
                follow_step(services, job, stage, following)
    if waiting:
        send_unblocked_steps(services, job)


def _finish_stage(services: Services, job: Job, stage: Stage) -> None:
    now = services.clock()

    def finish(current: Job) -> Job | None:
        over = current.is_final or current.stages[stage].state.is_over
        return None if over else jobs.finish_stage(current, stage, now)

    advance(services, change_job(services, job.org_id, job.job_id, finish))


def resume(services: Services, job: Job) -> Sequence[Stored[StepRun]]:
    """Takes up the job wherever it stands, whoever left it there; to be called at any time. Returns its parts' rows, as
    they were before."""
    rows = services.storage.step_runs.of_job(job.job_id)
    advance(services, job)
    for stage, progress in job.stages.items():
        planned = stage is Stage.DOWNLOAD or job.stages[Stage.DOWNLOAD].state.is_over
        if progress.state.is_over or not planned:  # before the plan, `job` does not know how many parts a stage has
            continue
        for step in STEPS[stage]:
            asked_for = sum((stored.value.stage, stored.value.step) == (stage, step) for stored in rows)
            if 0 < asked_for < _expected(job, stage, step):  # whoever asked for the first of them died
                request_step(services, job, stage, step)
            elif _all_done(rows, job, stage, step):
                follow_step(services, job, stage, step)
    return rows


def advance(services: Services, job: Job) -> None:
    """Moves the job's status as far as its stages allow, asks for the stages that may begin, and ends the job."""
    while job.is_runnable and (status := jobs.next_status(job)) is not None:
        job = change_job(services, job.org_id, job.job_id, lambda current: _moved(services, current, status))
        log.info("status changed", extra={"action": "advance", "job_id": job.job_id, "status": str(job.status)})
    if not job.is_runnable:
        settle_cancel(services, job)
        return
    for stage, progress in job.stages.items():
        if job.may_begin(stage) and progress.state is StageState.WAITING:
            _request_first_step(services, job, stage)
    if job.stages_over and job.status is JobStatus.TRANSCRIBED:
        with suppress(NotFound):  # the session is being deleted, and the job with it
            _complete(services, job)


def _request_first_step(services: Services, job: Job, stage: Stage) -> None:
    first = steps_after(stage, None)
    assert first is not None  # every stage has a step
    request_step(services, job, stage, first)


def _moved(services: Services, job: Job, status: JobStatus) -> Job | None:
    return jobs.advance_status(job, status, services.clock()) if jobs.next_status(job) is status else None


def _all_done(rows: Sequence[Stored[StepRun]], job: Job, stage: Stage, step: StepKind) -> bool:
    of_step = [stored.value for stored in rows if (stored.value.stage, stored.value.step) == (stage, step)]
    return sum(part.state is StageState.DONE for part in of_step) >= _expected(job, stage, step)


def _expected(job: Job, stage: Stage, step: StepKind) -> int:
    """How many parts the step has."""
    return job.stages[stage].parts if step is StepKind.PART else 1


def _complete(services: Services, job: Job) -> None:
    """Writes what follows from the results together, and the sidecar, names the job on its session, and only then says
    DONE: it is too late to cancel it. A result that is gone is made again before that."""
    if missing := missing_result(services, job):
        send_all(services, job, reset_producers(services, job, None, missing) or ())
        return
    write_derived(services, job)
    write_sidecar(services, job)
    now = services.clock()
    change_session(
        services,
        job.org_id,
        job.session_id,
        lambda session: session.evolve(sidecar_job_id=job.job_id, updated_at=now),
    )
    end_job(services, job, lambda current: jobs.complete(current, now))
    log.info("job done", extra={"action": "complete", "job_id": job.job_id, "org_id": job.org_id})
