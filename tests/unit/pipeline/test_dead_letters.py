"""Dead letters: what the host gave up is kept, seen and put back, for its organisation alone."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import NotFound, StorageUnavailable
from shared.domain.job import Job
from shared.domain.message import QUEUES, StageMessage, StepKind
from shared.domain.stage import Stage
from shared.domain.task import SERVICE, TASKS, WEBHOOKS, TaskMessage
from shared.job_status import JobStatus
from shared.pipeline.dead_letters import keep_unreadable
from shared.pipeline.execution.failure import handle_poison_message
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.housekeeping.queue_info import JobCounts, QueueInfo, queue_info
from shared.pipeline.housekeeping.requeue import QUEUE_NAMES, requeue_dead_letters
from shared.pipeline.jobs.submit import retry_job
from shared.pipeline.tasks.job_manager import JobManager
from shared.storage.ports import poison_queue
from tests.support.pipeline_harness import PipelineHarness

DOWNLOADS = QUEUES[Stage.DOWNLOAD]


def unlucky(context: Any) -> None:
    raise StorageUnavailable("The storage is away.")


def give_up_download(harness: PipelineHarness, job: Job) -> StageMessage:
    """The message is delivered in vain until its attempts are used up."""
    message = StageMessage(
        job_id=job.job_id,
        org_id=job.org_id,
        session_id=job.session_id,
        stage=Stage.DOWNLOAD,
        step=StepKind.PART,
        attempt=harness.job(job).attempt,
    )
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = unlucky
    for count in range(1, 6):
        run_step(harness.services, message, Delivery("m", count))
    harness.instead.clear()
    harness.take()
    harness.now += timedelta(hours=1)
    harness.take()
    return message


def told(harness: PipelineHarness, org_ids: tuple[str, ...]) -> QueueInfo:
    return queue_info(harness.services, org_ids, JobCounts(harness.services))


def poison(harness: PipelineHarness, queue: str = DOWNLOADS, org_id: str = "acme") -> int:
    (facts,) = [each for each in told(harness, (org_id,)).queues if each.name == queue]
    return facts.poison


def requeue(harness: PipelineHarness, queue: str = DOWNLOADS, org_id: str = "acme") -> int:
    return requeue_dead_letters(harness.services, org_id, queue)


def test_a_failed_job_is_requeued_by_its_dead_letter(harness: PipelineHarness) -> None:
    job = harness.submit()
    message = give_up_download(harness, job)
    assert harness.job(job).status is JobStatus.ERROR
    assert (poison(harness), poison(harness, org_id="other"), poison(harness, "trackings")) == (1, 0, 0)
    (letter,) = harness.storage.dead_letters.of_queue("acme", DOWNLOADS)
    assert StageMessage.from_bytes(letter.value.body.encode()) == message
    assert letter.value.job_id == job.job_id
    assert "The storage is away." in letter.value.reason

    assert requeue(harness, org_id="other") == 0
    assert requeue(harness) == 1
    assert (harness.job(job).status, harness.job(job).attempt) == (JobStatus.CREATED, 2)
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE
    assert poison(harness) == 0
    assert requeue(harness) == 0


def test_a_dead_letter_that_the_host_delivers_again_is_kept_once(harness: PipelineHarness) -> None:
    message = give_up_download(harness, harness.submit())
    for _ in range(2):
        handle_poison_message(harness.services, message)
    assert poison(harness) == 1


def test_a_dead_letter_of_a_job_that_goes_on_is_none(harness: PipelineHarness) -> None:
    job = harness.submit()
    (message,) = harness.take()
    run_step(harness.services, message, Delivery("m", 1))
    handle_poison_message(harness.services, message)
    assert harness.job(job).status is JobStatus.DOWNLOADED
    handle_poison_message(harness.services, message.model_copy(update={"job_id": "nothing"}))
    assert poison(harness) == 0


def test_letters_without_a_point_are_dropped(harness: PipelineHarness) -> None:
    tried_again, deleted = harness.submit(), harness.submit()
    give_up_download(harness, tried_again)
    give_up_download(harness, deleted)
    retry_job(harness.services, "acme", tried_again.job_id)
    give_up_download(harness, tried_again)
    harness.storage.jobs.delete("acme", deleted.session_id, deleted.job_id)
    assert poison(harness) == 3
    assert requeue(harness) == 1  # the one of the second attempt
    assert harness.job(tried_again).attempt == 3
    assert poison(harness) == 0


def test_messages_that_still_lie_in_the_queue_of_dead_letters_are_sent_again(harness: PipelineHarness) -> None:
    job = harness.submit()
    (message,) = harness.take()
    harness.storage.queues.bury(message)
    harness.storage.queues.bury(message.model_copy(update={"org_id": "other"}))
    assert poison(harness, org_id=SERVICE) == 2
    assert requeue(harness) == 1
    assert harness.storage.queues.waiting(DOWNLOADS) == [message]
    assert poison(harness, org_id=SERVICE) == 1
    assert requeue(harness) == 0
    assert requeue(harness, org_id="other") == 1
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE


def test_a_tasks_message_in_the_queue_of_dead_letters_is_sent_again(harness: PipelineHarness) -> None:
    message = TaskMessage(task_id="t", org_id="acme", name="work")
    harness.storage.queues.bury(message)
    assert requeue(harness, TASKS) == 1
    assert harness.storage.queues.waiting(TASKS) == [message]


def test_a_webhook_that_an_earlier_release_gave_up_as_any_task_goes_to_the_queue_of_webhooks(
    harness: PipelineHarness,
) -> None:
    message = TaskMessage(task_id="t", org_id="acme", name="deliver_webhook")
    harness.storage.queues.put(poison_queue(TASKS), message)
    assert requeue(harness, TASKS) == 1
    assert harness.storage.queues.waiting(WEBHOOKS) == [message]


def test_unreadable_messages_belong_to_no_organisation(harness: PipelineHarness) -> None:
    at = harness.now
    for _ in range(2):
        keep_unreadable(harness.services, DOWNLOADS, b"\xff\x00{" * 4000, "m", at)
    (kept,) = harness.storage.dead_letters.of_queue("", DOWNLOADS)
    assert kept.value.body.startswith("\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}{")
    assert poison(harness) == 0
    assert requeue(harness) == 0


@pytest.mark.parametrize("queue", ["", "tasks-poison", "Downloads", "x" * 500])
def test_an_unknown_queue_is_not_found(harness: PipelineHarness, queue: str) -> None:
    with pytest.raises(NotFound, match="there are downloads, transcriptions, trackings, renditions, tasks"):
        requeue(harness, queue)


def test_the_queues_and_the_jobs_are_counted(harness: PipelineHarness) -> None:
    harness.submit()
    failed = harness.submit()
    give_up_download(harness, failed)
    JobManager().job(name="work")(lambda org_id: None).using(harness.services).delay("acme")
    info = told(harness, ("acme",))
    assert [each.name for each in info.queues] == list(QUEUE_NAMES)
    assert [each.waiting for each in info.queues] == [1, 0, 0, 0, 1, 0]
    assert [each.poison for each in info.queues] == [1, 0, 0, 0, 0, 0]
    assert [each.oldest_sec is not None for each in info.queues] == [True, False, False, False, True, False]
    assert info.jobs == {**dict.fromkeys(JobStatus, 0), JobStatus.CREATED: 1, JobStatus.ERROR: 1}


def test_another_organisations_work_is_not_counted(harness: PipelineHarness) -> None:
    give_up_download(harness, harness.submit())
    harness.submit()
    JobManager().job(name="work")(lambda org_id: None).using(harness.services).delay("acme")
    info = told(harness, ("other",))
    assert {(each.waiting, each.poison, each.oldest_sec) for each in info.queues} == {(0, 0, None)}
    assert not any(info.jobs.values())
    whole = told(harness, ("local", SERVICE))  # who runs the service sees the queues themselves
    assert {each.name: each.waiting for each in whole.queues}[TASKS] == 1


def test_the_work_of_a_stage_is_counted_by_its_parts(harness: PipelineHarness) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 3, Stage.TRACKING: 2}
    harness.submit()
    for message in harness.take():
        run_step(harness.services, message, Delivery("m", 1))
    waiting = {each.name: each.waiting for each in told(harness, ("acme",)).queues}
    assert waiting == {"downloads": 0, "transcriptions": 3, "trackings": 2, "renditions": 0, "tasks": 0, "webhooks": 0}
