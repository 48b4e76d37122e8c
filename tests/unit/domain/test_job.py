"""The job's state machine: what each function does, and what holds after any sequence of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import job as jobs
from shared.domain.errors import FinalError, NotMedia, StageExhausted
from shared.domain.event import Event, EventType
from shared.domain.job import Job
from shared.domain.job_event import event_of
from shared.domain.options import JobOptions
from shared.domain.stage import Stage, StageState
from shared.job_status import NEXT, JobStatus

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)


def accepted() -> Job:
    return jobs.new_job(
        job_id="job",
        session_id="session",
        org_id="org",
        now=NOW,
        options=JobOptions(engine="auto", rendition="never"),
        callback_url=None,
        traceparent=None,
    )


def planned(parts: int = 4) -> Job:
    """A job whose download is done: transcription and tracking have so many parts each."""
    job = jobs.plan_stages(accepted(), {Stage.TRANSCRIPTION: parts, Stage.TRACKING: parts}, {}, NOW)
    return jobs.advance_status(jobs.finish_stage(job, Stage.DOWNLOAD, NOW), JobStatus.DOWNLOADED, NOW)


def test_a_new_job_waits_for_its_download() -> None:
    job = accepted()
    assert (job.status, job.stage, job.progress) == (JobStatus.CREATED, Stage.DOWNLOAD, 0.0)
    assert {stage.state for name, stage in job.stages.items() if name is not Stage.RENDITION} == {StageState.WAITING}
    assert event_of(job) == Event(
        job_id="job",
        sequence=1,
        type=EventType.STATUS,
        at=NOW,
        status=JobStatus.CREATED,
        stage=Stage.DOWNLOAD,
        progress=0.0,
    )


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ({"rendition": "never"}, StageState.SKIPPED),
        ({"rendition": "never", "overlay": False, "followCam": False}, StageState.SKIPPED),
        ({"rendition": "never", "overlay": True}, StageState.WAITING),
        ({}, StageState.WAITING),
        ({"rendition": "always"}, StageState.WAITING),
        ({"overlay": True}, StageState.WAITING),
        ({"followCam": True}, StageState.WAITING),
        ({"followCam": {"height": 360}}, StageState.WAITING),
    ],
)
def test_whether_anything_is_rendered_shows_with_the_plan_unless_it_is_refused(
    options: dict[str, Any], state: StageState
) -> None:
    job = jobs.new_job(
        job_id="j",
        session_id="s",
        org_id="o",
        now=NOW,
        options=JobOptions.from_json(options),
        callback_url=None,
        traceparent=None,
    )
    assert job.stages[Stage.RENDITION].state is state
    assert (job.stages[Stage.RENDITION].reason is None) is (state is StageState.WAITING)


def test_rendering_waits_for_the_track() -> None:
    job = replace(planned(), options=JobOptions(overlay=True))
    assert job.may_begin(Stage.TRACKING)
    assert not job.may_begin(Stage.RENDITION)
    assert jobs.finish_stage(job, Stage.TRACKING, NOW).may_begin(Stage.RENDITION)


def test_the_video_that_browsers_play_does_not_wait_for_the_track() -> None:
    job = jobs.plan_stages(replace(accepted(), options=JobOptions()), {Stage.TRACKING: 2}, {}, NOW)
    assert not job.may_begin(Stage.RENDITION)
    assert jobs.finish_stage(job, Stage.DOWNLOAD, NOW).may_begin(Stage.RENDITION)


def test_the_first_start_of_a_stage_is_remembered() -> None:
    job = jobs.start_stage(accepted(), Stage.DOWNLOAD, 1, NOW)
    job = jobs.start_stage(job, Stage.DOWNLOAD, 3, LATER)
    job = jobs.start_stage(job, Stage.DOWNLOAD, 2, LATER)
    download = job.stages[Stage.DOWNLOAD]
    assert (download.state, download.attempts, download.started_at) == (StageState.RUNNING, 3, NOW)
    assert (job.started_at, job.updated_at) == (NOW, LATER)


def test_a_plan_counts_parts_and_says_why_a_stage_is_skipped() -> None:
    running = jobs.start_stage(accepted(), Stage.DOWNLOAD, 1, NOW)
    job = jobs.plan_stages(running, {Stage.TRACKING: 9}, {Stage.TRANSCRIPTION: "The recording has no sound."}, NOW)
    assert job.stages[Stage.TRACKING].parts == 9
    skipped = job.stages[Stage.TRANSCRIPTION]
    assert (skipped.state, skipped.parts, skipped.reason) == (StageState.SKIPPED, 0, "The recording has no sound.")
    assert job.stages[Stage.DOWNLOAD] == running.stages[Stage.DOWNLOAD]


def test_a_plan_made_again_keeps_what_was_done() -> None:
    job = jobs.note_progress(planned(), Stage.TRACKING, 0.5, 2, NOW)
    again = jobs.plan_stages(job, {Stage.TRANSCRIPTION: 4, Stage.TRACKING: 4}, {}, LATER)
    assert again.stages == job.stages


@pytest.mark.parametrize(
    ("skipped", "expected"),
    [
        pytest.param({}, (1.0 + 5.0 * 0.5) / 10.0, id="all stages count by their weight"),
        pytest.param({Stage.TRACKING: "no picture"}, (1.0 + 5.0 * 0.5) / 6.0, id="a skipped one does not count"),
    ],
)
def test_the_overall_progress_is_weighted(skipped: dict[Stage, str], expected: float) -> None:
    job = jobs.plan_stages(accepted(), {Stage.TRANSCRIPTION: 2}, skipped, NOW)
    job = jobs.finish_stage(job, Stage.DOWNLOAD, NOW)
    assert jobs.note_progress(job, Stage.TRANSCRIPTION, 0.5, 1, NOW).progress == pytest.approx(expected)


def test_progress_of_a_stage_never_goes_back() -> None:
    job = jobs.note_progress(planned(), Stage.TRACKING, 0.6, 3, NOW)
    late = jobs.note_progress(job, Stage.TRACKING, 0.2, 1, LATER)
    assert late.stages == job.stages
    assert late.progress == job.progress


def test_the_status_waits_for_the_stage_before() -> None:
    job = jobs.finish_stage(accepted(), Stage.TRANSCRIPTION, NOW)
    assert jobs.next_status(job) is None
    job = jobs.finish_stage(job, Stage.DOWNLOAD, NOW)
    assert jobs.next_status(job) is JobStatus.DOWNLOADED
    job = jobs.advance_status(job, JobStatus.DOWNLOADED, NOW)
    assert jobs.next_status(job) is JobStatus.TRANSCRIBED
    job = jobs.advance_status(job, JobStatus.TRANSCRIBED, NOW)
    assert jobs.next_status(job) is None
    assert not job.stages_over
    assert jobs.finish_stage(job, Stage.TRACKING, NOW).stages_over


def test_a_skipped_stage_is_over() -> None:
    job = jobs.plan_stages(accepted(), {}, {Stage.TRANSCRIPTION: "no sound", Stage.TRACKING: "no picture"}, NOW)
    job = jobs.finish_stage(job, Stage.DOWNLOAD, NOW)
    assert job.stages_over
    assert (job.stage, job.progress) == (None, 1.0)


def test_a_done_job_has_ended() -> None:
    transcribed = replace(planned(), status=JobStatus.TRANSCRIBED)
    done = jobs.complete(transcribed, LATER)
    assert done.is_final
    assert (done.status, done.stage, done.progress, done.finished_at) == (JobStatus.DONE, None, 1.0, LATER)
    assert event_of(done).type is EventType.STATUS


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        pytest.param(NotMedia("It is a text file."), False, id="final"),
        pytest.param(StageExhausted("x"), True, id="worn"),
    ],
)
def test_a_failed_job_says_why(error: FinalError, retryable: bool) -> None:
    failed = jobs.fail(jobs.start_stage(accepted(), Stage.DOWNLOAD, 1, NOW), Stage.DOWNLOAD, error, LATER)
    assert failed.error is not None
    assert failed.error == event_of(failed).error
    assert (failed.error.code, failed.error.title) == (error.code, error.title)
    assert (failed.error.detail, failed.error.stage, failed.error.retryable) == (
        error.detail,
        Stage.DOWNLOAD,
        retryable,
    )
    stage = failed.stages[Stage.DOWNLOAD]
    assert (stage.state, stage.reason, stage.finished_at) == (StageState.FAILED, error.detail, LATER)
    assert event_of(failed).type is EventType.ERROR


def test_no_stage_of_a_failed_job_is_still_running() -> None:
    job = jobs.start_stage(jobs.start_stage(planned(), Stage.TRANSCRIPTION, 1, NOW), Stage.TRACKING, 1, NOW)
    failed = jobs.fail(job, Stage.TRANSCRIPTION, NotMedia("x"), LATER)
    assert [stage.state for stage in failed.stages.values()] == [
        StageState.DONE,
        StageState.FAILED,
        StageState.CANCELED,
        StageState.SKIPPED,
    ]
    assert failed.stages[Stage.TRACKING].finished_at == LATER
    assert failed.stages[Stage.DOWNLOAD] == job.stages[Stage.DOWNLOAD]


def test_a_failure_outside_of_any_stage_touches_none() -> None:
    failed = jobs.fail(accepted(), None, NotMedia("x"), NOW)
    assert failed.stages == accepted().stages
    assert failed.stage is None


@pytest.mark.parametrize("status", JobStatus)
@pytest.mark.parametrize("wanted", JobStatus)
def test_only_the_statuses_that_may_follow_do(status: JobStatus, wanted: JobStatus) -> None:
    job = replace(accepted(), status=status)
    if wanted in NEXT[status]:
        assert jobs.advance_status(job, wanted, NOW).status is wanted
        return
    with pytest.raises(ValueError, match=f"{status} cannot become {wanted}"):
        jobs.advance_status(job, wanted, NOW)


@pytest.mark.parametrize("status", [status for status in JobStatus if status.is_final])
def test_nothing_follows_an_end(status: JobStatus) -> None:
    job = replace(accepted(), status=status)
    with pytest.raises(ValueError, match="cannot become"):
        jobs.complete(job, NOW)
    with pytest.raises(ValueError, match="cannot become"):
        jobs.fail(job, None, NotMedia("x"), NOW)


Change = Callable[[Job, datetime], Job]

ROAD = (JobStatus.DOWNLOADED, JobStatus.TRANSCRIBED)
stages = st.sampled_from(Stage)
fractions = st.floats(0, 1)
counts = st.integers(0, 20)
one_change: st.SearchStrategy[Change] = st.one_of(
    st.builds(lambda stage, count: lambda job, now: jobs.start_stage(job, stage, count, now), stages, counts),
    st.builds(
        lambda stage, part, count: lambda job, now: jobs.note_progress(job, stage, part, count, now),
        stages,
        fractions,
        counts,
    ),
    st.builds(lambda stage: lambda job, now: jobs.finish_stage(job, stage, now), stages),
    st.builds(
        lambda sound, picture: (
            lambda job, now: jobs.plan_stages(
                job,
                {stage: 3 for stage, there in ((Stage.TRANSCRIPTION, sound), (Stage.TRACKING, picture)) if there},
                {
                    stage: "no"
                    for stage, there in ((Stage.TRANSCRIPTION, sound), (Stage.TRACKING, picture))
                    if not there
                },
                now,
            )
        ),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(lambda status: lambda job, now: jobs.advance_status(job, status, now), st.sampled_from(ROAD)),
    st.just(jobs.complete),
    st.builds(lambda stage: lambda job, now: jobs.fail(job, stage, NotMedia("x"), now), st.none() | stages),
)


@settings(deadline=None)
@given(st.lists(one_change, max_size=25))
def test_every_random_history_of_a_job(changes: list[Change]) -> None:
    job = accepted()
    for number, change in enumerate(changes, 1):
        before, untouched = job, replace(job)
        now = NOW + timedelta(seconds=number)
        try:
            job = change(job, now)
        except ValueError:  # a status that may not follow
            assert job == untouched
            continue
        assert before == untouched
        assert job.event_sequence == before.event_sequence + 1
        assert job.updated_at == now
        assert before.progress <= job.progress <= 1.0
        assert job.status is before.status or job.status in NEXT[before.status]
        assert (job.event_type is EventType.PROGRESS) == (job.status is before.status)
        assert (job.error is not None) == (job.status is JobStatus.ERROR)
        assert set(job.stages) == set(Stage)
        event = event_of(job)
        assert (event.sequence, event.at, event.status) == (job.event_sequence, now, job.status)
        assert (event.progress, event.stage, event.error) == (job.progress, job.stage, job.error)
