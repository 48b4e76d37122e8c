"""How many probes run at once, and which wait."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore
from typing import Any

import pytest

from shared.api.http.concurrency_limit import ConcurrencyLimit
from shared.api.routes import ingest
from shared.domain.errors import SourceNotFound, SourceTooSlow
from tests.support.api_harness import ApiHarness


class SlowServer:
    """A server for which probes wait until it is told to go on."""

    def __init__(self) -> None:
        self.asked = Semaphore(0)
        self.go_on = Event()

    def probe(self, *_: Any) -> None:
        self.asked.release()
        assert self.go_on.wait(60)
        raise SourceTooSlow("Slow.")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowServer]:
    """All addresses lead to a slow server."""
    server = SlowServer()
    monkeypatch.setattr(ingest, "probe_url", server.probe)
    monkeypatch.setattr(
        ingest, "REMOTE_PROBES", ConcurrencyLimit("probes", total=16, per_org=2, wait_sec=0.01, retry_after_sec=10)
    )
    yield server
    server.go_on.set()


def test_an_organisation_waits_for_two_slow_servers_at_once_and_for_nothing_else(
    harness: ApiHarness, slow: SlowServer
) -> None:
    body = {"sourceUrl": "https://slow.example/talk.mp4"}
    upload = {"sourceName": "talk.mp4", "contentLength": 1}
    with ThreadPoolExecutor(2) as pool:
        first = [pool.submit(harness.client.post, "/ingest/probe", json=body) for _ in range(2)]
        assert all(slow.asked.acquire(timeout=60) for _ in first)
        third = harness.client.post("/ingest/probe", json=body)
        assert (third.status_code, third.json()["code"], third.headers["Retry-After"]) == (503, "busy", "10")
        announced = harness.client.post("/ingest/init", json=upload).json()["uploadId"]
        stored = harness.client.post("/ingest/probe", json={"uploadId": announced})
        assert (stored.status_code, stored.json()["code"]) == (409, "upload_incomplete")
        slow.go_on.set()
        assert [each.result().json()["code"] for each in first] == ["source_too_slow"] * 2
    assert harness.client.post("/ingest/probe", json=body).json()["code"] == "source_too_slow"


def test_a_session_whose_recording_was_not_fetched_yet_is_probed_at_its_address(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def probe(_: Any, url: str, __: Any) -> None:
        asked.append(url)
        raise SourceNotFound("Gone.")

    monkeypatch.setattr(ingest, "probe_url", probe)
    session_id = harness.submit(sourceUrl="https://example.com/a.mp4")["sessionId"]
    assert harness.client.post("/ingest/probe", json={"sessionId": session_id}).json()["detail"] == "Gone."
    assert asked == ["https://example.com/a.mp4"]
