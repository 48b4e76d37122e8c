"""Turns in the stages' queues: between jobs and organisations, with one worker that takes the first message."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any

import pytest

from shared.domain.job import Job, start_stage
from shared.domain.message import StageMessage, StepKind
from shared.domain.options import JobOptions
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import StepContext
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.jobs.submit import JobRequest, retry_job, submit_url
from shared.pipeline.updates import change_job
from shared.storage.memory import MemoryStorage
from shared.storage.memory_table import MemoryTable
from shared.storage.table import Row
from tests.support.crashing_harness import CrashingHarness
from tests.support.pipeline_harness import PipelineHarness

QUEUE = "transcriptions"
LONG, SHORT = 36, 1
LIMIT = 3


class CountingTable(MemoryTable):
    """A table that counts how many rows are read one by one."""

    gets = 0

    def get(self, partition: str, key: str) -> Row:
        self.gets += 1
        return super().get(partition, key)


def make_harness(parts: int = SHORT, **settings: int) -> PipelineHarness:
    harness = PipelineHarness()
    set_up(harness, parts, **settings)
    return harness


def set_up(harness: PipelineHarness, parts: int, **settings: int) -> None:
    harness.parts = {Stage.TRANSCRIPTION: parts}
    harness.skipped = {Stage.TRACKING: "no", Stage.RENDITION: "no"}
    harness.services = replace(harness.services, settings=harness.services.settings.model_copy(update=settings))


def submit(harness: PipelineHarness, org_id: str = "acme", **more: Any) -> Job:
    request = JobRequest(org_id=org_id, options=JobOptions(), **more)
    return submit_url(harness.services, request, "https://example.com/talk.mp4")


def deliver(harness: PipelineHarness, *queues: str) -> StageMessage | None:
    """Run the step of the first message that can be seen, and return the message."""
    message = harness.storage.queues.pop(*queues)
    if message is None:
        return None
    assert isinstance(message, StageMessage)
    run_step(harness.services, message, Delivery(f"m{harness.now}", 1))
    return message


def download(harness: PipelineHarness, parts: int, org_id: str = "acme") -> Job:
    """Submit a job and run its download, which plans so many parts."""
    job = submit(harness, org_id)
    harness.parts = {Stage.TRANSCRIPTION: parts}
    deliver(harness, "downloads")
    return job


def steps_until_done(harness: PipelineHarness, job: Job) -> int:
    """Return how many steps the one worker runs until the job is done."""
    for steps in range(200):
        if harness.job(job).status is JobStatus.DONE:
            return steps
        assert deliver(harness, QUEUE) is not None
    raise AssertionError("it is never done")


def test_a_short_job_does_not_wait_for_a_long_one() -> None:
    harness = make_harness()
    long = download(harness, LONG)
    short = download(harness, SHORT)
    assert steps_until_done(harness, short) <= 6
    assert harness.job(long).status is not JobStatus.DONE


def test_an_organisations_many_long_jobs_leave_turns_to_another_one() -> None:
    harness = make_harness(max_running_jobs_per_org=LIMIT)
    for _ in range(LIMIT):
        download(harness, LONG)
    for _ in range(50):
        submit(harness)  # they wait
    assert harness.storage.queues.facts("downloads").waiting == 0
    other = download(harness, SHORT, "globex")
    assert steps_until_done(harness, other) <= 2 * (2 * LIMIT + 1)


def test_all_parts_of_one_job_run_at_once_when_the_machine_is_free() -> None:
    harness = make_harness()
    download(harness, LONG)
    running: list[int] = []

    def begin_others(context: StepContext) -> None:
        """Stand in for other free workers: each takes the next message while this part is at work."""
        running.append(1)
        deliver(harness, QUEUE)

    harness.instead = {(Stage.TRANSCRIPTION, StepKind.PART): begin_others}
    deliver(harness, QUEUE)
    assert len(running) == LONG  # every part had begun before the first one ended


def test_an_organisation_runs_so_many_jobs_and_each_that_ends_lets_the_next_begin() -> None:
    harness = make_harness(max_running_jobs_per_org=LIMIT)
    jobs = [submit(harness) for _ in range(10)]
    begun: list[str] = []
    while (message := deliver(harness)) is not None:
        if message.stage is Stage.DOWNLOAD:
            begun.append(message.job_id)
        active = [each for each in harness.storage.jobs.all_active() if each.started_at is not None]
        assert len(active) <= LIMIT
    assert begun == [job.job_id for job in jobs]  # the oldest first, without a sweep
    assert {harness.job(job).status for job in jobs} == {JobStatus.DONE}


def test_many_jobs_that_are_due_at_once_wait_for_their_turn() -> None:
    harness = make_harness(max_running_jobs_per_org=LIMIT)
    later = harness.now + timedelta(hours=1)
    jobs = [submit(harness, start_at=later) for _ in range(8)]
    present = submit(harness)
    deliver(harness)
    assert harness.job(present).started_at is not None  # those that begin later take no place
    harness.now = later
    while deliver(harness) is not None:
        active = [each for each in harness.storage.jobs.all_active() if each.started_at is not None]
        assert len(active) <= LIMIT + 1
    for _ in range(20):
        harness.now += timedelta(seconds=30)
        sweep(harness.services)
        while deliver(harness) is not None:
            pass
    assert {harness.job(job).status for job in jobs} == {JobStatus.DONE}


def test_a_retried_job_waits_for_a_place_as_a_new_one_does() -> None:
    harness = make_harness(parts=2, max_running_jobs_per_org=1)
    retried = submit(harness)
    deliver(harness)
    cancel_job(harness.services, "acme", retried.job_id)
    running, waiting = submit(harness), submit(harness)
    deliver(harness, "downloads")
    assert harness.job(running).has_begun

    retry_job(harness.services, "acme", retried.job_id)
    for _ in range(3):
        harness.now += timedelta(seconds=40)
        sweep(harness.services)
    assert harness.job(retried).waits
    begun = [message.job_id for message in iter(lambda: deliver(harness), None)]
    assert list(dict.fromkeys(begun)) == [running.job_id, retried.job_id, waiting.job_id]
    assert {harness.job(job).status for job in (running, retried, waiting)} == {JobStatus.DONE}


def test_messages_of_a_retried_job_that_came_too_early_are_sent_again_in_its_turn() -> None:
    harness = make_harness(parts=2, max_running_jobs_per_org=1)
    retried, running = submit(harness), submit(harness)
    deliver(harness)
    cancel_job(harness.services, "acme", retried.job_id)
    harness.take()  # the first message of the other one is lost
    retry_job(harness.services, "acme", retried.job_id)
    assert len(harness.storage.queues.waiting(QUEUE)) == 2
    change_job(harness.services, "acme", running.job_id, lambda job: start_stage(job, Stage.DOWNLOAD, 1, harness.now))
    deliver(harness, QUEUE)
    deliver(harness, QUEUE)
    assert harness.job(retried).waits
    harness.now += timedelta(minutes=2)
    sweep(harness.services)
    while deliver(harness) is not None:
        pass
    assert {harness.job(job).status for job in (retried, running)} == {JobStatus.DONE}


def test_a_sweep_reads_no_job_that_begins_later_or_waits_for_a_place() -> None:
    harness = make_harness(max_running_jobs_per_org=LIMIT)
    table = CountingTable(harness.services.clock)
    others = cache(lambda name: MemoryTable(harness.services.clock))
    harness.storage = MemoryStorage(harness.services.clock, lambda name: table if name == "jobs" else others(name))
    harness.services = replace(harness.services, storage=harness.storage)
    for number in range(40):
        submit(harness, start_at=harness.now + timedelta(hours=1, seconds=number))
    for _ in range(LIMIT + 40):
        submit(harness)
    before = table.gets
    sweep(harness.services)
    assert LIMIT <= table.gets - before <= 4 * LIMIT


def test_a_delayed_job_whose_cancellation_crashed_ends_before_its_time() -> None:
    for crash_at in count(1):
        harness = CrashingHarness()
        job = submit(harness, start_at=harness.now + timedelta(days=1))
        if not harness.crash_point.crashes_at(crash_at, lambda: cancel_job(harness.services, "acme", job.job_id)):  # noqa: B023  called at once
            assert crash_at > 3
            return
        harness.now += timedelta(minutes=2)
        sweep(harness.services)
        assert harness.job(job).is_final or not harness.job(job).cancel_requested


def test_a_waiting_job_can_be_canceled() -> None:
    harness = make_harness(max_running_jobs_per_org=1)
    first, second = submit(harness), submit(harness)
    assert cancel_job(harness.services, "acme", second.job_id).status is JobStatus.CANCELED
    while deliver(harness) is not None:
        pass
    assert harness.job(first).status is JobStatus.DONE


@pytest.mark.parametrize("lost", [False, True], ids=["redelivered", "lost"])
def test_no_crash_strands_a_step_or_a_waiting_job(lost: bool) -> None:
    harness = CrashingHarness(loses=lambda: lost)
    set_up(harness, parts=2, max_running_jobs_per_org=1, messages_ahead=1)
    ids = ["j2", "j1"]  # the older one first

    def submit_both() -> None:
        for job_id in ids:
            submit(harness, job_id=job_id, session_id=f"s-{job_id}")

    def begin() -> None:
        while not harness.alive(submit_both):
            pass  # the client sends the requests again

    def second_is_at_work(context: StepContext) -> None:
        if context.job.job_id == ids[1] and context.message.part == 1:
            harness.crash_to_here()  # what is left is the end of a job that nothing waits for

    harness.instead[Stage.TRANSCRIPTION, StepKind.PART] = second_is_at_work
    crashes = 0
    for _ in harness.crash_everywhere(begin):
        crashes += 1
        for job_id in ids:
            assert harness.storage.jobs.get("acme", job_id).value.status is JobStatus.DONE
    assert crashes >= 95
