"""The state machine of a job, as a table: from which state of job and steps follows which action.

Letters stand for rows: `-` is no row, `w` a step whose message was sent just now, `l` one whose message is lost, `r` a
running one, `c` one whose worker crashed, `b` one that waits for a blob to be made again, `d` a step that is done.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.event import EventType
from shared.domain.job import Job
from shared.domain.message import StepKind
from shared.domain.next_actions import (
    Action,
    Complete,
    EndCanceled,
    Enqueue,
    FinishStage,
    MoveStatus,
    comes_before,
    has_step,
    needs_are_done,
    next_actions,
)
from shared.domain.options import JobOptions
from shared.domain.stage import Stage, StageProgress, StageState
from shared.domain.step_run import STEPS, StepRun
from shared.job_status import JobStatus

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
STALE_AFTER = timedelta(seconds=30)
LONG_AGO = NOW - timedelta(days=1)

DOWNLOAD, SPEECH, TRACK, VIDEO = Stage
PARTS = {DOWNLOAD: 1, SPEECH: 2, TRACK: 2, VIDEO: 2}
CREATED, DOWNLOADED, TRANSCRIBED = JobStatus.CREATED, JobStatus.DOWNLOADED, JobStatus.TRANSCRIBED

ROWS = {
    "w": {"sends": 1, "sent_at": NOW},
    "l": {"sends": 1, "sent_at": LONG_AGO},
    "r": {"state": StageState.RUNNING, "owner": "m:1", "sends": 1, "sent_at": LONG_AGO, "heartbeat_at": NOW},
    "c": {"state": StageState.RUNNING, "owner": "m:1", "sends": 1, "sent_at": LONG_AGO, "heartbeat_at": LONG_AGO},
    "b": {"blocked": True, "sent_at": NOW},
    "d": {"state": StageState.DONE, "owner": "m:1", "sends": 1},
}


def make_job(status: JobStatus = CREATED, over: str = "", skipped: str = "", *, cancel: bool = False) -> Job:
    """Return a job with these stages over or skipped, named by their letters d, s, t, v."""

    def progress(stage: Stage, letter: str) -> StageProgress:
        if letter in skipped:
            return StageProgress(state=StageState.SKIPPED, parts=0)
        return StageProgress(state=StageState.DONE if letter in over else StageState.WAITING, parts=PARTS[stage])

    return Job(
        job_id="j",
        session_id="s",
        org_id="o",
        status=status,
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
        stages={stage: progress(stage, letter) for stage, letter in zip(Stage, "dstv", strict=True)},
        event_sequence=1,
        event_type=EventType.STATUS,
        cancel_requested=cancel,
        options=JobOptions(overlay=True),
    )


def begun_early() -> Job:
    """Return a job whose download goes on while the first part of its transcription has its sound."""
    job = replace(make_job(), first_part_sec=60.0)
    return replace(job, stages={**job.stages, SPEECH: StageProgress()})


def rows_of(stage: Stage, letters: str, job_attempt: int = 1) -> list[StepRun]:
    """Return a stage's rows, one per letter: its steps in order, each with its parts."""
    keys = [(step, number) for step in STEPS[stage] for number in range(PARTS[stage] if step is StepKind.PART else 1)]
    return [
        StepRun(job_id="j", stage=stage, step=step, number=number, job_attempt=job_attempt, **ROWS[letter])  # type: ignore[arg-type]
        for (step, number), letter in zip(keys, letters, strict=True)
        if letter != "-"
    ]


def shown(action: Action) -> str:
    match action:
        case Enqueue(run):
            return f"enqueue {run.stage} {run.step} {run.number}"
        case FinishStage(stage):
            return f"finish {stage}"
        case MoveStatus(status):
            return f"move to {status}"
        case Complete():
            return "complete"
        case EndCanceled():
            return "end canceled"


@dataclass(frozen=True)
class State:
    """A job, the rows of its four stages, and what follows."""

    name: str
    job: Job
    download: str = "-"
    speech: str = "---"
    track: str = "----"
    video: str = "---"
    then: tuple[str, ...] = ()

    @property
    def rows(self) -> list[StepRun]:
        letters = zip(Stage, (self.download, self.speech, self.track, self.video), strict=True)
        return [row for stage, of_stage in letters for row in rows_of(stage, of_stage)]


FIRST_OF_TWO = ("enqueue tracking prepare 0", "enqueue transcription part 0", "enqueue transcription part 1")

STATES = [
    # the way of a job
    State("accepted", make_job(), then=("enqueue download part 0",)),
    State("download sent", make_job(), "w"),
    State("download running", make_job(), "r"),
    State("download done", make_job(), "d", then=("finish download",)),
    State("download over", make_job(CREATED, "d"), "d", then=("move to DOWNLOADED", *FIRST_OF_TWO)),
    State("stages sent", make_job(DOWNLOADED, "d"), "d", "ww-", "w---"),
    State("a part done", make_job(DOWNLOADED, "d"), "d", "dr-", "r---"),
    State("parts done", make_job(DOWNLOADED, "d"), "d", "dd-", "r---", then=("enqueue transcription merge 0",)),
    State("transcript done", make_job(DOWNLOADED, "d"), "d", "ddd", "r---", then=("finish transcription",)),
    State("transcription over", make_job(DOWNLOADED, "ds"), "d", "ddd", "r---", then=("move to TRANSCRIBED",)),
    State(
        "plate done",
        make_job(TRANSCRIBED, "ds"),
        "d",
        "ddd",
        "d---",
        then=("enqueue tracking part 0", "enqueue tracking part 1"),
    ),
    State("tracked", make_job(TRANSCRIBED, "ds"), "d", "ddd", "ddd-", then=("enqueue tracking merge 0",)),
    State("track done", make_job(TRANSCRIBED, "ds"), "d", "ddd", "dddd", then=("finish tracking",)),
    State(
        "tracking over",
        make_job(TRANSCRIBED, "dst"),
        "d",
        "ddd",
        "dddd",
        then=("enqueue rendition part 0", "enqueue rendition part 1"),
    ),
    State("videos done", make_job(TRANSCRIBED, "dst"), "d", "ddd", "dddd", "ddd", then=("finish rendition",)),
    State("all over", make_job(TRANSCRIBED, "dstv"), "d", "ddd", "dddd", "ddd", then=("complete",)),
    # in any order
    State("tracking first", make_job(DOWNLOADED, "d"), "d", "rr-", "dddd", then=("finish tracking",)),
    State(
        "videos beside speech",
        make_job(DOWNLOADED, "dt"),
        "d",
        "rr-",
        "dddd",
        then=("enqueue rendition part 0", "enqueue rendition part 1"),
    ),
    State(
        "two at once", make_job(DOWNLOADED, "d"), "d", "ddd", "dddd", then=("finish transcription", "finish tracking")
    ),
    State(
        "speech last",
        make_job(DOWNLOADED, "dstv"),
        "d",
        "ddd",
        "dddd",
        "ddd",
        then=("move to TRANSCRIBED", "complete"),
    ),
    # stages that do not apply
    State("no picture", make_job(CREATED, "d", "tv"), "d", then=("move to DOWNLOADED", *FIRST_OF_TWO[1:])),
    State(
        "no sound",
        make_job(CREATED, "d", "s"),
        "d",
        then=("move to DOWNLOADED", "move to TRANSCRIBED", "enqueue tracking prepare 0"),
    ),
    State(
        "nothing to do",
        make_job(CREATED, "d", "stv"),
        "d",
        then=("move to DOWNLOADED", "move to TRANSCRIBED", "complete"),
    ),
    # the first part of the transcription while the sound is copied
    State("first sound copied", begun_early(), "r", then=("enqueue transcription part 0",)),
    State("first part sent", begun_early(), "r", "w--"),
    State("first part lost its message", begun_early(), "r", "l--", then=("enqueue transcription part 0",)),
    State("first part done", begun_early(), "r", "d--"),
    State("copy crashed", begun_early(), "c", "d--", then=("enqueue download part 0",)),
    State("first part waits for its sound", begun_early(), "r", "b--"),
    State("first part has its sound again", begun_early(), "d", "b--", then=("finish download",)),
    State("canceled while copied", replace(begun_early(), cancel_requested=True), "w", "r--"),
    State(
        "sound copied",
        replace(make_job(DOWNLOADED, "d", "tv"), first_part_sec=60.0),
        "d",
        "d--",
        then=("enqueue transcription part 1",),
    ),
    # a crash between a row and its message, or at work
    State("message lost", make_job(), "l", then=("enqueue download part 0",)),
    State("worker crashed", make_job(), "c", then=("enqueue download part 0",)),
    State(
        "second part never sent", make_job(DOWNLOADED, "d"), "d", "r--", "r---", then=("enqueue transcription part 1",)
    ),
    State("merge lost", make_job(DOWNLOADED, "d"), "d", "ddl", "r---", then=("enqueue transcription merge 0",)),
    State("lost and crashed", make_job(DOWNLOADED, "d"), "d", "lc-", "r---", then=FIRST_OF_TWO[1:]),
    # blobs that are made again
    State("plate made again", make_job(DOWNLOADED, "ds"), "d", "ddd", "wbd-", then=("move to TRANSCRIBED",)),
    State("plate there again", make_job(TRANSCRIBED, "ds"), "d", "ddd", "dbd-", then=("enqueue tracking part 0",)),
    State(
        "lost in a stage that is over",
        make_job(TRANSCRIBED, "dst"),
        "l",
        "ddd",
        "dddd",
        "bb-",
        ("enqueue download part 0",),
    ),
    State("video waits for the track", make_job(TRANSCRIBED, "dst"), "d", "ddd", "dddw", "bb-"),
    State("result made again", make_job(TRANSCRIBED, "dstv"), "d", "ddw", "dddd", "ddd"),
    # cancellation
    State("canceled before work", make_job(cancel=True), "w", then=("end canceled",)),
    State("canceled at work", make_job(cancel=True), "r"),
    State("canceled after a crash", make_job(cancel=True), "c", then=("end canceled",)),
    State("one of two stopped", make_job(DOWNLOADED, "d", cancel=True), "d", "wr-", "w---"),
    State("both stopped", make_job(DOWNLOADED, "d", cancel=True), "d", "ww-", "w---", then=("end canceled",)),
    State(
        "canceled too late", make_job(TRANSCRIBED, "dst", cancel=True), "d", "ddd", "dddd", "ddd", ("finish rendition",)
    ),
    State("too late to cancel", make_job(TRANSCRIBED, "dstv", cancel=True), "d", "ddd", "dddd", "ddd", ("complete",)),
    # the end
    *(
        State(f"ended as {status}", make_job(status, "d"), "d", "lc-", "l---")
        for status in JobStatus
        if status.is_final or status.may_begin_again
    ),
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_what_follows(state: State) -> None:
    assert tuple(shown(each) for each in next_actions(state.job, state.rows, NOW, STALE_AFTER)) == state.then


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_what_follows_does_not_depend_on_the_order_of_rows(state: State) -> None:
    assert next_actions(state.job, state.rows[::-1], NOW, STALE_AFTER) == next_actions(
        state.job, state.rows, NOW, STALE_AFTER
    )


@pytest.mark.parametrize("letter", "lcbw")
def test_the_next_attempt_begins_anew_what_was_not_done(letter: str) -> None:
    job = replace(make_job(DOWNLOADED, "d"), attempt=2)
    rows = rows_of(DOWNLOAD, "d") + rows_of(SPEECH, f"d{letter}-") + rows_of(TRACK, "dddd")
    finish, *none = next_actions(job, rows, NOW, STALE_AFTER)
    assert (finish, none) == (FinishStage(TRACK), [])
    job = replace(make_job(DOWNLOADED, "dt", "v"), attempt=2)
    (enqueue,) = next_actions(job, rows, NOW, STALE_AFTER)
    assert enqueue == Enqueue(StepRun(job_id="j", stage=SPEECH, step=StepKind.PART, number=1, job_attempt=2))


def test_the_plan_says_which_steps_there_are() -> None:
    job = make_job(DOWNLOADED, "d", "t")
    assert has_step(job, SPEECH, StepKind.PART, 1)
    assert has_step(job, SPEECH, StepKind.MERGE, 0)
    assert not has_step(job, SPEECH, StepKind.PART, 2)
    assert not has_step(job, SPEECH, StepKind.PART, -1)
    assert not has_step(job, SPEECH, StepKind.MERGE, 1)
    assert not has_step(job, SPEECH, StepKind.PREPARE, 0)
    assert not has_step(job, TRACK, StepKind.PREPARE, 0)
    assert not has_step(make_job(), SPEECH, StepKind.PART, 0)


def test_only_the_first_part_of_the_transcription_begins_early() -> None:
    job = begun_early()
    steps = [(stage, step, number) for stage in Stage for step in StepKind for number in (0, 1)]
    assert [each for each in steps if has_step(job, *each)] == [
        (DOWNLOAD, StepKind.PART, 0),
        (SPEECH, StepKind.PART, 0),
    ]
    skipped = replace(job, stages={**job.stages, SPEECH: StageProgress(state=StageState.SKIPPED, parts=0)})
    assert not has_step(skipped, SPEECH, StepKind.PART, 0)


def test_a_rendition_without_a_track_video_does_not_wait_for_the_track() -> None:
    with_track = make_job(TRANSCRIBED, "d")
    without = replace(with_track, options=JobOptions(rendition="always"))
    (video, *_), track = rows_of(VIDEO, "bb-"), rows_of(TRACK, "r---")
    for job, needs_track in ((with_track, True), (without, False)):
        assert comes_before(job, (TRACK, StepKind.MERGE), video) is needs_track
        assert comes_before(job, (DOWNLOAD, StepKind.PART), video)
        assert needs_are_done(job, video, [*rows_of(DOWNLOAD, "d"), *track, video]) is not needs_track
        assert not needs_are_done(job, video, [*rows_of(DOWNLOAD, "l"), video])
