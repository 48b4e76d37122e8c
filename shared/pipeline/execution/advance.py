"""Move a job on: perform what `next_actions` decides.

Every action is idempotent, so that a message delivered twice, or the sweep, may move a job on at any time.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from shared.domain import job as jobs
from shared.domain.cost import Cost
from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.domain.message import StageMessage, StepKind
from shared.domain.next_actions import Action, Complete, EndCanceled, Enqueue, FinishStage, MoveStatus
from shared.domain.stage import Stage, StageState
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.pipeline.execution.dispatch import actions_by, actions_of, enqueue, send_step
from shared.pipeline.execution.end_job import end_canceled, end_job
from shared.pipeline.execution.heartbeat import save_progress
from shared.pipeline.execution.lost_blobs import missing_result, reset_producers
from shared.pipeline.stages.derived import write_derived
from shared.pipeline.stages.quality import write_quality
from shared.pipeline.stages.search_index import index_slides
from shared.pipeline.stages.sidecar import write_sidecar
from shared.pipeline.updates import change_known_job, change_session
from shared.storage.ports import Stored
from shared.telemetry.cost_meter import CostMeter, metered

log = logging.getLogger(__name__)

NOTED_ENDS = 8
"""How many parts of a stage at most note its progress when they end, spread evenly; heartbeats note it as well."""


def advance(services: Services, job: Job) -> int:
    """Move the job on from wherever it stands; return how many messages were sent.

    `job` has to be read after the change that may move it on.
    """
    return perform(services, job, actions_of(services, job))


def advance_after(services: Services, stored: Stored[Job], message: StageMessage) -> int:
    """Move the job on after the message's step is done, or note the stage's progress on it where the stage goes on.

    `stored` has to be read after the step's outcome was written.
    """
    stage = message.stage
    if _leaves_it_to_others(services, stored.value, message):
        return 0
    runs = [row.value for row in services.storage.step_runs.of_job(stored.value.job_id)]
    actions = actions_by(services, stored.value, runs)
    progress = stored.value.stages[stage]
    goes_on = stored.value.is_runnable and stored.value.may_begin(stage) and FinishStage(stage) not in actions
    if goes_on and progress.parts > 1 and not progress.state.is_over:  # one part tells by its heartbeats
        stored = save_progress(services, stored, stage, runs)
    return perform(services, stored.value, actions, stored)


def _leaves_it_to_others(services: Services, job: Job, message: StageMessage) -> bool:
    """Return whether the step is one of many parts, its progress need not be noted, and another part is not done yet:
    the worker that finishes that one moves the job on, and the sweep does when it crashes.

    It spares reading all rows once a part, which is most of the cost of a fan-in.
    """
    progress = job.stages[message.stage]
    note_each = -(-max(progress.parts, 1) // NOTED_ENDS)
    if message.step is not StepKind.PART or message.part % note_each == 0:
        return False
    if not job.is_runnable or not job.may_begin(message.stage) or progress.state.is_over:
        return False
    return services.storage.step_runs.has_open_part(job.job_id, message.stage)


def perform(services: Services, job: Job, actions: Sequence[Action], known: Stored[Job] | None = None) -> int:
    """Perform the actions in order, and what they lead to; return how many messages were sent.

    `known` is the job's row as it was read last, if the caller has it.
    """
    sent, decide_again = 0, False
    for action in actions:
        match action:
            case FinishStage(stage, cost):
                known, decide_again = _finish_stage(services, job, stage, cost, known), True
                job = known.value
            case MoveStatus(status):
                known = _move_status(services, job, status, known)
                job = known.value
                if not job.is_runnable:  # canceled meanwhile
                    decide_again = True
                    break
            case Enqueue(run):
                sent += enqueue(services, job, run)
            case Complete(costs):
                with suppress(NotFound):  # the session is being deleted, and the job with it
                    _complete(services, jobs.with_step_costs(job, costs))
            case EndCanceled():
                end_canceled(services, job)
    return sent + perform(services, job, actions_of(services, job), known) if decide_again else sent


def _finish_stage(services: Services, job: Job, stage: Stage, cost: Cost, known: Stored[Job] | None) -> Stored[Job]:
    """Note that the stage is done, and the status that this entitles the job to in the same change."""
    finishes = False

    def finish(current: Job) -> Job | None:
        nonlocal finishes
        finishes = not (current.is_final or current.stages[stage].state.is_over)
        if not finishes:
            return None
        return jobs.with_step_costs(jobs.end_stage(current, stage, services.clock()), {stage: cost})

    finished = change_known_job(services, job.org_id, job.job_id, known, finish)
    if finished.value.status is not job.status:
        _log_status(finished.value)
    if finishes and services.telemetry.is_on:
        services.telemetry.stage_finished(finished.value, stage, _recording_sec(services, job))
    return finished


def _recording_sec(services: Services, job: Job) -> float | None:
    """Return how long the job's recording is, in seconds; None while that is not known."""
    with suppress(NotFound):
        recording = services.storage.sessions.get(job.org_id, job.session_id).value.recording
        return recording.duration_sec if recording else None
    return None


def _move_status(services: Services, job: Job, status: JobStatus, known: Stored[Job] | None) -> Stored[Job]:
    def move(current: Job) -> Job | None:
        may_move = jobs.next_status(current) is status
        return jobs.advance_status(current, status, services.clock()) if may_move else None

    moved = change_known_job(services, job.org_id, job.job_id, known, move)
    _log_status(moved.value)
    return moved


def _log_status(job: Job) -> None:
    log.info("status changed", extra={"action": "advance", "job_id": job.job_id, "status": str(job.status)})


def _complete(services: Services, job: Job) -> None:
    """Write what follows from the results together, and the sidecar; name the job on its session, and only then end it
    as DONE. A missing result is made again before that. `job` knows what its steps cost."""
    with metered() as meter:
        _write_what_follows(services, job, meter)


def _write_what_follows(services: Services, job: Job, meter: CostMeter) -> None:
    if missing := missing_result(services, job):
        for row in reset_producers(services, job, None, missing) or ():
            send_step(services, job, row)
        return
    for write in (write_derived, write_quality):
        try:
            write(services, job)
        except (ArithmeticError, LookupError, TypeError, ValueError):  # the job has its results, and it has to end
            log.exception("what follows from the results is left out", extra={"action": "derive", "job_id": job.job_id})
    write_sidecar(services, job)
    now = services.clock()
    change_session(
        services,
        job.org_id,
        job.session_id,
        lambda session: session.evolve(sidecar_job_id=job.job_id, updated_at=now),
    )
    if Stage.TRACKING in job.stages and job.stages[Stage.TRACKING].state is StageState.DONE:
        index_slides.using(services).delay(job.org_id, job.session_id, job.job_id)
    costs = {stage: progress.cost.steps for stage, progress in job.stages.items()}

    def complete(current: Job) -> Job:
        known = jobs.with_step_costs(current, costs)
        return jobs.complete(replace(known, completion_cost=known.completion_cost + meter.spent()), now)

    end_job(services, job, complete)
    log.info("job done", extra={"action": "complete", "job_id": job.job_id, "org_id": job.org_id})
