"""Without authentication the API is for this machine's programs and pages."""

from collections.abc import Mapping

import pytest

from shared.api.app import create_app
from tests.support.api_client import ApiClient
from tests.support.api_harness import ApiHarness, make_services
from tests.support.signing_keys import SECRET

JOB = {"sourceUrl": "https://example.com/talk.mp4"}
OURS = [
    "localhost",
    "localhost:7071",
    "LOCALHOST.",
    "rostrum.localhost",
    "127.0.0.1:7071",
    "127.8.0.1",
    "[::1]:7071",
    "rostrum:7071",
]
FOREIGN = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "192.168.1.7:7071",
    "[2001:db8::1]",
    "[",
    "",
]


@pytest.mark.parametrize("host", OURS)
def test_this_machines_names_are_answered(harness: ApiHarness, host: str) -> None:
    assert harness.client.get("/jobs", headers={"Host": host}).status_code == 200
    assert harness.client.post("/jobs", json=JOB, headers={"Host": host, "Origin": f"http://{host}"}).status_code == 202


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "a"}], ids=["without key", "with key"])
def test_a_name_that_may_be_anybodys_is_not(harness: ApiHarness, host: str, key: Mapping[str, str]) -> None:
    read = harness.client.get("/jobs", headers={"Host": host})
    written = harness.client.post("/jobs", json=JOB, headers={"Host": host, **key})
    for answer in (read, written):
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_host")
    assert harness.client.get("/jobs").json()["items"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example:7071"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "Cross-Site", "Origin": "http://localhost"},
    ],
)
def test_another_sites_page_gives_no_orders(harness: ApiHarness, headers: Mapping[str, str]) -> None:
    job = harness.submit()
    form = {**headers, "Content-Type": "multipart/form-data; boundary=a"}
    refused = [
        harness.client.post("/jobs", json=JOB, headers=headers),
        harness.client.delete(f"/jobs/{job['jobId']}", headers=headers),
        harness.client.delete(f"/sessions/{job['sessionId']}", headers=headers),
        harness.client.post(f"/sessions/{job['sessionId']}/sidecar", headers=headers),
        harness.client.post("/sessions/import", content=b"--a", headers=form),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(403, "foreign_origin")}
    assert [one["status"] for one in harness.client.get("/jobs", headers=headers).json()["items"]] == ["CREATED"]


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
def test_pages_of_this_machine_do(harness: ApiHarness, site: str) -> None:
    headers = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": site}
    assert harness.client.post("/jobs", json=JOB, headers=headers).status_code == 202


def test_the_public_address_is_the_apis_own() -> None:
    services = make_services(public_url="https://rostrum.example/api")
    with ApiClient(create_app(services), base_url="http://rostrum.example") as client:
        headers = {"Origin": "https://rostrum.example"}
        assert client.post("/jobs", json=JOB, headers=headers).status_code == 202
        assert client.get("/jobs", headers={"Host": "other.example"}).status_code == 403


def test_with_tokens_the_token_decides() -> None:
    services = make_services(auth="jwt", jwt_secret=SECRET.decode())
    with ApiClient(create_app(services), base_url="http://rostrum.example") as client:
        answer = client.post("/jobs", json=JOB, headers={"Origin": "https://evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
