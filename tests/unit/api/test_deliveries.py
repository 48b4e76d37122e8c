"""Webhooks over HTTP: which callbacks are refused, what is shown of deliveries, and asking for another one."""

from typing import Any

import pytest

from shared.api.app import create_app
from shared.domain import job as jobs
from shared.domain.errors import NotMedia
from shared.domain.stage import Stage
from shared.domain.task import WEBHOOKS
from shared.domain.webhook import DeliveryState, WebhookDelivery
from tests.support.api_client import ApiClient
from tests.support.api_harness import ApiHarness, make_services

HOOK = "https://example.com/hook"


@pytest.fixture
def ended(harness: ApiHarness) -> dict[str, Any]:
    """A job with a callback that has ended."""
    job = harness.submit(callbackUrl=HOOK)
    harness.change(
        job["jobId"], lambda current: jobs.fail(current, Stage.DOWNLOAD, NotMedia("Text."), current.created_at)
    )
    return job


def deliver(harness: ApiHarness, job: dict[str, Any], **changes: Any) -> WebhookDelivery:
    """A delivery in the job's log."""
    delivery = WebhookDelivery(
        delivery_id=harness.services.new_id(),
        job_id=job["jobId"],
        webhook_id=f"msg_{job['jobId']}_1",
        attempt=1,
        task_id="t",
        number=1,
        url=HOOK,
        sent_at=harness.services.clock(),
    ).evolve(**changes)
    harness.services.storage.deliveries.keep(delivery)
    return delivery


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1:9/", "address_refused"),
        ("http://[::1]/", "address_refused"),
        ("http://localhost:7071/api/jobs", "address_refused"),
        ("http://169.254.169.254/metadata", "address_refused"),
        ("https://user:word@example.com/", "invalid_request"),
        ("file:///etc/passwd", "invalid_request"),
        ("nonsense", "invalid_request"),
    ],
)
@pytest.mark.parametrize("way", ["address", "session", "process", "upload", "schedule"])
def test_callbacks_that_are_refused_before_anything_is_made(harness: ApiHarness, way: str, url: str, code: str) -> None:
    first = harness.submit()
    upload = {"sourceName": "a.mp4", "contentLength": 3}
    body: dict[str, Any] = {
        "address": {"sourceUrl": "https://example.com/a.mp4"},
        "session": {"sessionId": first["sessionId"]},
        "process": {},
        "upload": {},
        "schedule": {},
    }[way]
    path = {"process": f"/sessions/{first['sessionId']}/process", "schedule": "/schedules"}.get(way, "/jobs")
    if way == "upload":
        made = harness.client.post("/ingest/init", json=upload).json()
        row = harness.services.storage.uploads.get("local", made["uploadId"]).value
        harness.services.storage.blobs.write("sources", row.source_blob, b"abc", "video/mp4")
        path, body = "/ingest/commit", {"uploadId": made["uploadId"]}
    body = {**body, "callbackUrl": url}
    if way == "schedule":
        body = {"cron": "0 0 * * *", "job": {"sourceUrl": "https://example.com/a.mp4", "callbackUrl": url}}
    answer = harness.client.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert len(harness.client.get("/jobs").json()["items"]) == 1


def test_loopback_is_accepted_where_that_is_allowed() -> None:
    services = make_services(allow_loopback_sources=True)
    with ApiClient(create_app(services)) as client:
        assert (
            ApiHarness(services, client).submit(callbackUrl="http://127.0.0.1:9/")["callbackUrl"]
            == "http://127.0.0.1:9/"
        )


def test_without_a_secret_a_callback_is_refused_outside_the_emulator() -> None:
    token = {"auth": "jwt", "jwt_secret": "0123456789abcdef0123456789abcdef"}
    services = make_services(AzureWebJobsStorage="AccountName=prod;AccountKey=aaaa", **token)
    from tests.support.signing_keys import signed

    with ApiClient(create_app(services)) as client:
        client.headers["Authorization"] = f"Bearer {signed(org_id='local', scopes=['jobs:read', 'jobs:write'])}"
        body = {"sourceUrl": "https://example.com/a.mp4"}
        answer = client.post("/jobs", json={**body, "callbackUrl": HOOK})
        assert (answer.status_code, answer.json()["code"]) == (422, "webhooks_not_configured")
        assert client.post("/jobs", json=body).status_code == 202


def test_a_job_shows_its_latest_deliveries_newest_first(harness: ApiHarness, ended: dict[str, Any]) -> None:
    sent = [deliver(harness, ended, number=number, url=f"{HOOK}?{number}") for number in range(1, 26)]
    job = harness.client.get(f"/jobs/{ended['jobId']}").json()
    assert [each["number"] for each in job["deliveries"]] == list(range(25, 5, -1))
    assert job["deliveries"][0] == {
        "deliveryId": sent[-1].delivery_id,
        "webhookId": f"msg_{ended['jobId']}_1",
        "attempt": 1,
        "number": 25,
        "url": f"{HOOK}?25",
        "state": "sending",
        "sentAt": sent[-1].sent_at.isoformat().replace("+00:00", "Z"),
        "statusCode": None,
        "error": None,
        "durationSec": None,
        "willRetryAt": None,
    }
    items = harness.client.get(f"/jobs/{ended['jobId']}/deliveries").json()["items"]
    assert [each["number"] for each in items] == list(range(25, 0, -1))
    assert "taskId" not in items[0]


def test_jobs_without_callback_and_lists_show_none(harness: ApiHarness, ended: dict[str, Any]) -> None:
    deliver(harness, ended)
    quiet = harness.submit()
    assert "deliveries" not in harness.client.get(f"/jobs/{quiet['jobId']}").json()
    assert harness.client.get(f"/jobs/{quiet['jobId']}/deliveries").json() == {"items": []}
    assert all("deliveries" not in job for job in harness.client.get("/jobs").json()["items"])
    waiting = harness.submit(callbackUrl=HOOK)
    assert harness.client.get(f"/jobs/{waiting['jobId']}").json()["deliveries"] == []


def test_the_tag_changes_with_the_deliveries(harness: ApiHarness, ended: dict[str, Any]) -> None:
    path, tags = f"/jobs/{ended['jobId']}", list[str]()

    def changed() -> bool:
        tag = harness.client.get(path).headers["ETag"]
        assert harness.client.get(path, headers={"If-None-Match": tag}).status_code == 304
        tags.append(tag)
        return tag not in tags[:-1]

    assert changed()
    first = deliver(harness, ended)
    assert changed()
    failed = first.evolve(state=DeliveryState.FAILED, error="No.", will_retry_at=harness.services.clock())
    harness.services.storage.deliveries.keep(failed)
    assert changed()
    deliver(harness, ended, number=2, state=DeliveryState.DELIVERED, status_code=200)
    assert changed()
    harness.services.storage.deliveries.keep(failed.evolve(will_retry_at=None))
    assert changed()
    assert not changed()


def test_a_redelivery_is_accepted(harness: ApiHarness, ended: dict[str, Any]) -> None:
    answer = harness.client.post(f"/jobs/{ended['jobId']}/redeliver")
    assert answer.status_code == 202
    assert answer.json() == {"jobId": ended["jobId"], "webhookId": f"msg_{ended['jobId']}_1"}
    assert answer.headers["Location"] == f"http://api.localhost/jobs/{ended['jobId']}/deliveries"
    assert len(harness.services.storage.queues.waiting(WEBHOOKS)) == 1


def test_the_same_key_makes_one_redelivery(harness: ApiHarness, ended: dict[str, Any]) -> None:
    answers = [
        harness.client.post(f"/jobs/{ended['jobId']}/redeliver", headers={"Idempotency-Key": "once"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert len(harness.services.storage.queues.waiting(WEBHOOKS)) == 1


@pytest.mark.parametrize("callback", [HOOK, None])
def test_what_cannot_be_redelivered(harness: ApiHarness, callback: str | None) -> None:
    job = harness.submit(callbackUrl=callback)
    answer = harness.client.post(f"/jobs/{job['jobId']}/redeliver")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert harness.services.storage.queues.waiting(WEBHOOKS) == []
    assert harness.client.post("/jobs/nothing/redeliver").status_code == 404
