"""Decide what comes next for a job: one pure function over the job and its steps, from any state.

Apart from `shared.pipeline.execution.advance`, which performs the actions, so that the state machine can be read and
tested without storage. A finished step, the sweep, a retry, a cancellation and the inline mode all ask this function.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from shared.domain.cost import Cost
from shared.domain.job import Job, advance_status, next_status
from shared.domain.message import StepKind
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import STEPS, StepRun
from shared.job_status import JobStatus


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Send a message for the step, unless its row is no longer as it is here."""

    run: StepRun


@dataclass(frozen=True, slots=True)
class FinishStage:
    """Note that all steps of the stage are done."""

    stage: Stage
    cost: Cost = field(default_factory=Cost)
    """What its steps cost together."""


@dataclass(frozen=True, slots=True)
class MoveStatus:
    """Move the job to the status that its stages entitle it to."""

    status: JobStatus


@dataclass(frozen=True, slots=True)
class Complete:
    """Write what follows from all results together, then end the job as DONE."""

    costs: Mapping[Stage, Cost] = field(default_factory=dict)
    """What the steps of each stage cost together."""


@dataclass(frozen=True, slots=True)
class EndCanceled:
    """End the job as CANCELED."""


Action: TypeAlias = Enqueue | FinishStage | MoveStatus | Complete | EndCanceled

NO_LIMIT = 1_000_000
"""More messages than any stage has steps."""

_StepKey: TypeAlias = tuple[Stage, StepKind, int]


def next_actions(
    job: Job, steps: Collection[StepRun], now: datetime, stale_after: timedelta, ahead: int = NO_LIMIT
) -> list[Action]:
    """Return what can be done for the job now, in order; nothing for a job that has ended.

    The actions are idempotent. Finished stages are returned by themselves: what follows has to be decided from
    the job as it is then, for the download's end makes the plan known.

    Args:
        job: the job, read before its steps, so that of two steps that end at once one sees the other done.
        steps: the rows of the job's steps that exist.
        now: the time by which leases and pauses are measured.
        stale_after: for how long a lease is live after its last heartbeat.
        ahead: how many messages may wait in a stage's queue before a step gets its first one.
    """
    if job.is_final:
        return []
    known = {(run.stage, run.step, run.number): run.in_attempt(job.attempt) for run in steps}
    if finished := [stage for stage in Stage if _is_open(job, stage) and _is_stage_done(job, stage, known)]:
        costs = costs_of(steps)
        return [FinishStage(stage, costs[stage]) for stage in finished]
    if not job.is_runnable:
        return [] if any(run.lease_is_live(now, stale_after) for run in steps) else [EndCanceled()]
    actions: list[Action] = []
    while (status := next_status(job)) is not None:
        actions.append(MoveStatus(status))
        job = advance_status(job, status, now)
    to_enqueue = sorted(_to_enqueue(job, known, now, stale_after, ahead), key=_is_after_prepare)
    actions.extend(Enqueue(run) for run in to_enqueue)
    if job.stages_over and job.status is JobStatus.TRANSCRIBED and _all_done(job, known):
        actions.append(Complete(costs_of(steps)))
    return actions


def costs_of(steps: Collection[StepRun]) -> Mapping[Stage, Cost]:
    """Return what the steps of each stage cost together."""
    return {stage: Cost.total([run.cost for run in steps if run.stage is stage]) for stage in Stage}


def has_step(job: Job, stage: Stage, step: StepKind, number: int) -> bool:
    """Return whether the job's plan has the step, and its stage may begin, or the step before it."""
    if job.stages[stage].state is StageState.SKIPPED:
        return False
    if not job.may_begin(stage):
        return _begins_early(job, stage, step, number)
    return step in STEPS[stage] and 0 <= number < _parts_of(job, stage, step)


def needs_are_done(job: Job, run: StepRun, steps: Collection[StepRun]) -> bool:
    """Return whether all steps that come before the step are done, by the rows of its job."""
    return all(each.state is StageState.DONE for each in steps if comes_before(job, (each.stage, each.step), run))


def comes_before(job: Job, other: tuple[Stage, StepKind], run: StepRun) -> bool:
    """Return whether the step needs the results of the other one of its job."""
    stage, step = other
    if stage is run.stage:
        return STEPS[stage].index(step) < STEPS[stage].index(run.step)
    needed = job.stage_before(run.stage)
    while needed is not None and needed is not stage:
        needed = job.stage_before(needed)
    return needed is stage


def _to_enqueue(
    job: Job, known: Mapping[_StepKey, StepRun], now: datetime, stale_after: timedelta, ahead: int
) -> Iterator[StepRun]:
    """Yield the steps that need a message: new ones of a stage that may begin, as far as few of its messages wait,
    blocked ones that have what they need, and those that lost their message or their worker."""
    for stage in Stage:
        may_begin = _is_open(job, stage)
        room = ahead - sum(run.stage is stage and _waits_in_queue(run) for run in known.values())
        for step in STEPS[stage]:
            for number in range(_parts_of(job, stage, step)):
                run = known.get((stage, step, number))
                if run is None:
                    if room > 0 and (may_begin or _begins_early(job, stage, step, number)):
                        room -= 1
                        yield StepRun(job_id=job.job_id, stage=stage, step=step, number=number, job_attempt=job.attempt)
                elif needs_are_done(job, run, known.values()) if run.blocked else run.is_lost(now, stale_after):
                    yield run
            may_begin = may_begin and _is_done(job, stage, step, known)


def _is_after_prepare(run: StepRun) -> bool:
    """Return False for the step that all parts of its stage wait for: it is sent first, as the job's longest chain."""
    return run.step is not StepKind.PREPARE


def _begins_early(job: Job, stage: Stage, step: StepKind, number: int) -> bool:
    """Return whether the step may begin before its stage: the transcription's first part, once it has its sound."""
    if job.first_part_sec is None or job.stages[stage].state.is_over:
        return False
    return (stage, step, number) == (Stage.TRANSCRIPTION, StepKind.PART, 0)


def _waits_in_queue(run: StepRun) -> bool:
    return run.state is StageState.WAITING and run.sends > 0 and not run.blocked


def _all_done(job: Job, known: Mapping[_StepKey, StepRun]) -> bool:
    """Return whether no step of the plan is being done again."""
    return all(run.state is StageState.DONE for run in known.values() if has_step(job, run.stage, run.step, run.number))


def _is_stage_done(job: Job, stage: Stage, known: Mapping[_StepKey, StepRun]) -> bool:
    return all(_is_done(job, stage, step, known) for step in STEPS[stage])


def _is_done(job: Job, stage: Stage, step: StepKind, known: Mapping[_StepKey, StepRun]) -> bool:
    runs: Sequence[StepRun | None] = [known.get((stage, step, number)) for number in range(_parts_of(job, stage, step))]
    return all(run is not None and run.state is StageState.DONE for run in runs)


def _is_open(job: Job, stage: Stage) -> bool:
    """Return whether the stage has work left and may begin."""
    return not job.stages[stage].state.is_over and job.may_begin(stage)


def _parts_of(job: Job, stage: Stage, step: StepKind) -> int:
    return job.stages[stage].parts if step is StepKind.PART else 1
