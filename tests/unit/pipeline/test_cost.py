"""What a job costs is told by its row: every attempt at every step once, however its messages come."""

import threading
import time
from contextvars import copy_context
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.domain.cost import Cost, Operation
from shared.domain.cost_payload import CostPayload, JobCostPayload
from shared.domain.errors import NotMedia
from shared.domain.job import Job
from shared.domain.message import QUEUES, StepKind
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import Delivery, StepContext
from shared.pipeline.execution.run_step import run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.jobs.submit import retry_job
from shared.pipeline.updates import change_job
from shared.storage.ports import WORK
from shared.telemetry.cost_meter import count, loading, metered
from tests.support.pipeline_harness import PipelineHarness

WORKED_SEC = 0.02
_SECOND = timedelta(seconds=1)

UNTOLD_SHARE = 0.25
"""The most of a job's requests that may be told by no row: those that a worker makes after the last row it writes."""


def burn(context: StepContext) -> None:
    """Use CPU time in a thread, as decoders do, and write and read a blob."""
    until = time.process_time() + WORKED_SEC
    worker = threading.Thread(target=lambda: [None for _ in iter(lambda: time.process_time() < until, False)])
    worker.start()
    worker.join()
    context.services.storage.blobs.write(WORK, context.work_blob("made"), b"x" * 1000, "text/plain")
    context.services.storage.blobs.read(WORK, context.work_blob("made"))


def crash(context: StepContext) -> None:
    burn(context)
    context.confirm()  # a heartbeat
    raise KeyboardInterrupt


def told(harness: Any, job: Job) -> JobCostPayload:
    found = JobCostPayload.of(harness.job(job))
    assert found is not None
    return found


def test_a_change_of_another_job_is_not_charged_with_a_steps_last_requests(harness: PipelineHarness) -> None:
    ours, other = harness.submit(), harness.submit()
    with metered(Stage.DOWNLOAD, ours.job_id) as meter:
        meter.is_settled = True
        for job in (other, ours):
            change_job(harness.services, job.org_id, job.job_id, lambda job: replace(job, first_part_sec=1.0))
    costs = [harness.job(job).stages[Stage.DOWNLOAD].cost for job in (ours, other)]
    assert costs[0] != costs[1] == other.stages[Stage.DOWNLOAD].cost


def test_the_time_of_loading_counts_once_however_many_load() -> None:
    def load() -> None:
        with loading(), loading():
            time.sleep(WORKED_SEC)

    with metered() as meter:
        threads = [threading.Thread(target=copy_context().run, args=(load,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spent = meter.spent()
    assert WORKED_SEC <= spent.loading_sec <= spent.wall_sec


def blob_requests(cost: CostPayload) -> tuple[int, int]:
    """Return how often the step's blob was written and read."""
    return cost.operations.get(Operation.BLOB_WRITE, 0), cost.operations.get(Operation.BLOB_READ, 0)


def run_all(harness: Any, deliveries: int = 1) -> Cost:
    """Deliver every message so many times; return the requests that storage saw meanwhile."""
    with metered(counts_inner=True) as seen:
        while (message := harness.storage.queues.pop(*QUEUES.values())) is not None:
            for _ in range(deliveries):
                run_step(harness.services, message, Delivery(f"m{harness.now}", 1))
    return seen.spent()


def test_a_job_tells_what_each_stage_cost(new_harness: Any) -> None:
    harness = new_harness(parts={Stage.TRANSCRIPTION: 2, Stage.TRACKING: 2})
    harness.instead = {(Stage.TRACKING, StepKind.PART): burn}
    job = harness.submit()
    seen = run_all(harness)

    cost = told(harness, job)
    tracking = cost.stages[Stage.TRACKING]
    assert tracking.cpu_sec >= 2 * WORKED_SEC
    assert tracking.wall_sec >= 2 * WORKED_SEC
    assert tracking.bytes_read == 2000
    assert tracking.bytes_written >= 2000
    assert cost.stages[Stage.TRANSCRIPTION].bytes_read == 0
    assert set(cost.stages) == set(Stage)
    assert cost.completion.operations[Operation.BLOB_WRITE] >= 1  # the sidecar
    assert cost.total.cpu_sec >= tracking.cpu_sec
    assert cost.total.bytes_written == seen.bytes_written
    for kind in (Operation.BLOB_READ, Operation.BLOB_WRITE, Operation.QUEUE_SEND):
        assert cost.total.operations[kind] == seen.operations[kind]
    requests = sum(seen.operations.values())
    assert requests * (1 - UNTOLD_SHARE) <= sum(cost.total.operations.values()) <= requests


def test_a_redelivered_message_adds_only_what_it_did(new_harness: Any) -> None:
    once, twice = new_harness(), new_harness()
    costs = []
    for harness, deliveries in ((once, 1), (twice, 2)):
        harness.instead = {(Stage.TRACKING, StepKind.PART): burn}
        job = harness.submit()
        run_all(harness, deliveries)
        costs.append(told(harness, job).stages[Stage.TRACKING])
    assert blob_requests(costs[0]) == blob_requests(costs[1])
    assert costs[0].bytes_written == costs[1].bytes_written


def test_attempts_that_failed_or_crashed_count(new_harness: Any) -> None:
    harness = new_harness()
    attempts = iter([crash, crash, burn])

    def attempt(context: StepContext) -> None:
        def confirm_later() -> None:
            harness.now += harness.services.settings.heartbeat_sec * _SECOND
            context.confirm()

        next(attempts)(replace(context, confirm=confirm_later))

    harness.instead = {(Stage.TRACKING, StepKind.PART): attempt}
    job = harness.submit()
    for _ in range(3):
        try:
            run_all(harness)
        except KeyboardInterrupt:  # the worker ended
            harness.now += harness.services.settings.stale_after_sec * _SECOND
            sweep(harness.services)
    assert harness.job(job).status is JobStatus.DONE

    tracking = told(harness, job).stages[Stage.TRACKING]
    assert tracking.cpu_sec >= 3 * WORKED_SEC
    assert tracking.bytes_read == 3000


def test_a_job_that_failed_and_began_again_tells_of_both_attempts(new_harness: Any) -> None:
    harness = new_harness()

    def refuse(context: StepContext) -> None:
        burn(context)
        raise NotMedia("It is a text file.")

    harness.instead = {(Stage.TRACKING, StepKind.PART): refuse}
    job = harness.submit()
    run_all(harness)
    assert harness.job(job).status is JobStatus.ERROR
    failed = told(harness, job)
    assert failed.stages[Stage.TRACKING].bytes_read == 1000
    assert failed.stages[Stage.TRACKING].cpu_sec >= WORKED_SEC

    harness.instead = {(Stage.TRACKING, StepKind.PART): burn}
    retry_job(harness.services, job.org_id, job.job_id)
    run_all(harness)
    again = told(harness, job)
    assert harness.job(job).status is JobStatus.DONE
    assert again.stages[Stage.TRACKING].bytes_read == 2000
    assert again.stages[Stage.DOWNLOAD].wall_sec >= failed.stages[Stage.DOWNLOAD].wall_sec


def test_two_works_at_once_share_the_time_of_the_process() -> None:
    before = time.process_time()
    with metered() as one, metered(counts_inner=True) as other, metered() as inner:
        count(Operation.TABLE_READ)
        until = time.process_time() + WORKED_SEC
        while time.process_time() < until:
            pass
    assert inner.spent().cpu_sec >= WORKED_SEC
    assert one.spent().cpu_sec < WORKED_SEC > other.spent().cpu_sec
    assert sum(each.spent().cpu_sec for each in (one, other, inner)) <= time.process_time() - before + 0.01
    assert other.spent().operations == {Operation.TABLE_READ: 1}
    assert one.spent().operations == {}
