"""The sweep: how soon it asks again, how much it does at once, and what happens when two run at once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.cost import Operation
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.domain.step_run import StepRun
from shared.job_status import JobStatus
from shared.pipeline.context import StepContext
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.execution.sweep import BUDGET, sweep
from shared.pipeline.housekeeping.delete_session import delete_session
from shared.storage.ports import RESULTS, SOURCES, WORK, Stored
from shared.telemetry.cost_meter import metered
from tests.support.pipeline_harness import PipelineHarness
from tests.support.scripted_store import instead

TIMER = timedelta(seconds=15)
PROMISE = timedelta(minutes=1)


def killed(context: StepContext) -> None:
    raise SystemExit


def seconds_until_asked_again(harness: PipelineHarness) -> float:
    since, until = harness.now, harness.now + 2 * PROMISE
    while harness.now < until:
        harness.now += TIMER
        sweep(harness.services)
        if harness.take():
            return (harness.now - since).total_seconds()
    raise AssertionError("the sweep sent no message")


def test_a_message_that_was_never_sent_is_sent_within_a_minute(harness: PipelineHarness) -> None:
    harness.submit()
    harness.take()
    assert seconds_until_asked_again(harness) < PROMISE.total_seconds()


def test_a_step_whose_host_crashed_is_requeued_within_a_minute(harness: PipelineHarness) -> None:
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = killed
    harness.submit()
    (message,) = harness.take()
    with pytest.raises(SystemExit):
        run_step(harness.services, message, Delivery("hidden for ten minutes", 1))
    assert seconds_until_asked_again(harness) < PROMISE.total_seconds()


@pytest.mark.parametrize("moved", [timedelta(minutes=10), timedelta(minutes=-10)])
def test_the_same_although_the_clock_was_moved_since(harness: PipelineHarness, moved: timedelta) -> None:
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = killed
    harness.submit()
    (message,) = harness.take()
    with pytest.raises(SystemExit):
        run_step(harness.services, message, Delivery("hidden for ten minutes", 1))
    harness.now += moved
    assert seconds_until_asked_again(harness) < PROMISE.total_seconds()


def test_a_message_that_waits_its_turn_is_seldom_sent_again(harness: PipelineHarness) -> None:
    harness.submit()
    harness.take()
    asked = 0
    for _ in range(4 * 60):
        harness.now += TIMER
        sweep(harness.services)
        asked += len(harness.take())
    assert 1 <= asked <= 4


def test_parts_that_were_never_asked_for_are_found_although_the_stage_has_begun(harness: PipelineHarness) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 3, Stage.TRACKING: 1}
    job = harness.submit()
    create = harness.storage.step_runs.create

    def die_before_the_second(part: StepRun) -> Stored[StepRun]:
        if part.stage is Stage.TRANSCRIPTION and part.number == 1:
            raise SystemExit
        return create(part)

    (download,) = harness.take()
    crashing = instead(harness.services, "step_runs", create=die_before_the_second)
    with pytest.raises(SystemExit):
        run_step(crashing, download, Delivery("download", 1))

    harness.now += PROMISE
    sweep(harness.services)
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE


def test_two_sweeps_at_once_send_each_message_once(harness: PipelineHarness) -> None:
    jobs = [harness.submit() for _ in range(3)]
    harness.take()
    harness.now += PROMISE
    send, nested = harness.storage.queues.send, list[bool]()

    def send_and_sweep(*arguments: Any) -> Any:
        receipt = send(*arguments)
        if not nested:
            nested.append(True)
            sweep(harness.services)
        return receipt

    sweep(instead(harness.services, "queues", send=send_and_sweep))
    assert nested
    assert Counter(message.job_id for message in harness.take()) == Counter(job.job_id for job in jobs)


def test_one_run_does_so_much_and_the_next_ones_do_the_rest(harness: PipelineHarness) -> None:
    jobs = {harness.submit().job_id for _ in range(8)}
    harness.take()
    harness.now += PROMISE
    send = harness.storage.queues.send

    def slow(*arguments: Any) -> Any:
        harness.now += BUDGET / 3
        return send(*arguments)

    services = instead(harness.services, "queues", send=slow)
    assert sweep(services) == 3
    for _ in range(100):
        sweep(services)
    assert {message.job_id for message in harness.take()} == jobs


def test_a_sweep_of_many_jobs_that_lack_nothing_costs_one_query_for_each(harness: PipelineHarness) -> None:
    any_number = harness.services.settings.model_copy(update={"max_running_jobs_per_org": 0})
    harness.services = replace(harness.services, settings=any_number)
    for _ in range(40):
        harness.submit()
    harness.take()
    with metered(counts_inner=True) as meter:
        sweep(harness.services)
    assert meter.spent().operations == {Operation.TABLE_QUERY: 42}  # the index, the jobs, and the steps of each job


def suspended(harness: PipelineHarness, during: Callable[[], None]) -> Callable[[StepContext], None]:
    """A worker that stands still for longer than anybody waits for it, while others do something, and then goes on."""

    def work(context: StepContext) -> None:
        harness.instead.clear()
        harness.now += timedelta(seconds=harness.services.settings.stale_after_sec)
        during()
        for container, name in ((WORK, "part.json"), (RESULTS, "transcript.json")):
            harness.storage.blobs.write(container, context.work_blob(name), b"late", "application/json")

    return work


@pytest.mark.parametrize(
    ("stage", "step"),
    [(Stage.DOWNLOAD, StepKind.PART), (Stage.TRANSCRIPTION, StepKind.PART), (Stage.TRACKING, StepKind.MERGE)],
)
def test_a_suspended_worker_writes_nothing_after_it_lost_its_lease(
    harness: PipelineHarness, stage: Stage, step: StepKind
) -> None:
    def others() -> None:
        sweep(harness.services)
        harness.drain()

    harness.instead[stage, step] = suspended(harness, others)
    job = harness.submit()
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE
    assert harness.statuses(job).count(JobStatus.DONE) == 1
    assert harness.ran[stage, step, 0] == 2


def test_what_a_suspended_worker_made_of_a_canceled_job_goes(harness: PipelineHarness) -> None:
    def others() -> None:
        cancel_job(harness.services, job.org_id, job.job_id)
        assert harness.job(job).status is JobStatus.CANCELED

    harness.instead[Stage.TRANSCRIPTION, StepKind.MERGE] = suspended(harness, others)
    job = harness.submit()
    harness.drain()
    assert harness.job(job).status is JobStatus.CANCELED
    assert list(harness.storage.blobs.listing(RESULTS, f"acme/{job.session_id}/{job.job_id}/transcript.")) == []


def test_a_suspended_merge_of_a_canceled_job_shows_nothing(harness: PipelineHarness) -> None:
    def stand_still(context: StepContext) -> None:
        harness.now += timedelta(seconds=harness.services.settings.stale_after_sec)
        cancel_job(harness.services, job.org_id, job.job_id)
        context.confirm()
        raise AssertionError("the merge went on")

    harness.instead[Stage.TRANSCRIPTION, StepKind.MERGE] = stand_still
    job = harness.submit()
    harness.drain()
    assert harness.job(job).status is JobStatus.CANCELED


def test_what_a_suspended_worker_made_of_a_deleted_session_goes(harness: PipelineHarness) -> None:
    harness.instead[Stage.TRANSCRIPTION, StepKind.PART] = suspended(
        harness, lambda: delete_session(harness.services, job.org_id, job.session_id)
    )
    job = harness.submit()
    harness.drain()
    blobs = [blob.name for where in (SOURCES, WORK, RESULTS) for blob in harness.storage.blobs.listing(where, "")]
    assert blobs == []
