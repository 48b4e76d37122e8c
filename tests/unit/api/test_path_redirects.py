"""Paths that people type: a slash at the end, and the API's root."""

import pytest

from shared.api.app import create_app
from tests.support.api_client import ApiClient
from tests.support.api_harness import ApiHarness, make_services


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/jobs/", "/jobs"),
        ("/sessions//", "/sessions"),
        ("/jobs/?limit=5&cursor=%2F", "/jobs?limit=5&cursor=%2F"),
        ("/jobs/a%20b/", "/jobs/a%20b"),
        ("//evil.example/", "/evil.example"),
        ("/%5Cevil.example/", "/%5Cevil.example"),
        ("/jobs/%0D%0ASet-Cookie:a/", "/jobs/%0D%0ASet-Cookie:a"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_slash_at_the_end_leads_to_the_path_without(
    harness: ApiHarness, asked: str, location: str, method: str
) -> None:
    answer = harness.client.request(method, f"http://api.localhost{asked}", follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, location)


def test_a_form_with_a_recording_is_redirected_too(harness: ApiHarness) -> None:
    answer = harness.client.post("/sessions/import/", files={"video": b"abc"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, "/sessions/import")


def test_a_body_goes_along(harness: ApiHarness) -> None:
    answer = harness.client.post("/jobs/", json={"sourceUrl": "https://example.com/a.mp4"}, follow_redirects=True)
    assert answer.status_code == 202


@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_the_root_leads_to_the_docs(path: str) -> None:
    with ApiClient(create_app(make_services()), base_url="http://api.localhost", root_path="/api") as client:
        answer = client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (307, "/api/docs")
        assert client.get(answer.headers["Location"]).status_code == 200
        assert client.get("/api/jobs/", follow_redirects=False).headers["Location"] == "/api/jobs"
