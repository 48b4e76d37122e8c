"""What a job is expected to take is learned from earlier jobs, once a job, and asked for with one request."""

import io
import wave
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain import job as jobs
from shared.domain.cost import Cost, Operation, StageCost
from shared.domain.errors import StorageUnavailable
from shared.domain.expectation import Expectation
from shared.domain.idempotency import Reserved
from shared.domain.job import Job
from shared.domain.message import StepKind
from shared.domain.options import JobOptions
from shared.domain.pace import FIRST_SPREAD, Extent, Pace
from shared.domain.recording import Recording, VideoStream
from shared.domain.stage import Stage, StageState
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.pipeline.jobs.submit import JobRequest
from shared.pipeline.jobs.uploads import announce_upload, commit_upload
from shared.pipeline.stages.download import download_recording
from shared.pipeline.stages.expectations import expect, learn, read_paces
from shared.storage.ports import SOURCES
from shared.telemetry.cost_meter import metered
from tests.support.api_harness import make_services
from tests.support.pipeline_harness import SETTINGS, PipelineHarness
from tests.support.scripted_store import scripted

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEC = 60.0
RECORDING = Recording(
    container="mp4",
    size_bytes=1,
    start_sec=0.0,
    duration_sec=SEC,
    video=VideoStream(
        index=0, codec="h264", width=640, height=360, rotation=0, fps=25.0, start_sec=0.0, duration_sec=SEC
    ),
    audio=None,
    warnings=(),
)


def done(services: Services, tracking_sec: float, waited_sec: float = 0.0) -> Job:
    """Return a job that is done, after it waited for a worker between its stages."""

    def at(sec: float) -> datetime:
        return NOW + timedelta(seconds=sec)

    job = jobs.new_job(
        job_id="j",
        session_id="s",
        org_id="o",
        now=NOW,
        options=jobs.JobOptions(rendition="never"),
        callback_url=None,
        traceparent=None,
    )
    job = jobs.start_stage(job, Stage.DOWNLOAD, 1, NOW)
    job = jobs.plan_stages(job, {}, {Stage.TRANSCRIPTION: "no sound"}, NOW)
    job = jobs.expect(job, SEC, expected(services, job))
    job = jobs.advance_status(jobs.finish_stage(job, Stage.DOWNLOAD, NOW), JobStatus.DOWNLOADED, NOW)
    job = jobs.advance_status(job, JobStatus.TRANSCRIBED, NOW)
    job = jobs.start_stage(job, Stage.TRACKING, 1, at(waited_sec))
    job = jobs.finish_stage(job, Stage.TRACKING, at(waited_sec + tracking_sec))
    return jobs.complete(job, at(waited_sec + tracking_sec + 1))


def expected(services: Services, job: Job) -> Mapping[str, Expectation]:
    return expect(read_paces(services, job.options, RECORDING), job, SEC)


def tracking(services: Services) -> Any:
    return expected(services, replace(done(services, 1.0), status=JobStatus.CREATED))[Stage.TRACKING]


def test_a_job_teaches_how_long_the_next_one_takes() -> None:
    services = make_services()
    assert tracking(services).jobs == 0
    for waited_sec in (0.0, 300.0, 20.0):
        learn(services, done(services, 30.0, waited_sec))
    assert abs(tracking(services).sec - 30.0) < 3.0
    assert tracking(services).jobs == 3
    assert {kind.partition("-")[0] for kind in services.storage.paces.all()} == {"tracking", "completion"}


def loaded(job: Job, stage: Stage, loading_sec: float, **changes: Any) -> Job:
    """Return the job whose stage loaded models for so long."""
    cost = StageCost(steps=Cost(loading_sec=loading_sec))
    return replace(job, stages={**job.stages, stage: replace(job.stages[stage], cost=cost, **changes)})


def test_loading_models_is_no_lesson() -> None:
    services = make_services()
    learn(services, loaded(done(services, 30.0), Stage.TRACKING, 20.0))
    assert abs(tracking(services).sec - 10.0) < 1.0


def test_what_the_worker_loaded_for_the_stage_before_is_no_lesson_either() -> None:
    services = make_services()
    job = done(services, 30.0, waited_sec=25.0)  # for the worker that transcribed
    spoken = {"state": StageState.DONE, "started_at": NOW, "finished_at": NOW + timedelta(seconds=25)}
    learn(services, loaded(job, Stage.TRANSCRIPTION, 20.0, **spoken))
    assert abs(tracking(services).sec - 35.0) < 3.0


def test_nothing_is_taken_off_for_models_that_were_loaded_before_the_stage_counts() -> None:
    services = make_services()
    early = NOW - timedelta(seconds=5)
    job = done(services, 30.0)
    learn(services, loaded(job, Stage.TRACKING, 20.0, started_at=early))
    assert abs(tracking(services).sec - 30.0) < 3.0


def test_a_stage_that_loaded_for_longer_than_it_took_teaches_nothing() -> None:
    services = make_services()
    learn(services, loaded(done(services, 30.0), Stage.TRACKING, 40.0))
    assert tracking(services).jobs == 0


def test_jobs_that_were_planned_before_anything_was_learned_do_not_widen_the_range() -> None:
    """They came at once, to a machine that is much slower than the defaults."""
    services = make_services()
    for job in [done(services, 300.0) for _ in range(10)]:
        learn(services, job)
    assert tracking(services).jobs == 10
    assert tracking(services).spread <= FIRST_SPREAD


def test_nothing_is_learned_from_a_job_that_met_a_failure_or_did_not_end_well() -> None:
    services = make_services()
    job = done(services, 30.0)
    for each in (replace(job, attempt=2), replace(job, status=JobStatus.ERROR), replace(job, recording_sec=None)):
        learn(services, each)
    assert services.storage.paces.all() == {}


def test_workers_that_learn_at_once_lose_nothing() -> None:
    services = make_services()
    learn(services, done(services, 30.0))
    storage = scripted(services.storage, "paces")
    real, seen = services.storage.paces.all, []

    def all_and_another_learns() -> Any:
        found = real()
        if not seen:
            seen.append(found)
            learn(services, done(services, 30.0))
        return found

    storage.paces.script(all=all_and_another_learns)  # type: ignore[attr-defined]
    learn(replace(services, storage=storage, sleep=lambda sec: None), done(services, 30.0))
    assert {stored.value.jobs for stored in real().values()} == {3}


def test_an_expectation_costs_one_request_and_a_job_needs_none() -> None:
    services = make_services()
    job = done(services, 30.0)
    with metered() as meter:
        expected(services, job)
    assert meter.spent().operations == {Operation.TABLE_QUERY: 1}

    def fail(*arguments: object) -> None:
        raise StorageUnavailable("It does not answer.")

    storage = scripted(services.storage, "paces")
    storage.paces.script(all=fail)  # type: ignore[attr-defined]
    cut_off = replace(services, storage=storage)
    assert expected(cut_off, job) == {}
    learn(cut_off, job)


def test_a_pace_is_kept_by_its_kind() -> None:
    services = make_services()
    learn(services, done(services, 30.0))
    stored = services.storage.paces.all()["tracking-plain-h264-small"].value
    assert isinstance(stored, Pace)
    assert (stored.kind, stored.jobs) == ("tracking-plain-h264-small", 1)


def test_the_plan_expects_by_the_number_of_parts_that_the_job_has() -> None:
    harness = PipelineHarness(settings=SETTINGS.model_copy(update={"transcription_part_sec": 30.0}))
    harness.services.work[Stage.DOWNLOAD, StepKind.PART] = download_recording  # type: ignore[index]
    first = run_upload(harness, "first").stages[Stage.TRANSCRIPTION]
    assert first.parts == 2
    assert first.expected is not None
    pace = harness.storage.paces.all()[first.expected.kind].value
    second = run_upload(harness, "second").stages[Stage.TRANSCRIPTION].expected
    assert second is not None
    assert second == pace.expect(Extent(SEC, first.parts))
    assert second.sec != pace.expect(Extent(SEC)).sec


def run_upload(harness: PipelineHarness, name: str) -> Job:
    """Upload a minute of silence, and return its job when it is done; the steps after the download are no work."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(bytes(int(2 * 8000 * SEC)))
    reserved = Reserved(job_id=name, session_id=name, resource_id=name)
    size_bytes = file.getbuffer().nbytes
    announced = announce_upload(harness.services, "o", "talk.wav", size_bytes, "audio/wav", JobOptions(), reserved)
    blob = announced.upload.source_blob
    harness.storage.blobs.stage_block(SOURCES, blob, 0, file.getvalue())
    harness.storage.blobs.commit_blocks(SOURCES, blob, 1, "audio/wav")
    job = commit_upload(harness.services, JobRequest(org_id="o"), name, None)
    harness.drain()
    done = harness.job(job)
    assert done.status is JobStatus.DONE
    return done
