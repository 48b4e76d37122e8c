"""Estimate when a running job will be done: a pure function of its row, from what was expected of each stage.

Apart from `shared.domain.pace`, which says what to expect of a stage before it begins. See
docs/decisions/0038-estimates.md.
"""

import math
from datetime import datetime, timedelta

from shared.domain.event import Estimate
from shared.domain.job import Job
from shared.domain.pace import RANGE_SPREADS
from shared.domain.stage import Stage, StageProgress, StageState

OVERDUE_FACTOR = 3.0
"""A stage that takes longer than so many times what was expected has waited or met something unknown: no estimate."""

LEFT_SHARE = 0.1
"""A stage that has used up what was expected still needs this share of it."""

TRUSTED_PROGRESS = 0.1
"""The progress of a stage from which on its own pace counts."""


def estimate_of(job: Job) -> Estimate | None:
    """Return when the job will be done, as of its latest change; None where that would be a guess.

    It would be before the recording is known and while no step runs, for then the job waits for a worker; and in a job
    that was begun again, is to be canceled, has ended, or takes much longer than expected.
    """
    open_stages = [progress for progress in job.stages.values() if not progress.state.is_over]
    if job.is_final or job.cancel_requested or job.attempt > 1 or job.expected_completion is None:
        return None
    if open_stages and not any(progress.state is StageState.RUNNING for progress in open_stages):
        return None
    left = []
    for stage, progress in job.stages.items():
        if progress.state.is_over:
            continue
        found = _left(job, stage, progress)
        if found is None:
            return None
        left.append(found)
    longest_sec, spread, jobs = max(left, default=(0.0, job.expected_completion.spread, job.expected_completion.jobs))
    left_sec = longest_sec + job.expected_completion.sec
    factor = math.exp(RANGE_SPREADS * spread)
    low, middle, high = (
        job.updated_at + timedelta(seconds=sec) for sec in (left_sec / factor, left_sec, left_sec * factor)
    )
    known = min([jobs, *(each for _, _, each in left), job.expected_completion.jobs])
    return Estimate(done_at=middle, low=low, high=high, jobs=known)


def _left(job: Job, stage: Stage, progress: StageProgress) -> tuple[float, float, int] | None:
    """Return the seconds that an open stage still needs, their spread, and from how many jobs they were learned."""
    expected = progress.expected
    begins_at = _begins_at(job, stage)
    if expected is None:
        return None
    if begins_at is None:  # it waits for another stage: what that one needs comes first
        before = job.stage_before(stage)
        needed = None if before is None else _left(job, before, job.stages[before])
        if needed is None:
            return None
        return needed[0] + expected.sec, max(needed[1], expected.spread), min(needed[2], expected.jobs)
    spent_sec = max(0.0, (job.updated_at - begins_at).total_seconds())  # clocks of two workers differ
    if spent_sec > OVERDUE_FACTOR * expected.sec * math.exp(expected.spread):
        return None
    total_sec = expected.sec
    began_early = progress.started_at is not None and progress.started_at < begins_at
    if began_early:
        total_sec, spent_sec = total_sec * (1 - progress.progress), 0.0
    elif progress.progress >= TRUSTED_PROGRESS and spent_sec > 0:
        pace = spent_sec / progress.progress / expected.sec
        total_sec *= pace**progress.progress
    left_sec = max(total_sec - spent_sec, (1 - progress.progress) * LEFT_SHARE * total_sec)
    return left_sec, expected.spread, expected.jobs


def _begins_at(job: Job, stage: Stage) -> datetime | None:
    """Return when the stage could begin and a worker had come to the job; None while it cannot begin."""
    before = job.stage_before(stage)
    if before is not None and not job.stages[before].state.is_over:
        return None
    return work_began_at(job, stage)


def work_began_at(job: Job, stage: Stage) -> datetime | None:
    """Return the time from which on what was expected of the stage counts: when the stage before it was over, or, when
    all of the job waited for a worker then, when the first stage after that one began."""
    before = job.stage_before(stage)
    ready_at = job.started_at if before is None else job.stages[before].finished_at
    if ready_at is None:
        return None
    began = [
        max(other.started_at, ready_at)
        for name, other in job.stages.items()
        if job.stage_before(name) is before and other.started_at is not None
    ]
    return min(began, default=job.updated_at)
