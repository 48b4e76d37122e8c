"""The estimate of a job's end follows from its row, and is none where it would be a guess."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import job as jobs
from shared.domain.estimate import estimate_of
from shared.domain.event import Estimate
from shared.domain.expectation import Expectation
from shared.domain.job import Job
from shared.domain.job_event import event_of
from shared.domain.options import JobOptions
from shared.domain.stage import Stage, StageState
from shared.domain.work_kinds import COMPLETION
from shared.job_status import JobStatus

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SPEECH_SEC, TRACK_SEC, COMPLETION_SEC = 20.0, 50.0, 2.0


def at(sec: float) -> datetime:
    return BEGAN + timedelta(seconds=sec)


def expected(sec: float, jobs: int = 5) -> Expectation:
    return Expectation(kind="k", sec=sec, spread=0.2, jobs=jobs)


def planned(skipped: dict[Stage, str] | None = None) -> Job:
    """Return a job that was planned and whose download ended at 10 s."""
    job = jobs.new_job(
        job_id="j",
        session_id="s",
        org_id="o",
        now=BEGAN,
        options=JobOptions(rendition="never"),
        callback_url=None,
        traceparent=None,
    )
    job = jobs.plan_stages(jobs.start_stage(job, Stage.DOWNLOAD, 1, at(1)), {}, skipped or {}, at(9))
    job = jobs.expect(
        job,
        60.0,
        {
            Stage.TRANSCRIPTION: expected(SPEECH_SEC),
            Stage.TRACKING: expected(TRACK_SEC, jobs=3),
            COMPLETION: expected(COMPLETION_SEC),
        },
    )
    return jobs.finish_stage(job, Stage.DOWNLOAD, at(10))


def begun(job: Job | None = None, sec: float = 12) -> Job:
    return jobs.start_stage(job or planned(), Stage.TRANSCRIPTION, 1, at(sec))


def found(job: Job) -> Estimate:
    estimate = estimate_of(job)
    assert estimate is not None
    return estimate


def test_the_longest_stage_decides() -> None:
    job = begun()
    estimate = found(job)
    assert estimate.done_at == at(12 + TRACK_SEC + COMPLETION_SEC)
    assert at(12) < estimate.low < estimate.done_at < estimate.high
    assert estimate.jobs == 3
    assert event_of(job).estimate == estimate


def test_sound_alone_needs_only_its_stage() -> None:
    assert found(begun(planned({Stage.TRACKING: "no picture"}))).done_at == at(12 + SPEECH_SEC + COMPLETION_SEC)


def test_time_that_the_job_waited_for_a_worker_does_not_count() -> None:
    assert estimate_of(planned()) is None
    assert found(begun(sec=500)).done_at == at(500 + TRACK_SEC + COMPLETION_SEC)


@pytest.mark.parametrize(("progress", "by"), [(0.5, 15.0), (0.5, 40.0)])
def test_a_stage_s_own_pace_counts_the_more_the_further_it_is(progress: float, by: float) -> None:
    job = jobs.start_stage(begun(), Stage.TRACKING, 1, at(12))
    estimate = found(jobs.note_progress(job, Stage.TRACKING, progress, 0, at(12 + by)))
    by_pace, as_planned = by / progress, TRACK_SEC
    total_sec = (estimate.done_at - at(12)).total_seconds() - COMPLETION_SEC
    assert min(by_pace, as_planned) < total_sec < max(by_pace, as_planned)


@pytest.mark.parametrize("behind_sec", [0.0, 0.01, 5.0])
def test_a_worker_with_a_clock_behind_notes_progress(behind_sec: float) -> None:
    """Transcription may begin while the sound is copied, and then has progress when the download ends."""
    job = planned()
    early = replace(job.stages[Stage.TRANSCRIPTION], state=StageState.RUNNING, started_at=at(5))
    job = replace(job, stages={**job.stages, Stage.TRANSCRIPTION: early})
    noted = jobs.note_progress(job, Stage.TRANSCRIPTION, 0.3, 0, at(10 - behind_sec))
    assert found(noted).done_at >= at(10)


def test_what_waits_for_another_stage_comes_after_it() -> None:
    job = begun()
    rendition = replace(job.stages[Stage.TRACKING], expected=expected(30.0))
    job = replace(job, options=JobOptions(overlay=True), stages={**job.stages, Stage.RENDITION: rendition})
    assert found(job).done_at == at(12 + TRACK_SEC + 30.0 + COMPLETION_SEC)


def test_after_the_last_stage_only_the_completion_is_left() -> None:
    job = jobs.finish_stage(jobs.finish_stage(begun(), Stage.TRANSCRIPTION, at(30)), Stage.TRACKING, at(60))
    assert found(job).done_at == at(60 + COMPLETION_SEC)


def test_there_is_none_where_it_would_be_a_guess() -> None:
    job = begun()
    late = jobs.note_progress(job, Stage.TRANSCRIPTION, 0.05, 0, at(12 + 4 * TRACK_SEC))
    nothing_known = replace(job, expected_completion=None)
    again = jobs.start_stage(replace(job, attempt=2), Stage.TRACKING, 1, at(20))
    ended = replace(job, status=JobStatus.DONE)
    for each in (jobs.request_cancel(job, at(13)), late, nothing_known, again, ended):
        assert estimate_of(each) is None
