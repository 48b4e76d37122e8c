"""Say how long a job's stages will take by what earlier jobs took, and learn from a job that is done.

Apart from `shared.domain.pace`, which knows no storage. See docs/decisions/0038-estimates.md.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import RostrumError, WriteConflict
from shared.domain.estimate import work_began_at
from shared.domain.expectation import Expectation
from shared.domain.job import Job
from shared.domain.options import JobOptions
from shared.domain.pace import Extent, Pace
from shared.domain.recording import Recording
from shared.domain.stage import Stage, StageState
from shared.domain.work_kinds import COMPLETION, kinds_of
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.pipeline.stages.plan import makes_playable, remuxes_playable
from shared.pipeline.updates import retry_conflicts

log = logging.getLogger(__name__)


def read_paces(services: Services, options: JobOptions, recording: Recording) -> Mapping[str, Pace]:
    """Read with one request what was learned of each stage of a job, and of what follows from all of them.

    The mapping is empty while storage does not answer: a job needs no estimate.
    """
    kinds = kinds_of(recording, options.engine or services.settings.engine, _rendition(recording, options))
    try:
        known = services.storage.paces.all()
    except RostrumError as error:
        log.warning("nothing is known of the pace", extra={"action": "expect"}, exc_info=error)
        return {}
    return {what: known[kind].value if kind in known else Pace.default(kind) for what, kind in kinds.items()}


def expect(paces: Mapping[str, Pace], planned: Job, recording_sec: float) -> Mapping[str, Expectation]:
    """Return how long the stages of a job that has its parts, and what follows from them, are expected to take.

    Nothing is expected where the numbers of a row make no sense.
    """
    try:
        return {what: pace.expect(_extent(planned, what, recording_sec)) for what, pace in paces.items()}
    except (ArithmeticError, ValueError) as error:
        log.warning("what is known of the pace makes no sense", extra={"action": "expect"}, exc_info=error)
        return {}


def _extent(job: Job, what: str, recording_sec: float) -> Extent:
    """Return how much work a stage of the job has, or what follows from all of them; a skipped stage has no parts."""
    return Extent(recording_sec, 1 if what == COMPLETION else max(1, job.stages[Stage(what)].parts))


def _rendition(recording: Recording, options: JobOptions) -> str | None:
    """Return what the job renders; None if nothing."""
    if recording.video is None:
        return None
    made = [name for name, wanted in (("overlay", options.overlay), ("followcam", options.follow_cam)) if wanted]
    if makes_playable(recording, options):
        made.append("remux" if remuxes_playable(recording, options) else "encode")
    return "+".join(made) or None


def learn(services: Services, job: Job) -> None:
    """Learn from a job that is done how long its kinds of work take; nothing from one that met a failure.

    A crash before it loses one job's lesson. What storage raises is logged: the job is done.
    """
    if job.status is not JobStatus.DONE or job.attempt > 1 or job.failures or job.recording_sec is None:
        return
    try:
        _learn(services, list(_done_work(job, job.recording_sec)))
    except (RostrumError, ArithmeticError, ValueError, KeyError) as error:
        log.warning("nothing was learned of the pace", extra={"action": "learn"}, exc_info=error)


@dataclass(frozen=True, slots=True)
class _DoneWork:
    """Work of one kind that a job did."""

    extent: Extent
    expected: Expectation
    took_sec: float
    """Without the loading of modules and models."""

    loading_sec: float = 0.0


def _done_work(job: Job, recording_sec: float) -> Iterator[_DoneWork]:
    """Yield the job's work, and how long it took from the time at which the job could begin with it."""
    over_at = []
    for stage, progress in job.stages.items():
        if progress.state is StageState.DONE and progress.finished_at is not None:
            over_at.append(progress.finished_at)
            began_at = work_began_at(job, stage)
            if progress.expected is not None and began_at is not None:
                loading_sec = _loading_sec(job, stage, began_at)
                took_sec = (progress.finished_at - began_at).total_seconds() - loading_sec
                if took_sec > 0:  # not so where parts did not load at once
                    yield _DoneWork(_extent(job, stage, recording_sec), progress.expected, took_sec, loading_sec)
    if job.expected_completion is not None and job.finished_at is not None and over_at:
        took_sec = (job.finished_at - max(over_at)).total_seconds()
        yield _DoneWork(_extent(job, COMPLETION, recording_sec), job.expected_completion, took_sec)


def _loading_sec(job: Job, stage: Stage, began_at: datetime) -> float:
    """Return about how long the stage waited for modules and models since it could begin.

    A stage that began only after others which could begin with it waited for their worker, and so for what they loaded.
    No row tells which worker loaded: each part is taken to load for itself, at once with the others. What a stage that
    began early loaded before that time is not known, and taken to be all of it.
    """
    started_at = job.stages[stage].started_at
    loading_sec = 0.0
    for other, progress in job.stages.items():
        came_before = progress.finished_at is not None and started_at is not None and progress.finished_at <= started_at
        waited_for = other is stage or (came_before and job.stage_before(other) is job.stage_before(stage))
        if waited_for and progress.started_at is not None and progress.started_at >= began_at:
            loading_sec += progress.cost.total.loading_sec / max(1, progress.parts)
    return loading_sec


def _learn(services: Services, done: list[_DoneWork]) -> None:
    """Write each kind's row under its ETag; read them all again when another worker was faster."""
    paces = services.storage.paces

    def once() -> None:
        stored = paces.all()
        while done:
            work = done[-1]
            known = stored.get(work.expected.kind)
            pace = Pace.default(work.expected.kind) if known is None else known.value
            expected_sec = work.expected.sec if work.expected.jobs else None
            learned = pace.learn(work.extent, work.took_sec, expected_sec, work.loading_sec)
            if known is not None:
                paces.update(known, learned)
            else:
                with suppress(WriteConflict):  # another worker was faster, or the row cannot be read
                    paces.create(learned)
            done.pop()

    retry_conflicts(once, services.sleep)
