"""The hourly clean-up over the in-memory storage."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.errors import NotFound
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.domain.task import TASKS
from shared.pipeline.context import StepContext
from shared.pipeline.dead_letters import dead_letter_task
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.execution.run_step import Delivery
from shared.pipeline.housekeeping.clean_up import clean_up, schedule_clean_up
from shared.pipeline.stages.sidecar import rebuild_sidecar
from shared.pipeline.tasks.job_manager import job_manager
from shared.pipeline.tasks.run_task import run_task
from shared.pipeline.tasks.schedules import run_due_schedules
from shared.storage.ports import RESULTS, SOURCES, WORK
from tests.support.scripted_store import instead


def work_blobs(harness: Any) -> list[str]:
    return [blob.name.rpartition("/")[2] for blob in harness.storage.blobs.listing(WORK, "")]


@pytest.fixture
def harness(harness: Any) -> Any:
    def leave_work(context: StepContext) -> None:
        harness.storage.blobs.write(WORK, context.work_blob(f"{context.job.job_id}.wav"), b"x", "audio/wav")

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = leave_work
    return harness


def test_what_stages_left_for_each_other_goes_once_the_job_is_done(harness: Any) -> None:
    done = harness.submit()
    harness.drain()
    canceled = harness.submit()
    harness.storage.blobs.write(WORK, f"acme/{canceled.session_id}/{canceled.job_id}/kept", b"x", "audio/wav")
    cancel_job(harness.services, "acme", canceled.job_id)
    harness.storage.blobs.write(WORK, "acme/gone/gone/orphan", b"x", "audio/wav")
    assert set(work_blobs(harness)) == {f"{done.job_id}.wav", "orphan", "kept"}

    clean_up(harness.services)

    assert work_blobs(harness) == ["kept"]


@pytest.mark.parametrize(("days", "left"), [(None, 2), (30, 1)])
def test_sessions_past_their_time_are_deleted(harness: Any, days: float | None, left: int) -> None:
    harness.services = replace(
        harness.services, settings=harness.services.settings.model_copy(update={"retention_days": days})
    )
    harness.submit()
    harness.drain()
    harness.now += timedelta(days=31)
    harness.submit()
    harness.drain()
    clean_up(harness.services)
    assert len(harness.storage.sessions.page("acme", limit=10).items) == left


def test_a_removal_that_broke_off_is_taken_up(harness: Any) -> None:
    job = harness.submit()
    stored = harness.storage.sessions.get("acme", job.session_id)
    harness.storage.sessions.update(stored, stored.value.evolve(deleted_at=harness.now))

    clean_up(harness.services)
    run_task(harness.services, job_manager, harness.storage.queues.pop(TASKS), Delivery("m", 1))

    with pytest.raises(NotFound):
        harness.storage.sessions.get("acme", job.session_id, even_deleted=True)
    assert harness.storage.queues.waiting() == []


def test_a_chore_that_fails_does_not_keep_the_others_from_being_done(
    harness: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(now: datetime) -> list[Any]:
        raise RuntimeError("out of order")

    harness.submit()
    harness.drain()
    clean_up(instead(harness.services, "uploads", expired=fail))
    assert work_blobs(harness) == []
    assert "clean-up failed" in caplog.text


def test_the_clean_up_runs_every_hour_however_often_it_is_scheduled(harness: Any) -> None:
    for _ in range(3):
        schedule_clean_up(harness.services)
    harness.now += timedelta(hours=3, minutes=1)
    run_due_schedules(harness.services)
    assert [message.name for message in harness.storage.queues.waiting(TASKS)] == ["clean_up"]


def test_dead_letters_are_kept_for_a_month_and_their_tasks_with_them(harness: Any) -> None:
    schedule_clean_up(harness.services)
    harness.now += timedelta(hours=1, minutes=1)
    run_due_schedules(harness.services)
    stored = harness.storage.tasks.get(harness.storage.queues.pop(TASKS).task_id)
    dead_letter_task(harness.services, stored, "It failed.")
    for days, left in ((29, 1), (2, 0)):
        harness.now += timedelta(days=days)
        clean_up(harness.services)
        assert len(list(harness.storage.dead_letters.of_queue("", TASKS))) == left
    with pytest.raises(NotFound):
        harness.storage.tasks.get(stored.value.task_id)


def test_blobs_of_sessions_that_are_gone_go_when_no_upload_can_be_on_its_way(harness: Any) -> None:
    kept = harness.submit()
    harness.drain()
    for container in (SOURCES, RESULTS):
        for session_id in ("gone", kept.session_id):
            harness.storage.blobs.write(container, f"acme/{session_id}/a.mp4", b"x", "video/mp4")
    orphans = [(SOURCES, "acme/gone/a.mp4"), (RESULTS, "acme/gone/a.mp4")]
    for hours, left in ((24, 2), (2, 0)):
        harness.now += timedelta(hours=hours)
        clean_up(harness.services)
        assert sum(harness.storage.blobs.facts(*orphan) is not None for orphan in orphans) == left
    assert harness.storage.blobs.facts(SOURCES, f"acme/{kept.session_id}/a.mp4") is not None
    assert harness.storage.blobs.facts(RESULTS, f"acme/{kept.session_id}/a.mp4") is not None


def test_a_sidecar_that_is_built_again_after_the_clean_up_keeps_its_scenes(harness: Any) -> None:
    job = harness.submit()
    found = {"scenes": [{"start": 0, "end": 1, "thumbnail": "scene-001.jpg"}], "thumbnails": []}
    name = f"acme/{job.session_id}/{job.job_id}/scenes.json"
    harness.storage.blobs.write(WORK, name, json.dumps(found).encode(), "application/json")
    harness.drain()
    clean_up(harness.services)
    assert harness.storage.blobs.facts(WORK, name) is None
    rebuild_sidecar(harness.services, "acme", job.job_id)
    sidecar = json.loads(harness.storage.blobs.read(RESULTS, f"acme/{job.session_id}/{job.job_id}/sidecar.json"))
    assert [scene["thumbnail"] for scene in sidecar["scenes"]] == ["scene-001.jpg"]
