"""Deleting a session at every step of its jobs: nothing is left, and no worker brings anything back."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.domain.errors import NotFound
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.domain.step_run import STEPS
from shared.domain.task import TASKS
from shared.pipeline.context import StepContext
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.housekeeping.delete_session import LOOK_AGAIN, delete_session
from shared.pipeline.jobs.submit import JobRequest, submit_session
from shared.pipeline.stages.sidecar import rebuild_sidecar
from shared.pipeline.tasks.job_manager import job_manager
from shared.pipeline.tasks.run_task import run_task
from shared.storage.memory import MemoryStorage
from shared.storage.memory_table import MemoryTable
from shared.storage.ports import RESULTS, SOURCES, WORK
from tests.support.pipeline_harness import PipelineHarness
from tests.support.scripted_store import instead

ALL_STEPS = [(stage, step) for stage in Stage for step in STEPS[stage]]


@dataclass
class OpenHarness(PipelineHarness):
    """A pipeline whose tables can be looked into, by name."""

    tables: dict[str, MemoryTable] = field(default_factory=dict)

    def _make_storage(self) -> MemoryStorage:
        return MemoryStorage(self._tick, lambda name: self.tables.setdefault(name, MemoryTable(self._tick)))


def left_over(harness: OpenHarness) -> list[str]:
    """Everything that is in storage, by its name, but what is kept of deleted sessions."""
    tables = [table for name, table in harness.tables.items() if name != "removals"]
    rows = [f"{row.partition}/{row.key}" for table in tables for row in table.scan_partitions("")]
    blobs = [
        each.name for container in (SOURCES, WORK, RESULTS) for each in harness.storage.blobs.listing(container, "")
    ]
    return rows + blobs + [message.to_text() for message in harness.storage.queues.waiting()]


def leave_blobs(harness: Any, session: Any, job_id: str) -> None:
    for container, name in ((SOURCES, "talk.mp4"), (WORK, f"{job_id}/audio.wav"), (RESULTS, f"{job_id}/a.json")):
        blob = f"{session.org_id}/{session.session_id}/{name}"
        harness.storage.blobs.write(container, blob, b"x", "video/mp4")
        harness.storage.blobs.stage_block(container, blob, 3, b"y")


def run_until(harness: Any, stage: Stage, step: StepKind) -> Any:
    for _ in range(20):
        for message in harness.take():
            if (message.stage, message.step) == (stage, step):
                return message
            run_step(harness.services, message, Delivery(f"m-{harness.now}", 1))
    raise AssertionError(f"{stage} {step} was never asked for")


@pytest.mark.parametrize(("stage", "step"), ALL_STEPS)
def test_a_session_without_a_worker_is_gone_at_once(stage: Stage, step: StepKind) -> None:
    harness = OpenHarness(parts={Stage.TRANSCRIPTION: 2, Stage.TRACKING: 2})
    other = harness.submit()
    kept = left_over(harness)
    job = harness.submit()
    leave_blobs(harness, job, job.job_id)
    again = submit_session(harness.services, JobRequest(org_id="acme"), job.session_id)
    other_message = harness.storage.queues.pop()
    assert other_message.job_id == other.job_id
    message = run_until(harness, stage, step)

    delete_session(harness.services, "acme", job.session_id)

    remaining = left_over(harness)
    assert [name for name in remaining if job.session_id in name or again.job_id in name] == []
    assert len(remaining) == len(kept) - 1  # the other job's message was taken out
    run_step(harness.services, message, Delivery("late", 1))
    assert left_over(harness) == remaining
    with pytest.raises(NotFound):
        delete_session(harness.services, "acme", job.session_id)


@pytest.mark.parametrize(("stage", "step"), ALL_STEPS)
def test_a_session_at_work_is_out_of_sight_at_once_and_gone_when_the_work_has_stopped(
    stage: Stage, step: StepKind
) -> None:
    harness = OpenHarness()

    def deleted_meanwhile(context: StepContext) -> None:
        delete_session(harness.services, "acme", job.session_id)
        with pytest.raises(NotFound):
            harness.storage.sessions.get("acme", job.session_id)
        assert harness.storage.sessions.page("acme", limit=10).items == ()
        leave_blobs(harness, job, job.job_id)

    harness.instead[stage, step] = deleted_meanwhile
    job = harness.submit()
    message = run_until(harness, stage, step)
    try:
        run_step(harness.services, message, Delivery("running", 1))
    except NotFound:  # the host redelivers the message of a step that is gone
        run_step(harness.services, message, Delivery("running", 2))
    harness.now += LOOK_AGAIN
    run_task(harness.services, job_manager, harness.storage.queues.pop(TASKS), Delivery("task", 1))

    assert left_over(harness) == []


def test_a_job_over_a_session_that_is_being_deleted_is_not_accepted() -> None:
    harness = OpenHarness()
    job = harness.submit()
    create = harness.storage.jobs.create

    def deleted_just_before(new: Any) -> Any:
        delete_session(harness.services, "acme", job.session_id)
        return create(new)

    services = instead(harness.services, "jobs", create=deleted_just_before)
    with pytest.raises(NotFound):
        submit_session(services, JobRequest(org_id="acme"), job.session_id)
    assert left_over(harness) == []


def test_a_session_deleted_while_its_sidecar_is_written_leaves_nothing() -> None:
    harness = OpenHarness()
    job = harness.submit()
    harness.drain()
    (task,) = harness.storage.queues.waiting()  # the index of the slides
    of_the_task = [each for each in left_over(harness) if task.task_id in each]
    write, sessions = harness.storage.blobs.write, iter([job.session_id])

    def deleted_just_before(*arguments: Any, **more: Any) -> Any:
        for session_id in sessions:
            delete_session(harness.services, "acme", session_id)
        return write(*arguments, **more)

    rebuild_sidecar(instead(harness.services, "blobs", write=deleted_just_before), "acme", job.job_id)
    assert list(sessions) == []
    assert left_over(harness) == of_the_task
