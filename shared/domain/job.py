"""A job and its changes: pure functions from a job to the next one; `next_actions` says which change is due.

Every change of a job is one event, and the job carries that event's number and type. The row is its own outbox, so
that a crash between the row and the event log loses nothing (see docs/decisions/0003-event-log.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.domain.cost import Cost
from shared.domain.errors import RostrumError
from shared.domain.event import EarlyWarning, EventType, JobError, NewText
from shared.domain.expectation import Expectation
from shared.domain.failure import MAX_FAILURES, StepFailure
from shared.domain.options import NO_RENDITION, JobOptions
from shared.domain.stage import Stage, StageProgress, StageState
from shared.domain.work_kinds import COMPLETION
from shared.job_status import NEXT, JobStatus

STAGE_WEIGHTS = {Stage.DOWNLOAD: 1.0, Stage.TRANSCRIPTION: 5.0, Stage.TRACKING: 4.0, Stage.RENDITION: 6.0}
"""The share of each stage in the overall progress, relative to the other stages."""

NEEDS = {Stage.TRANSCRIPTION: Stage.DOWNLOAD, Stage.TRACKING: Stage.DOWNLOAD, Stage.RENDITION: Stage.TRACKING}
"""The stage that has to be over before a stage begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of the pipeline over a session; changed only by the functions of this module."""

    job_id: str
    session_id: str
    org_id: str
    status: JobStatus
    created_at: datetime
    updated_at: datetime
    stages: Mapping[Stage, StageProgress]
    event_sequence: int
    """The number of its latest event."""

    event_type: EventType
    stage: Stage | None = Stage.DOWNLOAD
    """The first stage that is not over."""

    progress: float = 0.0
    """How much of the job is done, from 0 to 1."""

    attempt: int = 1
    """Which attempt at the job this is, from 1."""

    cancel_requested: bool = False
    error: JobError | None = None
    failures: tuple[StepFailure, ...] = ()
    """The failed attempts at its steps, of all its attempts, the latest last."""

    latest_text: NewText | None = None
    """The text that was announced last; its event is written from here."""

    announced_parts: str = ""
    """The parts of the transcription whose text was announced: bit n of this hexadecimal number stands for part n."""

    first_part_sec: float | None = None
    """The nominal length of the transcription's first part, whose sound is there before the download stage is over;
    None: all parts are equally long, and begin when it is over."""

    rendition_codec: str | None = None
    """What pictures of its videos are encoded as; None before it is planned, and for a job that an earlier release
    planned."""

    warnings: tuple[EarlyWarning, ...] = ()
    """What was told of the recording while the job ran, each code once, the latest last."""

    options: JobOptions = field(default_factory=JobOptions)
    terms: tuple[str, ...] = ()
    """The terms of the vocabularies that the options name, as they were when the job was accepted."""

    callback_url: str | None = None
    traceparent: str | None = None
    start_at: datetime | None = None
    """When its work is to begin; None: at once."""

    started_at: datetime | None = None
    """When the first step of its first attempt began."""

    begun_attempt: int = 0
    """The latest attempt of which a step has begun; 0: none, or one of a release that did not note it."""

    finished_at: datetime | None = None
    recording_sec: float | None = None
    """How long the recording is; None until the job was planned."""

    expected_completion: Expectation | None = None
    """How long what follows from all results together was expected to take when the job was planned."""

    completion_cost: Cost = field(default_factory=Cost)
    """What was spent on what follows from all results together, such as the sidecar."""

    @property
    def cost(self) -> Cost:
        """Return what the job cost until now, as far as its row tells."""
        return Cost.total([*(progress.cost.total for progress in self.stages.values()), self.completion_cost])

    @property
    def is_final(self) -> bool:
        """Return whether the job has ended."""
        return self.status.is_final

    @property
    def is_runnable(self) -> bool:
        """Return whether work on the job makes sense: it has not ended, and was not canceled before all stages were
        over; after that it is too late to cancel it."""
        return not self.is_final and (self.stages_over or not self.cancel_requested)

    @property
    def has_begun(self) -> bool:
        """Return whether a step of the present attempt has begun."""
        if self.begun_attempt == self.attempt or (self.attempt == 1 and self.started_at is not None):
            return True
        return any(progress.state is StageState.RUNNING for progress in self.stages.values())

    @property
    def waits(self) -> bool:
        """Return whether the present attempt is to begin, at once or later."""
        return self.is_runnable and not self.has_begun

    @property
    def stages_over(self) -> bool:
        """Return whether every stage is done or skipped."""
        return all(progress.state.is_over for progress in self.stages.values())

    def skips(self, stage: Stage) -> bool:
        """Return whether the job leaves the stage out, so that it has none of the stage's files."""
        return stage in self.stages and self.stages[stage].state is StageState.SKIPPED

    def may_begin(self, stage: Stage) -> bool:
        """Return whether what the stage needs is there."""
        needed = self.stage_before(stage)
        return needed is None or self.stages[needed].state.is_over

    def stage_before(self, stage: Stage) -> Stage | None:
        """Return the stage that has to be over before this one begins; None for the first one."""
        if stage is Stage.RENDITION and not self.options.wants_track_video:
            return Stage.DOWNLOAD  # the video that browsers play needs no track
        return NEEDS.get(stage)


def new_job(
    *,
    job_id: str,
    session_id: str,
    org_id: str,
    now: datetime,
    options: JobOptions,
    callback_url: str | None,
    traceparent: str | None,
    start_at: datetime | None = None,
    terms: tuple[str, ...] = (),
) -> Job:
    """Return a job that has just been accepted; its work begins at `start_at`, or at once."""
    stages = {stage: StageProgress() for stage in Stage}
    if not options.wants_rendition:
        stages[Stage.RENDITION] = StageProgress(state=StageState.SKIPPED, parts=0, reason=NO_RENDITION)
    return Job(
        job_id=job_id,
        session_id=session_id,
        org_id=org_id,
        status=JobStatus.CREATED,
        created_at=now,
        updated_at=now,
        stages=stages,
        event_sequence=1,
        event_type=EventType.STATUS,
        options=options,
        terms=terms,
        callback_url=callback_url,
        traceparent=traceparent,
        start_at=start_at,
    )


def start_stage(job: Job, stage: Stage, attempts: int, now: datetime) -> Job:
    """Note that work on the stage has begun; one of its steps was begun `attempts` times by now."""
    progress = job.stages[stage]
    started = replace(
        progress,
        state=StageState.RUNNING,
        attempts=max(progress.attempts, attempts),
        started_at=progress.started_at or now,
    )
    begun = _with_stage(job, stage, started)
    return _changed(begun, now, started_at=job.started_at or now, begun_attempt=job.attempt)


def begin_early(job: Job, first_part_sec: float, now: datetime) -> Job:
    """Note that the first part of the transcription has its sound, and how long it is: it may begin now."""
    return _changed(job, now, first_part_sec=first_part_sec)


def plan_stages(
    job: Job,
    parts: Mapping[Stage, int],
    skipped: Mapping[Stage, str],
    now: datetime,
    *,
    rendition_codec: str | None = None,
) -> Job:
    """Note the plan: each stage after the download has so many parts, or is skipped for a reason.

    A stage that was skipped when the job was accepted stays so. All parts of its videos have the `rendition_codec`.
    """
    stages = dict(job.stages)
    open_stages = {stage for stage, progress in stages.items() if progress.state is not StageState.SKIPPED}
    stages.update(
        {stage: replace(stages[stage], parts=count) for stage, count in parts.items() if stage in open_stages}
    )
    stages.update(
        {stage: StageProgress(state=StageState.SKIPPED, parts=0, reason=why) for stage, why in skipped.items()}
    )
    return _changed(replace(job, stages=stages), now, rendition_codec=rendition_codec)


def expect(job: Job, recording_sec: float, expected: Mapping[str, Expectation]) -> Job:
    """Return the job with what is expected of its stages, and of their completion: a part of the plan's change."""
    stages = {
        stage: replace(progress, expected=expected.get(stage)) if progress.state is not StageState.SKIPPED else progress
        for stage, progress in job.stages.items()
    }
    return replace(job, stages=stages, recording_sec=recording_sec, expected_completion=expected.get(COMPLETION))


def note_progress(job: Job, stage: Stage, progress: float, parts_done: int, now: datetime) -> Job:
    """Note the progress of a stage, and that it has begun; progress never goes back."""
    before = job.stages[stage]
    if before.state is StageState.WAITING:
        before = replace(before, state=StageState.RUNNING, attempts=1, started_at=now)
    after = replace(before, progress=max(before.progress, progress), parts_done=max(before.parts_done, parts_done))
    return _changed(_with_stage(job, stage, after), now)


def announce_text(job: Job, part: int, text: NewText, now: datetime) -> Job | None:
    """Note that the text of a part of the transcription can be read; return None when it was announced before."""
    announced = int(job.announced_parts or "0", 16)
    if announced >> part & 1:
        return None
    with_it = f"{announced | 1 << part:x}"
    return _changed(job, now, event_type=EventType.TRANSCRIPT, latest_text=text, announced_parts=with_it)


def warn(job: Job, warning: EarlyWarning, now: datetime) -> Job | None:
    """Note that the recording may be no good; return None when the job has warned of the same before."""
    if any(each.code == warning.code for each in job.warnings):
        return None
    return _changed(job, now, event_type=EventType.WARNING, warnings=(*job.warnings, warning))


def finish_stage(job: Job, stage: Stage, now: datetime) -> Job:
    """Note that all of a stage's work is done."""
    before = job.stages[stage]
    after = replace(before, state=StageState.DONE, progress=1.0, parts_done=before.parts, finished_at=now)
    return _changed(_with_stage(job, stage, after), now)


def with_step_costs(job: Job, costs: Mapping[Stage, Cost]) -> Job:
    """Return the job with what the steps of its stages cost: a part of the change with which it is written."""
    stages = {
        stage: replace(progress, cost=replace(progress.cost, steps=costs[stage])) if stage in costs else progress
        for stage, progress in job.stages.items()
    }
    return replace(job, stages=stages)


def spend(job: Job, stage: Stage, cost: Cost) -> Job:
    """Add what a worker of the stage did after its step's row was written: a part of the change with which the job is
    written."""
    progress = job.stages[stage]
    spent = replace(progress.cost, moving_on=progress.cost.moving_on + cost)
    return _with_stage(job, stage, replace(progress, cost=spent))


def end_stage(job: Job, stage: Stage, now: datetime) -> Job:
    """Note that all of a stage's work is done, and with it the status that this entitles the job to: one event."""
    finished = finish_stage(job, stage, now)
    status = next_status(finished) if finished.is_runnable else None
    if status is None:
        return finished
    return replace(advance_status(finished, status, now), event_sequence=finished.event_sequence)


def next_status(job: Job) -> JobStatus | None:
    """Return the status that the job's stages entitle it to next, one at a time; None while it has to wait.

    DONE is not decided here: it also needs the sidecar, see `complete`.
    """
    over = {stage for stage, progress in job.stages.items() if progress.state.is_over}
    if job.status is JobStatus.CREATED and Stage.DOWNLOAD in over:
        return JobStatus.DOWNLOADED
    if job.status is JobStatus.DOWNLOADED and Stage.TRANSCRIPTION in over:
        return JobStatus.TRANSCRIBED
    return None


def advance_status(job: Job, status: JobStatus, now: datetime) -> Job:
    """Move the job to the next status."""
    _require(job, status)
    return _changed(job, now, status=status, event_type=EventType.STATUS)


def complete(job: Job, now: datetime) -> Job:
    """End the job as DONE: every artefact is in storage."""
    _require(job, JobStatus.DONE)
    return _changed(
        job, now, status=JobStatus.DONE, stage=None, progress=1.0, finished_at=now, event_type=EventType.STATUS
    )


def note_failure(job: Job, failure: StepFailure, now: datetime) -> Job | None:
    """Note a failed attempt at a step; return None when it is known."""
    with_it = _with_failure(job, failure)
    return None if with_it is job else _changed(with_it, now)


def fail(job: Job, stage: Stage | None, error: RostrumError, now: datetime, failure: StepFailure | None = None) -> Job:
    """End the job in ERROR; `error` says why, and `failure` what made the last attempt at a step fail. Running stages
    are canceled."""
    _require(job, JobStatus.ERROR)
    if failure is not None:
        job = _with_failure(job, failure)
    job = _stopped(job, now)
    reason = JobError(code=error.code, title=error.title, detail=error.detail, stage=stage, retryable=error.retryable)
    if stage is not None:
        failed = replace(job.stages[stage], state=StageState.FAILED, finished_at=now, reason=error.detail)
        job = _with_stage(job, stage, failed)
    return _changed(
        job, now, status=JobStatus.ERROR, stage=stage, error=reason, finished_at=now, event_type=EventType.ERROR
    )


def request_cancel(job: Job, now: datetime) -> Job:
    """Note that the job is to be canceled; running steps stop with their next heartbeat."""
    return _changed(job, now, cancel_requested=True)


def cancel(job: Job, now: datetime) -> Job:
    """End the job as CANCELED: no worker works on it."""
    _require(job, JobStatus.CANCELED)
    stage = next((stage for stage, progress in job.stages.items() if not progress.state.is_over), None)
    return _changed(
        _stopped(job, now),
        now,
        status=JobStatus.CANCELED,
        stage=stage,
        cancel_requested=True,
        finished_at=now,
        event_type=EventType.STATUS,
    )


def restart(job: Job, now: datetime) -> Job:
    """Begin the job's next attempt: stages that are over stay so, the rest begin again and keep their done parts."""
    if not job.status.may_begin_again:
        raise ValueError(f"a job in {job.status} cannot begin again")
    stages = {
        stage: progress
        if progress.state.is_over
        else StageProgress(parts=progress.parts, parts_done=progress.parts_done, cost=progress.cost)
        for stage, progress in job.stages.items()
    }
    return _changed(
        replace(job, stages=stages, progress=0.0),
        now,
        status=JobStatus.CREATED,
        attempt=job.attempt + 1,
        cancel_requested=False,
        error=None,
        start_at=None,
        finished_at=None,
        event_type=EventType.STATUS,
    )


def _stopped(job: Job, now: datetime) -> Job:
    """Return the job with every running stage canceled."""
    stages = {
        stage: replace(progress, state=StageState.CANCELED, finished_at=now)
        if progress.state is StageState.RUNNING
        else progress
        for stage, progress in job.stages.items()
    }
    return replace(job, stages=stages)


def _require(job: Job, status: JobStatus) -> None:
    if status not in NEXT[job.status]:
        raise ValueError(f"a job in {job.status} cannot become {status}")


def _with_stage(job: Job, stage: Stage, progress: StageProgress) -> Job:
    return replace(job, stages={**job.stages, stage: progress})


def _with_failure(job: Job, failure: StepFailure) -> Job:
    if any(each.key == failure.key for each in job.failures):
        return job
    return replace(job, failures=(*job.failures, failure)[-MAX_FAILURES:])


def _changed(job: Job, now: datetime, **changes: Any) -> Job:
    """Return the job after one change: overall progress and current stage follow, the event number grows by one."""
    fields: dict[str, Any] = {
        "updated_at": now,
        "event_sequence": job.event_sequence + 1,
        "event_type": EventType.PROGRESS,
        "progress": max(job.progress, _overall_progress(job.stages)),
        "stage": next((stage for stage, progress in job.stages.items() if not progress.state.is_over), None),
    }
    return replace(job, **{**fields, **changes})


def _overall_progress(stages: Mapping[Stage, StageProgress]) -> float:
    counted = {stage: progress for stage, progress in stages.items() if progress.state is not StageState.SKIPPED}
    total = sum(STAGE_WEIGHTS[stage] for stage in counted)
    return sum(STAGE_WEIGHTS[stage] * progress.progress for stage, progress in counted.items()) / total
