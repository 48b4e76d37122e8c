"""Receivers that fail or are silent, and what is left of the worker for other receivers."""

from datetime import timedelta

import pytest

from shared.domain.errors import RedeliveryWaiting
from shared.domain.target_limit import MAX_REST, TargetLimit
from shared.domain.task import TASKS, WEBHOOKS, TaskMessage
from shared.pipeline.webhooks.redelivery import redeliver_webhook
from tests.support.task_harness import START
from tests.support.webhook_harness import WebhookHarness
from tests.support.webhook_receiver import Receiver

TIMEOUT = timedelta(seconds=5)


def busy_share(targets: int, span: timedelta) -> float:
    """Return the share of a worker's time that one organisation takes, with 40 deliveries to silent receivers."""
    limit, now, busy = TargetLimit(), START, timedelta(0)
    urls = [f"https://host{number % targets}.example/{number}" for number in range(40)]
    due = dict.fromkeys(urls, START)
    while now < START + span:
        url = min(due, key=lambda each: due[each])
        now = max(now, due[url])
        wait = limit.wait("acme", url, url, now)
        if wait is not None:
            due[url] = now + wait
            continue
        now, busy = now + TIMEOUT, busy + TIMEOUT
        limit.note("acme", url, url, now, TIMEOUT, failed=True)
        due[url] = now + TIMEOUT
    return busy / span


@pytest.mark.parametrize("targets", [1, 40], ids=["one target", "forty targets"])
def test_forty_deliveries_to_silent_receivers_leave_the_worker_free(targets: int) -> None:
    assert busy_share(targets, timedelta(minutes=10)) < 0.36


def test_other_organisations_and_targets_do_not_wait() -> None:
    limit = TargetLimit()
    limit.note("acme", "https://a.example/x", "failing", START, timedelta(seconds=0.1), failed=True)
    assert limit.wait("acme", "https://a.example/y", "other", START) is not None
    assert limit.wait("acme", "https://b.example/x", "other", START) is None
    assert limit.wait("globex", "https://a.example/x", "other", START) is None


def test_a_target_rests_longer_with_each_failure_and_is_free_after_a_success() -> None:
    limit, now, rests = TargetLimit(), START, []
    for _ in range(12):
        limit.note("acme", "https://a.example", "failing", now, timedelta(0), failed=True)
        wait = limit.wait("acme", "https://a.example", "other", now)
        assert wait is not None
        rests.append(wait)
        now += wait
        assert limit.wait("acme", "https://a.example", "other", now) is None
    assert rests == sorted(rests)
    assert (rests[0], rests[1], rests[-1]) == (timedelta(seconds=2.5), timedelta(seconds=5), MAX_REST)
    limit.note("acme", "https://a.example", "failing", now, timedelta(0), failed=True)
    limit.note("acme", "https://a.example", "failing", now, timedelta(0), failed=False)
    assert limit.wait("acme", "https://a.example", "other", now) is None


def test_sixty_jobs_with_a_failing_receiver_make_few_requests(receiver: Receiver) -> None:
    harness = WebhookHarness()
    receiver.answers = [500]
    for number in range(60):
        harness.end(harness.job(receiver.url(), f"j{number}"))
    harness.live(timedelta(seconds=45), timedelta(seconds=1))
    assert 3 <= len(receiver.received) <= 6
    receiver.answers = [204]
    harness.live(timedelta(minutes=5), timedelta(seconds=1))
    delivered = {each.payload["data"]["jobId"] for each in receiver.received[6:]}
    assert len(delivered) >= 54  # they go on as soon as the receiver answers


def test_deliveries_stand_before_no_other_task() -> None:
    harness = WebhookHarness()
    for number in range(40):
        harness.end(harness.job("https://silent.example", f"j{number}"))
    ran: list[str] = []
    harness.jobs.job(name="other")(ran.append).delay("here")
    (first,) = harness.storage.queues.waiting(TASKS)
    assert isinstance(first, TaskMessage)
    harness.deliver(first)
    assert ran == ["here"]
    assert len(harness.storage.queues.waiting(WEBHOOKS)) == 80  # before and after each job's end


def test_one_redelivery_waits_at_a_time(receiver: Receiver) -> None:
    harness = WebhookHarness()
    receiver.answers = [204, 500, 204]
    harness.end(harness.job(receiver.url()))
    harness.run_all()
    redeliver_webhook(harness.services, "acme", "j1", "first")
    redeliver_webhook(harness.services, "acme", "j1", "first")
    for other in ("second", "third"):
        with pytest.raises(RedeliveryWaiting):
            redeliver_webhook(harness.services, "acme", "j1", other)
    harness.run_all()
    with pytest.raises(RedeliveryWaiting):  # it failed, and is tried again
        redeliver_webhook(harness.services, "acme", "j1", "second")
    harness.live(timedelta(seconds=20), timedelta(seconds=5))
    redeliver_webhook(harness.services, "acme", "j1", "first")  # it was this request's
    assert len(receiver.received) == 3
    redeliver_webhook(harness.services, "acme", "j1", "second")
    harness.run_all()
    assert len(receiver.received) == 4
