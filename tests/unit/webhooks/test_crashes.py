"""A process that crashes before any write, while a job ends and while its webhook is sent: it is sent, under one name.

The receiver may hear it twice, and never something else.
"""

from datetime import timedelta

import pytest

from shared.domain import job as jobs
from shared.domain.task import TaskMessage
from shared.domain.webhook import DeliveryState
from shared.job_status import JobStatus
from shared.pipeline.execution.run_step import Delivery
from shared.pipeline.tasks.run_task import run_task
from shared.pipeline.updates import change_job
from shared.pipeline.webhooks.delivery import CRASHED
from tests.support.crashing_storage import every_crash
from tests.support.webhook_harness import WebhookHarness
from tests.support.webhook_receiver import Receiver

A_WHILE = timedelta(minutes=30)


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """What the receiver heard: the identifier and what it was about, in order."""
    heard = [(each.headers["webhook-id"], each.payload["type"]) for each in receiver.received]
    assert len({(each.headers["webhook-id"], each.body) for each in receiver.received}) == len(set(heard))
    receiver.received.clear()
    return heard


@pytest.mark.parametrize("others", [JobStatus.ERROR, JobStatus.CANCELED], ids=["same", "another"])
def test_crash_while_a_job_ends(receiver: Receiver, others: JobStatus) -> None:
    """The host redelivers the step, or another worker ends the job, one way or another."""

    def scenario(crash_at: int) -> bool:
        harness = WebhookHarness()
        job = harness.job(receiver.url())
        crashed = harness.crash_point.crashes_at(crash_at, lambda: harness.end(job))
        was_final = harness.read(job).is_final
        if not was_final:
            harness.live(A_WHILE)
            assert told(receiver) == []
            harness.end(harness.read(job), others)
        harness.live(A_WHILE)
        end = JobStatus.ERROR if was_final else others
        assert harness.read(job).status is end
        assert told(receiver) == [("msg_j1_1", f"job.{end.lower()}")]
        assert harness.is_tidy()
        return crashed

    every_crash(scenario)


def test_crash_while_a_job_ends_and_then_it_begins_again(receiver: Receiver) -> None:
    def scenario(crash_at: int) -> bool:
        harness = WebhookHarness()
        job = harness.job(receiver.url())
        crashed = harness.crash_point.crashes_at(crash_at, lambda: harness.end(job))
        if not harness.read(job).is_final:
            return crashed
        again = change_job(harness.services, "acme", "j1", lambda current: jobs.restart(current, harness.now))
        harness.end(again, JobStatus.CANCELED)
        harness.live(A_WHILE)
        assert sorted(told(receiver)) == [("msg_j1_1", "job.error"), ("msg_j1_2", "job.canceled")]
        assert harness.is_tidy()
        return crashed

    world_ends = 0
    while scenario(world_ends + 1):
        world_ends += 1
    assert world_ends > 1


@pytest.mark.parametrize("answers", [[204], [500, 204]], ids=["accepted", "accepted later"])
@pytest.mark.parametrize("redelivered", [True, False], ids=["redelivered", "lost"])
def test_crash_while_the_webhook_is_sent(receiver: Receiver, redelivered: bool, answers: list[int]) -> None:
    def scenario(crash_at: int) -> bool:
        receiver._given, receiver.answers = 0, answers
        harness = WebhookHarness()
        job = harness.end(harness.job(receiver.url()))
        message = harness.pop()
        assert isinstance(message, TaskMessage)

        def run(count: int) -> None:
            run_task(harness.services, harness.jobs, message, Delivery("m", count), lambda: 1.0)

        crashed = harness.crash_point.crashes_at(crash_at, lambda: run(1))
        if crashed and redelivered:
            run(2)
        harness.live(A_WHILE)
        heard = told(receiver)
        assert set(heard) == {("msg_j1_1", "job.error")}
        assert len(answers) <= len(heard) <= len(answers) + 1
        log = harness.log(job)
        assert log[-1].state is DeliveryState.DELIVERED
        assert [each.number for each in log] == list(range(1, len(log) + 1))
        assert all(each.error == CRASHED for each in log[:-1] if each.status_code is None)
        assert not [each for each in log if each.state is DeliveryState.SENDING]
        assert harness.is_tidy()
        return crashed

    every_crash(scenario)
