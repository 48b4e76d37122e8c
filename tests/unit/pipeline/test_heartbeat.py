"""What a running step's sign of life writes, and when it says that the work is pointless. No thread, no waiting."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import job as jobs
from shared.domain.errors import NotMedia
from shared.domain.job import Job, new_job
from shared.domain.message import StepKind
from shared.domain.options import JobOptions
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import StepRun
from shared.pipeline.context import Services
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.execution.heartbeat import JOB_LOOK_SEC, PARTS_SHARE, Heartbeat, StopWork
from shared.pipeline.updates import change_job
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import Stored

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def services() -> Services:
    return Services(
        storage=MemoryStorage(lambda: NOW), settings=Settings(), clock=lambda: NOW, new_id=lambda: "id", work={}
    )


@pytest.fixture
def job(services: Services) -> Job:
    job = new_job(
        job_id="j", session_id="s", org_id="o", now=NOW, options=JobOptions(), callback_url=None, traceparent=None
    )
    services.storage.jobs.create(job)
    parts = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1}
    change_job(services, "o", "j", lambda current: jobs.plan_stages(current, parts, {}, NOW))
    return change_job(services, "o", "j", lambda current: jobs.finish_stage(current, Stage.DOWNLOAD, NOW))


@pytest.fixture
def claimed(services: Services, job: Job) -> Stored[StepRun]:
    part = StepRun(
        job_id=job.job_id,
        stage=Stage.TRANSCRIPTION,
        step=StepKind.PART,
        number=0,
        state=StageState.RUNNING,
        owner="m:1",
    )
    return services.storage.step_runs.create(part)


def test_a_part_that_begins_before_the_plan_tells_the_row_alone(services: Services, claimed: Stored[StepRun]) -> None:
    early = new_job(
        job_id="e", session_id="s", org_id="o", now=NOW, options=JobOptions(), callback_url=None, traceparent=None
    )
    services.storage.jobs.create(jobs.begin_early(early, 60.0, NOW))
    row = services.storage.step_runs.create(replace(claimed.value, job_id="e"))
    heartbeat = Heartbeat(services, early, row)
    heartbeat.report(0.5)
    heartbeat.beat()

    assert services.storage.step_runs.get(row.value).value.progress == 0.5
    assert services.storage.jobs.get("o", "e").value.stages[Stage.TRANSCRIPTION].progress == 0.0


def test_a_beat_tells_the_row_and_the_job(services: Services, job: Job, claimed: Stored[StepRun]) -> None:
    heartbeat = Heartbeat(services, job, claimed)
    heartbeat.report(0.5)
    heartbeat.beat()

    assert services.storage.step_runs.get(claimed.value).value.progress == 0.5
    assert services.storage.step_runs.get(claimed.value).value.heartbeat_at == NOW
    stage = services.storage.jobs.get("o", "j").value.stages[Stage.TRANSCRIPTION]
    assert stage.progress == pytest.approx(PARTS_SHARE * 0.5 / 2)


def test_a_beat_without_progress_makes_no_event(services: Services, job: Job, claimed: Stored[StepRun]) -> None:
    heartbeat = Heartbeat(services, job, claimed)
    heartbeat.report(0.5)
    heartbeat.beat()
    before = len(services.storage.jobs.events("o", "j"))
    heartbeat.report(0.501)
    heartbeat.beat()
    assert len(services.storage.jobs.events("o", "j")) == before


def test_the_work_stops_when_another_delivery_took_over(services: Services, job: Job, claimed: Stored[StepRun]) -> None:
    services.storage.step_runs.update(claimed, claimed.value.evolve(owner="m:2"))
    with pytest.raises(StopWork):
        Heartbeat(services, job, claimed).beat()


def test_the_work_goes_on_when_only_the_sweep_touched_the_row(
    services: Services, job: Job, claimed: Stored[StepRun]
) -> None:
    services.storage.step_runs.update(claimed, claimed.value.evolve(sends=2))
    heartbeat = Heartbeat(services, job, claimed)
    heartbeat.report(0.25)
    heartbeat.beat()
    heartbeat.beat()
    row = services.storage.step_runs.get(claimed.value).value
    assert (row.state, row.progress) == (StageState.RUNNING, 0.25)


def test_the_work_stops_when_the_job_has_ended(services: Services, job: Job, claimed: Stored[StepRun]) -> None:
    change_job(services, "o", "j", lambda current: jobs.fail(current, Stage.TRACKING, NotMedia("No."), NOW))
    with pytest.raises(StopWork):
        Heartbeat(services, job, claimed).beat()


def test_the_thread_makes_the_next_report_raise(services: Services, job: Job, claimed: Stored[StepRun]) -> None:
    quick = Services(
        storage=services.storage,
        settings=Settings(heartbeat_sec=0.001),
        clock=services.clock,
        new_id=services.new_id,
        work={},
    )
    services.storage.step_runs.update(claimed, claimed.value.evolve(owner="m:2"))
    with Heartbeat(quick, job, claimed) as heartbeat:
        heartbeat._thread.join()  # it ends by itself once the work is pointless
        with pytest.raises(StopWork):
            heartbeat.report(0.1)


def test_a_heartbeat_takes_back_what_the_sweep_sent_in_vain(
    services: Services, job: Job, claimed: Stored[StepRun]
) -> None:
    """Else the next silence of the same step would be looked into later, and the one after that later still."""
    heartbeat = Heartbeat(services, job, claimed)
    services.storage.step_runs.update(claimed, claimed.value.evolve(sends=3, sent_at=NOW))
    heartbeat.beat()
    heartbeat.beat()
    row = services.storage.step_runs.get(claimed.value).value
    assert (row.sends, row.heartbeat_at) == (1, NOW)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_sec(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def heartbeat(services: Services, job: Job, claimed: Stored[StepRun], clock: Clock) -> Heartbeat:
    """Heartbeats of a step that has looked at its job just now."""
    beating = Heartbeat(replace(services, clock=clock), job, claimed)
    beating.tick()
    return beating


def progress_of(services: Services) -> float:
    return services.storage.jobs.get("o", "j").value.stages[Stage.TRANSCRIPTION].progress


def test_a_step_renews_its_lease_more_often_than_it_looks_at_its_job(
    services: Services, heartbeat: Heartbeat, claimed: Stored[StepRun], clock: Clock
) -> None:
    heartbeat.report(0.5)
    clock.pass_sec(JOB_LOOK_SEC - 1)
    heartbeat.tick()
    row = services.storage.step_runs.get(claimed.value).value
    assert (row.heartbeat_at, row.progress) == (clock.now, 0.5)
    assert progress_of(services) == 0.0

    clock.pass_sec(1)
    heartbeat.tick()
    assert progress_of(services) == pytest.approx(PARTS_SHARE * 0.5 / 2)


def test_a_clock_that_was_put_back_keeps_no_step_from_its_job(
    services: Services, heartbeat: Heartbeat, clock: Clock
) -> None:
    heartbeat.report(0.5)
    clock.pass_sec(-3600)
    heartbeat.tick()
    assert progress_of(services) > 0.0


def test_a_step_stops_soon_after_its_job_ended(services: Services, heartbeat: Heartbeat, clock: Clock) -> None:
    change_job(services, "o", "j", lambda current: jobs.fail(current, Stage.TRACKING, NotMedia("No."), NOW))
    clock.pass_sec(1)
    heartbeat.tick()
    clock.pass_sec(JOB_LOOK_SEC)
    with pytest.raises(StopWork):
        heartbeat.tick()


def test_a_step_sees_a_cancellation_with_its_next_heartbeat(
    services: Services, heartbeat: Heartbeat, clock: Clock
) -> None:
    cancel_job(replace(services, clock=clock), "o", "j")
    clock.pass_sec(1)
    with pytest.raises(StopWork):
        heartbeat.tick()


def test_results_are_shown_only_after_a_look_at_the_job(services: Services, heartbeat: Heartbeat) -> None:
    change_job(services, "o", "j", lambda current: jobs.fail(current, Stage.TRACKING, NotMedia("No."), NOW))
    with pytest.raises(StopWork):
        heartbeat.beat()
