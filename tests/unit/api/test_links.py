"""Addresses in answers: never made of what a caller wrote as `Host` outside this machine, and made anew in a replay."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.api.app import create_app
from tests.support.api_client import ApiClient
from tests.support.api_harness import ApiHarness, make_services
from tests.support.signing_keys import SECRET, signed

AZURE = "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5;EndpointSuffix=core.windows.net"
PUBLIC = "https://rostrum.example/api"
JOB = {
    "sourceUrl": "https://example.com/talk.mp4?sig=source-secret",
    "callbackUrl": "https://example.com/hook?key=callback-secret#fragment",
    "metadata": {"about": "/api/jobs/1 and https://rostrum.example/api/jobs/1"},
}
FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "evil.example", "X-Forwarded-Proto": "https"},
    {"Host": "api.example", "X-Forwarded-Host": "evil.example"},
    {"Host": "api.example", "Forwarded": "host=evil.example"},
]


@contextmanager
def api(**settings: Any) -> Iterator[ApiClient]:
    """Serve an API with a storage account in Azure, to callers with tokens."""
    services = make_services(
        AzureWebJobsStorage=AZURE, auth="jwt", jwt_secret=SECRET.decode(), webhook_secret="a" * 24, **settings
    )
    headers = {"Authorization": f"Bearer {signed(org_id='acme', scopes=['admin'])}"}
    with ApiClient(create_app(services), base_url="http://api.example", root_path="/api", headers=headers) as client:
        yield client


def links_of(client: ApiClient, headers: dict[str, str]) -> list[str]:
    """Return the addresses of the API in many answers."""
    made = client.post("/api/jobs", json=JOB, headers=headers)
    assert made.status_code == 202, made.text
    job = made.json()
    client.post("/api/jobs", json=JOB, headers=headers)
    session = client.get(f"/api/sessions/{job['sessionId']}", headers=headers).json()
    page = client.get("/api/jobs?limit=1", headers=headers).json()
    found = [made.headers["Location"], made.headers["Operation-Location"], page["nextLink"]]
    found += [*job["links"].values(), *session["links"].values()]
    return [*found, client.get("/api/jobs/", headers=headers, follow_redirects=False).headers["Location"]]


@pytest.mark.parametrize("headers", FOREIGN)
def test_without_a_public_address_they_are_relative(headers: dict[str, str]) -> None:
    with api() as client:
        for link in links_of(client, headers):
            assert link.startswith("/api/")
            assert "evil" not in link


@pytest.mark.parametrize("headers", FOREIGN)
def test_with_a_public_address_they_begin_with_it(headers: dict[str, str]) -> None:
    with api(public_url=PUBLIC) as client:
        *links, redirect = links_of(client, headers)
    assert redirect == "/api/jobs"
    assert all(link.startswith(f"{PUBLIC}/") for link in links)


def test_a_relative_link_leads_there() -> None:
    with api() as client:
        made = client.post("/api/jobs", json=JOB)
        assert client.get(made.headers["Location"]).json()["jobId"] == made.json()["jobId"]


@pytest.mark.parametrize("path", ["/api/jobs", "/api/schedules"])
def test_a_replay_has_links_to_where_the_api_is_now(path: str) -> None:
    job = {name: value for name, value in JOB.items() if name != "metadata"}
    body = JOB if path == "/api/jobs" else {"cron": "0 0 * * *", "job": job}
    key = {"Idempotency-Key": "one"}
    with api() as client:
        first = client.post(path, json=body, headers=key)
        services = client.app.state.services  # type: ignore[attr-defined]
        same = client.post(path, json=body, headers={**key, "Host": "evil.example"})
        moved = services.settings.model_copy(update={"public_url": PUBLIC})
        object.__setattr__(services, "settings", moved)
        again = client.post(path, json=body, headers={**key, "Host": "evil.example"})
    assert first.status_code in (201, 202), first.text
    assert same.headers["Idempotency-Replayed"] == again.headers["Idempotency-Replayed"] == "true"
    assert same.content == first.content
    assert again.headers["Location"] == first.headers["Location"].replace("/api", PUBLIC, 1)
    links = first.json()["links"]
    assert again.json() == {
        **first.json(),
        "links": {name: link and link.replace("/api", PUBLIC, 1) for name, link in links.items()},
    }


def test_locally_a_replay_names_the_address_that_was_asked(harness: ApiHarness) -> None:
    def post(host: str) -> Any:
        return harness.client.post(
            "/jobs", json={"sourceUrl": JOB["sourceUrl"]}, headers={"Idempotency-Key": "one", "Host": host}
        )

    first, again = post("localhost:7071"), post("127.0.0.1:7072")
    assert first.headers["Location"].startswith("http://localhost:7071/jobs/")
    assert again.headers["Location"] == first.headers["Location"].replace("localhost:7071", "127.0.0.1:7072")
    assert again.json()["links"]["self"] == again.headers["Location"]


def test_addresses_of_others_are_shown_without_their_query(harness: ApiHarness) -> None:
    job = harness.submit(**JOB)
    body = {"cron": "0 0 * * *", "job": {"sourceUrl": JOB["sourceUrl"], "callbackUrl": JOB["callbackUrl"]}}
    schedule = harness.client.post("/schedules", json=body, headers={"Idempotency-Key": "one"})
    shown = [
        schedule,
        harness.client.post("/schedules", json=body, headers={"Idempotency-Key": "one"}),
        harness.client.get(f"/schedules/{schedule.json()['scheduleId']}"),
        harness.client.get("/schedules"),
        harness.client.get("/jobs"),
        harness.client.get(f"/jobs/{job['jobId']}"),
        harness.client.get(f"/sessions/{job['sessionId']}"),
        harness.client.get("/tasks"),
    ]
    assert job["callbackUrl"] == schedule.json()["job"]["callbackUrl"] == "https://example.com/hook"
    assert schedule.json()["job"]["sourceUrl"] == "https://example.com/talk.mp4"
    for answer in shown:
        assert answer.status_code < 300
        assert "secret" not in answer.text
    stored = harness.services.storage.jobs.get("local", job["jobId"]).value
    assert stored.callback_url == JOB["callbackUrl"]
