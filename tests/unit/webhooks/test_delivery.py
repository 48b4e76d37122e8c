"""A job's end on its way to its callback: what is told, how often, until when, and what the log says of it."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from shared.domain import job as jobs
from shared.domain.errors import Conflict, NotFound
from shared.domain.task import WEBHOOKS, TaskState
from shared.domain.webhook import DeliveryState
from shared.job_status import JobStatus
from shared.pipeline.housekeeping.delete_session import delete_session
from shared.pipeline.housekeeping.requeue import requeue_dead_letters
from shared.pipeline.inline import inline_services
from shared.pipeline.updates import change_job
from shared.pipeline.webhooks.delivery import BACKOFF, MAX_RETRY_AFTER, TRY_FOR, next_delivery
from shared.pipeline.webhooks.news import first_task_id
from shared.pipeline.webhooks.redelivery import redeliver_webhook
from tests.support.task_harness import START
from tests.support.webhook_harness import PRODUCTION, SECRET, WebhookHarness
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def harness() -> WebhookHarness:
    return WebhookHarness()


@pytest.mark.parametrize("how", [JobStatus.DONE, JobStatus.ERROR, JobStatus.CANCELED])
def test_the_end_is_told_once_and_signed(harness: WebhookHarness, receiver: Receiver, how: JobStatus) -> None:
    job = harness.end(harness.job(receiver.url()), how)
    harness.run_all()
    (received,) = receiver.received
    assert received.is_signed_with(SECRET.encode())
    assert received.headers["webhook-id"] == "msg_j1_1"
    assert received.headers["webhook-timestamp"] == str(int(harness.now.timestamp()))
    assert received.headers["content-type"] == "application/json"
    assert received.payload["type"] == f"job.{how.lower()}"
    assert received.payload["timestamp"] == received.payload["data"]["finishedAt"] == "2026-01-01T00:00:00Z"
    assert received.payload["data"] == {
        "jobId": "j1",
        "sessionId": "s1",
        "orgId": "acme",
        "status": how,
        "attempt": 1,
        "error": None
        if how is not JobStatus.ERROR
        else {
            "code": "not_media",
            "title": "The file is not a recording",
            "detail": "It is a poem.",
            "stage": "tracking",
            "retryable": False,
        },
        "progress": job.progress,
        "createdAt": "2026-01-01T00:00:00Z",
        "startedAt": None,
        "finishedAt": "2026-01-01T00:00:00Z",
        "options": {"language": "en"},
    }
    (delivery,) = harness.log(job)
    assert (delivery.state, delivery.status_code, delivery.error) == (DeliveryState.DELIVERED, 204, None)
    assert (delivery.number, delivery.url, delivery.webhook_id) == (1, receiver.url(), "msg_j1_1")
    assert delivery.duration_sec is not None
    assert harness.is_tidy()
    assert len(receiver.received) == 1


def test_a_job_without_callback_makes_no_task(harness: WebhookHarness) -> None:
    job = harness.end(harness.job(None))
    assert job.status is JobStatus.ERROR
    assert harness.storage.queues.waiting(WEBHOOKS) == []
    assert "tasks" not in harness.rows()


def test_nothing_of_the_callback_or_the_secret_is_told(harness: WebhookHarness, receiver: Receiver) -> None:
    harness.end(harness.job(receiver.url("/hook?token=hush")))
    harness.run_all()
    assert b"hush" not in receiver.received[0].body
    assert SECRET not in str(receiver.received[0])


def test_failures_are_followed_by_other_deliveries_of_the_same(harness: WebhookHarness, receiver: Receiver) -> None:
    receiver.answers = [500, 302, 200]
    job = harness.end(harness.job(receiver.url()))
    harness.run_until_settled(job)
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert len({each.body for each in receiver.received}) == 1
    timestamps = [int(each.headers["webhook-timestamp"]) for each in receiver.received]
    assert timestamps == sorted(set(timestamps))  # the time of each delivery, not of the end
    assert all(each.is_signed_with(SECRET.encode()) for each in receiver.received)
    first, second, third = harness.log(job)
    assert [each.status_code for each in (first, second, third)] == [500, 302, 200]
    assert [each.number for each in (first, second, third)] == [1, 2, 3]
    assert first.error == "The server answered 500."
    assert first.will_retry_at == second.sent_at
    assert (third.state, third.will_retry_at) == (DeliveryState.DELIVERED, None)
    assert harness.letters("acme") == []
    assert harness.is_tidy()


def test_a_server_that_is_down_for_a_day_leaves_a_dead_letter(harness: WebhookHarness, receiver: Receiver) -> None:
    receiver.answers = [503]
    job = harness.end(harness.job(receiver.url()))
    harness.run_until_settled(job)
    log = harness.log(job)
    assert TRY_FOR - BACKOFF.first <= log[-1].sent_at - log[0].sent_at <= TRY_FOR
    assert [each.number for each in log] == list(range(1, len(log) + 1))
    assert log[-1].was_last
    assert len(receiver.received) == len(log)
    assert harness.letters("acme") == [f"Given up after {len(log)} deliveries; the last: The server answered 503."]
    task = harness.task(first_task_id("j1", 1))
    assert task.state is TaskState.FAILED
    harness.live(timedelta(days=2), timedelta(hours=1))
    assert len(harness.log(job)) == len(log)

    receiver.answers = [503, 200]  # the dead letter is put back, and has a day again
    receiver._given = 0
    assert requeue_dead_letters(harness.services, "acme", WEBHOOKS) == 1
    harness.run_until_settled(job)
    again = harness.log(job)[len(log) :]
    assert [(each.number, each.status_code) for each in again] == [(1, 503), (2, 200)]
    assert {each.headers["webhook-id"] for each in receiver.received} == {"msg_j1_1"}


JITTERS: dict[str, Callable[[], float]] = {
    "none": lambda: 1.0,
    "half": lambda: 0.5,
    **{f"seed {seed}": random.Random(seed).random for seed in range(20)},
}


@pytest.mark.parametrize("jitter", JITTERS.values(), ids=JITTERS)
def test_deliveries_cover_a_day_and_end(jitter: Callable[[], float]) -> None:
    times, pauses = [START], list[timedelta]()
    while (following := next_delivery(START, times[-1], len(times), timedelta(0), jitter)) is not None:
        pauses.append(following - times[-1])
        times.append(following)
    assert TRY_FOR - BACKOFF.first <= times[-1] - START <= TRY_FOR
    assert 12 <= len(times) <= 60
    assert pauses[0] == BACKOFF.first
    assert max(pauses) <= BACKOFF.most
    assert all(pause <= BACKOFF.first * 2**failures for failures, pause in enumerate(pauses))


def test_even_without_any_luck_they_end() -> None:
    now, count = START, 0
    while (following := next_delivery(START, now, count + 1, timedelta(0), lambda: 0.0)) is not None:
        assert following - now >= min(BACKOFF.first, START + TRY_FOR - now)
        now, count = following, count + 1
    assert TRY_FOR - BACKOFF.first <= now - START <= TRY_FOR


@pytest.mark.parametrize(
    ("asked", "rest"),
    [
        (timedelta(seconds=1), BACKOFF.first),
        (timedelta(hours=1), timedelta(hours=1)),
        (timedelta(days=300), MAX_RETRY_AFTER),
    ],
)
def test_a_server_may_ask_for_a_rest_up_to_a_bound(asked: timedelta, rest: timedelta) -> None:
    assert next_delivery(START, START, 1, asked, lambda: 0.0) == START + rest


def test_the_servers_wish_for_a_rest_is_heeded(harness: WebhookHarness, receiver: Receiver) -> None:
    receiver.answers = [(429, {"Retry-After": "3600"}), 200]
    job = harness.end(harness.job(receiver.url()))
    harness.run_all()
    assert harness.log(job)[0].will_retry_at == START + timedelta(hours=1)
    harness.live(timedelta(minutes=59))
    assert len(receiver.received) == 1
    harness.live(timedelta(minutes=2))
    assert len(receiver.received) == 2


def test_gone_ends_it_without_a_dead_letter(harness: WebhookHarness, receiver: Receiver) -> None:
    receiver.answers = [410, 200]
    job = harness.end(harness.job(receiver.url()))
    harness.run_until_settled(job)
    (delivery,) = harness.log(job)
    assert (delivery.status_code, delivery.was_last) == (410, True)
    assert harness.letters("acme") == []
    assert harness.is_tidy()
    assert len(receiver.received) == 1


def test_an_address_that_leads_inside_is_given_up_at_once(harness: WebhookHarness, receiver: Receiver) -> None:
    harness.set(webhook_secret=SECRET)
    job = harness.end(harness.job(receiver.url(host="localhost")))
    harness.run_until_settled(job)
    assert receiver.received == []
    (delivery,) = harness.log(job)
    assert delivery.was_last
    assert "private or reserved network" in (delivery.error or "")
    assert len(harness.letters("acme")) == 1


def test_with_the_emulator_and_no_secret_they_are_not_signed(harness: WebhookHarness, receiver: Receiver) -> None:
    harness.set(allow_loopback_sources=True)
    harness.end(harness.job(receiver.url()))
    harness.run_all()
    assert "webhook-signature" not in receiver.received[0].headers
    assert receiver.received[0].headers["webhook-id"] == "msg_j1_1"


def test_with_a_secret_that_was_taken_away_nothing_is_sent(harness: WebhookHarness, receiver: Receiver) -> None:
    job = harness.end(harness.job(receiver.url()))
    harness.set(allow_loopback_sources=True, AzureWebJobsStorage=PRODUCTION)
    harness.run_all()
    assert receiver.received == []
    (delivery,) = harness.log(job)
    assert delivery.error == "Webhooks need a secret to be signed with: set ROSTRUM_WEBHOOK_SECRET."
    harness.set(allow_loopback_sources=True, AzureWebJobsStorage=PRODUCTION, webhook_secret=SECRET)
    harness.run_until_settled(job)
    assert len(receiver.received) == 1


def test_with_two_secrets_either_will_do(harness: WebhookHarness, receiver: Receiver) -> None:
    harness.set(allow_loopback_sources=True, webhook_secret="the-new-one the-old-one")
    harness.end(harness.job(receiver.url()))
    harness.run_all()
    (received,) = receiver.received
    assert received.is_signed_with(b"the-new-one")
    assert received.is_signed_with(b"the-old-one")
    assert not received.is_signed_with(b"another")


def test_each_attempt_is_told_as_it_ended(harness: WebhookHarness, receiver: Receiver) -> None:
    """Also when the job has gone on before its first end was accepted."""
    receiver.answers = [500, 200]
    job = harness.end(harness.job(receiver.url(), status=JobStatus.TRANSCRIBED))
    harness.run_all()
    restarted = change_job(harness.services, "acme", "j1", lambda current: jobs.restart(current, harness.now))
    harness.now += timedelta(minutes=1)
    harness.run_all()
    assert [each.payload["data"]["status"] for each in receiver.received] == ["ERROR", "ERROR"]
    assert receiver.received[0].body == receiver.received[1].body
    harness.end(restarted, JobStatus.CANCELED)
    harness.run_all()
    last = receiver.received[-1]
    assert (last.headers["webhook-id"], last.payload["type"]) == ("msg_j1_2", "job.canceled")
    assert [(each.attempt, each.number) for each in harness.log(job)] == [(1, 1), (1, 2), (2, 1)]
    assert harness.is_tidy()


def test_an_attempt_that_ended_before_it_started_is_not_told_to_have(
    harness: WebhookHarness, receiver: Receiver
) -> None:
    receiver.answers = [500, 200]
    harness.end(harness.job(receiver.url()), JobStatus.CANCELED)
    harness.run_all()

    def again(current: jobs.Job) -> jobs.Job:
        return jobs.start_stage(jobs.restart(current, harness.now), jobs.Stage.DOWNLOAD, 1, harness.now)

    harness.now += timedelta(minutes=1)
    change_job(harness.services, "acme", "j1", again)
    harness.run_all()
    assert receiver.received[0].body == receiver.received[1].body


def test_a_task_that_comes_too_early_waits(harness: WebhookHarness, receiver: Receiver) -> None:
    """The job's end was announced by a worker that crashed, and the job goes on for hours."""
    job = harness.job(receiver.url())

    def fail_first(current: jobs.Job) -> jobs.Job:
        raise KeyboardInterrupt

    from shared.pipeline.execution.end_job import end_job

    with pytest.raises(KeyboardInterrupt):
        end_job(harness.services, job, fail_first)
    harness.live(timedelta(hours=5), timedelta(minutes=1))
    assert harness.log(job) == []
    assert harness.task(first_task_id("j1", 1)).attempts == 0
    looks = harness.deliveries
    assert 20 < looks < 60  # and looks again at growing intervals
    harness.end(job, JobStatus.DONE)
    harness.run_all()
    assert [each.payload["type"] for each in receiver.received] == ["job.done"]


def test_who_comes_late_to_the_end_tells_nothing(harness: WebhookHarness, receiver: Receiver) -> None:
    job = harness.job(receiver.url())
    harness.end(job)
    harness.run_all()
    assert harness.is_tidy()
    assert harness.end(job, JobStatus.CANCELED).status is JobStatus.ERROR
    change_job(harness.services, "acme", "j1", lambda current: jobs.restart(current, harness.now))
    assert harness.end(job, JobStatus.CANCELED).status is JobStatus.CREATED
    assert harness.storage.queues.waiting(WEBHOOKS) == []
    assert len(receiver.received) == 1


def test_a_redelivery_has_the_same_identifier_and_a_log_of_its_own(harness: WebhookHarness, receiver: Receiver) -> None:
    receiver.answers = [200, 500, 200]
    job = harness.end(harness.job(receiver.url()))
    harness.run_all()
    for _ in range(2):
        assert redeliver_webhook(harness.services, "acme", "j1", "r1") == "msg_j1_1"
    harness.run_until_settled(job)
    assert [each.headers["webhook-id"] for each in receiver.received] == ["msg_j1_1"] * 3
    assert [(each.task_id, each.number) for each in harness.log(job)] == [
        ("webhook-j1-1", 1),
        ("redelivery-j1-1-0", 1),
        ("redelivery-j1-1-0", 2),
    ]


def test_once_a_redelivery_was_accepted_the_first_task_rests(harness: WebhookHarness, receiver: Receiver) -> None:
    receiver.answers = [500, 200]
    job = harness.end(harness.job(receiver.url()))
    harness.run_all()
    redeliver_webhook(harness.services, "acme", "j1", "r1")
    harness.live(timedelta(seconds=4), timedelta(seconds=1))  # the target rests after its failure
    harness.run_until_settled(job)
    assert harness.is_tidy()
    assert [each.status_code for each in harness.log(job)] == [500, 200]


def test_what_cannot_be_redelivered(harness: WebhookHarness, receiver: Receiver) -> None:
    with pytest.raises(NotFound):
        redeliver_webhook(harness.services, "acme", "nothing", "r1")
    harness.job(receiver.url(), "running")
    with pytest.raises(Conflict, match="has not ended yet"):
        redeliver_webhook(harness.services, "acme", "running", "r1")
    harness.end(harness.job(None, "quiet"))
    with pytest.raises(Conflict, match="no callbackUrl"):
        redeliver_webhook(harness.services, "acme", "quiet", "r1")
    with pytest.raises(NotFound):
        redeliver_webhook(harness.services, "others", "running", "r1")


def test_a_deleted_job_sends_no_webhook(harness: WebhookHarness, receiver: Receiver) -> None:
    job = harness.end(harness.job(receiver.url()))
    harness.storage.jobs.delete("acme", job.session_id, job.job_id)
    harness.run_all()
    assert receiver.received == []
    assert harness.is_tidy()


def test_a_job_that_is_deleted_meanwhile_leaves_no_log(harness: WebhookHarness, receiver: Receiver) -> None:
    receiver.answers = [500]
    job = harness.end(harness.job(receiver.url()))
    real_keep, kept = harness.storage.deliveries.keep, list[str]()

    class Deliveries(type(harness.storage.deliveries)):  # type: ignore[misc]
        def keep(self, delivery: object) -> None:
            real_keep(delivery)  # type: ignore[arg-type]
            kept.append("")
            if len(kept) == 1:
                harness.storage.jobs.delete("acme", job.session_id, job.job_id)
                harness.storage.deliveries.delete_of(job.job_id)

    object.__setattr__(harness.storage, "deliveries", Deliveries(harness.crashing.tables["deliveries"]))
    harness.run_all()
    assert len(receiver.received) == 1
    assert harness.log(job) == []
    assert harness.is_tidy()


def test_inside_the_request_the_end_is_told_too(harness: WebhookHarness, receiver: Receiver) -> None:
    """With ROSTRUM_EXECUTION=inline."""
    from shared.pipeline import registry

    assert registry.job_manager.find("deliver_webhook") is not None
    harness.services = inline_services(harness.services)
    harness.end(harness.job(receiver.url()))
    assert len(receiver.received) == 1


def test_deleting_a_session_deletes_its_log(harness: WebhookHarness, receiver: Receiver) -> None:
    from shared.domain.session import Session

    now: datetime = harness.now
    harness.storage.sessions.create(
        Session(session_id="s1", org_id="acme", name="A talk", source_blob="acme/s1/a", created_at=now, updated_at=now)
    )
    job = harness.end(harness.job(receiver.url()))
    harness.run_all()
    assert len(harness.log(job)) == 1
    delete_session(harness.services, "acme", "s1")
    harness.run_all()
    assert harness.log(job) == []
