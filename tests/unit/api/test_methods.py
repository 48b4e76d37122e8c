"""What an address takes: HEAD, and what `Allow` tells."""

import pytest

from shared.api.http.head_requests import allowed_methods
from shared.storage.ports import CHUNK_BYTES
from tests.support.api_harness import ApiHarness


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/jobs", {"GET", "HEAD", "POST"}),
        ("DELETE", "/jobs", {"GET", "HEAD", "POST"}),
        ("PATCH", "/jobs/x/status", {"GET", "HEAD"}),
        ("PATCH", "/jobs/x/events", {"GET"}),
        ("HEAD", "/jobs/x/events", {"GET"}),
        ("GET", "/ingest/init", {"POST"}),
        ("HEAD", "/ingest/init", {"POST"}),
        ("POST", "/sessions", {"GET", "HEAD"}),
        ("POST", "/health", {"GET", "HEAD"}),
        ("POST", "/docs", {"GET", "HEAD"}),
        ("POST", "/openapi.json", {"GET", "HEAD"}),
        ("PUT", "/jobs/queue-info", {"GET", "HEAD"}),
        ("PUT", "/jobs/x", {"DELETE", "GET", "HEAD"}),
        ("PUT", "/jobs/poison/downloads/requeue", {"POST"}),
        ("PUT", "/jobs/poison/downloads/x", {"DELETE"}),
        ("PUT", "/sessions/x/results", {"DELETE"}),
        ("PUT", "/tasks/x", {"DELETE", "GET", "HEAD"}),
        ("PUT", "/sessions/import", {"POST"}),
    ],
)
def test_a_wrong_method_is_told_every_right_one(harness: ApiHarness, method: str, path: str, allowed: set[str]) -> None:
    answer = harness.client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_a_path_that_is_none_allows_nothing() -> None:
    assert allowed_methods([], {"type": "http", "method": "GET", "path": "/x", "root_path": ""}) == []


@pytest.mark.parametrize(
    "path", ["/health", "/jobs", "/jobs/{jobId}", "/sessions", "/sessions/{sessionId}/sidecar", "/docs", "/jobs/none"]
)
def test_a_head_is_the_get_without_its_body(harness: ApiHarness, path: str) -> None:
    job = harness.submit()
    harness.finish(job, {"sidecar.json": b"{}"})
    path = path.format_map(job)
    head, get = harness.client.head(path), harness.client.get(path)
    assert head.content == b""
    assert head.status_code == get.status_code
    for name in ("Content-Length", "Content-Type", "ETag"):
        assert head.headers.get(name) == get.headers.get(name), name


def test_a_head_reads_nothing_of_the_file(harness: ApiHarness) -> None:
    job = harness.submit()
    harness.finish(job, {"sidecar.json": b"x" * CHUNK_BYTES})

    def broken(*_: object) -> None:
        raise AssertionError("read")

    harness.instead("blobs", chunks=lambda *_: iter(broken, None))
    answer = harness.client.head(f"/sessions/{job['sessionId']}/sidecar")
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(CHUNK_BYTES))
