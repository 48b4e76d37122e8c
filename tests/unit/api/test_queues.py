"""Queue-info and the requeueing of dead letters over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.api.app import create_app
from shared.domain.message import StageMessage
from shared.job_status import JobStatus
from shared.pipeline.dead_letters import keep_unreadable
from shared.pipeline.execution.failure import handle_poison_message
from shared.pipeline.housekeeping.queue_info import JobCounts
from tests.support.api_client import ApiClient
from tests.support.api_harness import ORG, ApiHarness, make_services
from tests.support.signing_keys import SECRET, signed


@pytest.fixture
def shared_harness() -> Iterator[ApiHarness]:
    """An API where callers say who they are."""
    services = make_services(auth="jwt", jwt_secret=SECRET.decode(), jwt_issuer=None, jwt_audience=None)
    with ApiClient(create_app(services), base_url="http://api.localhost") as client:
        yield ApiHarness(services, client)


def give_up(harness: ApiHarness) -> None:
    """The host gives up on the first message that waits, of a step whose attempts are used up."""
    message = harness.services.storage.queues.pop("downloads")
    assert isinstance(message, StageMessage)
    (row,) = harness.services.storage.step_runs.of_job(message.job_id)
    harness.services.storage.step_runs.update(row, row.value.evolve(attempts=harness.services.settings.max_attempts))
    handle_poison_message(harness.services, message)


def test_the_queues_are_told_with_the_jobs_by_status(harness: ApiHarness) -> None:
    for _ in range(2):
        harness.submit()
    info = harness.client.get("/jobs/queue-info").json()
    assert [one["name"] for one in info["queues"]] == [
        "downloads",
        "transcriptions",
        "trackings",
        "renditions",
        "tasks",
        "webhooks",
    ]
    downloads, *rest = info["queues"]
    assert downloads["oldestSeconds"] > 0
    assert {**downloads, "oldestSeconds": None} == {
        "name": "downloads",
        "waiting": 2,
        "poison": 0,
        "oldestSeconds": None,
    }
    assert all((one["waiting"], one["poison"], one["oldestSeconds"]) == (0, 0, None) for one in rest)
    assert info["jobs"] == {"CREATED": 2, "DOWNLOADED": 0, "TRANSCRIBED": 0, "DONE": 0, "ERROR": 0, "CANCELED": 0}


def test_dead_letters_are_seen_and_put_back(harness: ApiHarness) -> None:
    job = harness.submit()
    give_up(harness)
    info = harness.client.get("/jobs/queue-info").json()
    assert (info["queues"][0]["poison"], info["jobs"]["ERROR"]) == (1, 1)
    assert harness.client.post("/jobs/poison/downloads/requeue").json() == {"requeued": 1}
    assert harness.client.post("/jobs/poison/downloads/requeue").json() == {"requeued": 0}
    again = harness.client.get(f"/jobs/{job['jobId']}").json()
    assert (again["status"], again["attempt"]) == ("CREATED", 2)
    assert harness.client.get("/jobs/queue-info").json()["queues"][0] == {
        "name": "downloads",
        "waiting": 1,
        "poison": 0,
        "oldestSeconds": pytest.approx(0, abs=60),
    }


def test_an_unknown_queue_is_not_found(harness: ApiHarness) -> None:
    answer = harness.client.post("/jobs/poison/downloads-poison/requeue")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def tokens_of_three() -> dict[str, dict[str, str]]:
    """Return the headers of a member and an administrator of one organisation, and an administrator of another."""
    return {
        name: {"Authorization": f"Bearer {signed(org_id=org, scopes=scopes)}"}
        for name, org, scopes in (
            ("member", "acme", ["jobs:read", "jobs:write"]),
            ("admin", "acme", ["admin"]),
            ("stranger", "others", ["admin"]),
        )
    }


def test_an_administrator_puts_back_what_is_the_organisations_own(shared_harness: ApiHarness) -> None:
    harness = shared_harness
    tokens = tokens_of_three()
    body = {"sourceUrl": "https://example.com/talk.mp4"}
    assert harness.client.post("/jobs", json=body, headers=tokens["member"]).status_code == 202
    give_up(harness)
    seen = {
        name: harness.client.get("/jobs/queue-info", headers=token).json()["queues"][0]["poison"]
        for name, token in tokens.items()
    }
    assert seen == {"member": 1, "admin": 1, "stranger": 0}
    requeue = "/jobs/poison/downloads/requeue"
    assert harness.client.post(requeue, headers=tokens["member"]).status_code == 403
    assert harness.client.post(requeue, headers=tokens["stranger"]).json() == {"requeued": 0}
    assert harness.client.post(requeue, headers=tokens["admin"]).json() == {"requeued": 1}


def test_a_caller_without_the_scope_sees_nothing_of_the_queues(shared_harness: ApiHarness) -> None:
    harness = shared_harness
    member, stranger = (
        {"Authorization": f"Bearer {signed(org_id=org, scopes=['jobs:read', 'jobs:write'])}"} for org in ("acme", "x")
    )
    body = {"sourceUrl": "https://example.com/talk.mp4"}
    assert harness.client.post("/jobs", json=body, headers=member).status_code == 202
    own = harness.client.get("/jobs/queue-info", headers=member).json()
    foreign = harness.client.get("/jobs/queue-info", headers=stranger).json()
    assert (own["queues"][0]["waiting"], own["jobs"]["CREATED"]) == (1, 1)
    assert {(one["waiting"], one["poison"], one["oldestSeconds"]) for one in foreign["queues"]} == {(0, 0, None)}
    assert not any(foreign["jobs"].values())


def test_messages_that_cannot_be_read_are_listed_and_removed(harness: ApiHarness) -> None:
    for number in range(3):
        at = harness.services.clock()
        keep_unreadable(harness.services, "downloads", f"{{not base64 {number}}}".encode(), f"m{number}", at)
    assert harness.client.get("/jobs/queue-info").json()["queues"][0]["poison"] == 3
    first = harness.client.get("/jobs/poison/downloads?limit=2").json()
    rest = harness.client.get(first["nextLink"]).json()
    assert [one["body"] for one in first["items"] + rest["items"]] == [f"{{not base64 {n}}}" for n in (2, 1, 0)]
    assert {(one["orgId"], one["reason"]) for one in first["items"]} == {(None, "The message cannot be read.")}
    address = f"/jobs/poison/downloads/{rest['items'][0]['letterId']}"
    assert harness.client.delete(address).status_code == 204
    assert harness.client.delete(address).status_code == 404
    assert len(harness.client.get("/jobs/poison/downloads").json()["items"]) == 2
    assert harness.client.get("/jobs/poison/nothing").status_code == 404


def test_an_administrator_sees_own_dead_letters_and_that_others_cannot_be_read(shared_harness: ApiHarness) -> None:
    harness = shared_harness
    token = tokens_of_three()
    body = {"sourceUrl": "https://example.com/talk.mp4"}
    job = harness.client.post("/jobs", json=body, headers=token["member"]).json()
    give_up(harness)
    keep_unreadable(harness.services, "downloads", b"{secret of acme", "m", harness.services.clock())
    path = "/jobs/poison/downloads"
    assert harness.client.get(path, headers=token["member"]).status_code == 403
    own = harness.client.get(path, headers=token["admin"]).json()["items"]
    assert {(one["orgId"], one["jobId"]) for one in own} == {("acme", job["jobId"]), (None, None)}
    (seen,) = harness.client.get(path, headers=token["stranger"]).json()["items"]
    assert (seen["orgId"], seen["body"], seen["reason"]) == (None, None, "The message cannot be read.")
    foreign = next(one["letterId"] for one in own if one["orgId"] == "acme")
    assert harness.client.delete(f"{path}/{foreign}", headers=token["stranger"]).status_code == 404
    assert harness.client.delete(f"{path}/{foreign}", headers=token["admin"]).status_code == 204
    assert harness.client.post(f"/jobs/{job['jobId']}/retry", headers=token["member"]).status_code == 202


def test_jobs_are_not_counted_anew_for_every_request(harness: ApiHarness) -> None:
    start, seconds = harness.services.clock(), 0.0
    counts = JobCounts(replace(harness.services, clock=lambda: start + timedelta(seconds=seconds)))
    harness.client.app.state.job_counts = counts  # type: ignore[attr-defined]

    def created() -> int:
        count: int = harness.client.get("/jobs/queue-info").json()["jobs"]["CREATED"]
        return count

    harness.submit()
    assert created() == 1
    harness.submit()
    seconds = 4.9
    assert created() == 1
    seconds = 5
    assert created() == 2


def test_counts_are_each_organisations_own(harness: ApiHarness) -> None:
    counts = JobCounts(harness.services)
    harness.submit()
    assert [counts.of(org)[JobStatus.CREATED] for org in (ORG, "other")] == [1, 0]
