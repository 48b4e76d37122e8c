"""How many probes run at once, and which wait."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Semaphore, Thread

import pytest

from shared.api.app import create_app
from shared.api.http.concurrency_limit import ConcurrencyLimit
from shared.api.limits import Limits
from tests.support.api_client import ApiClient
from tests.support.api_harness import ApiHarness, make_services


class SlowServer(ThreadingHTTPServer):
    """A server that has nothing, and says so when it is told to go on."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _SlowAnswer)
        self.asked = Semaphore(0)
        self.go_on = Event()
        self.paths: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}/talk.mp4"


class _SlowAnswer(BaseHTTPRequestHandler):
    server: SlowServer

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.server.asked.release()
        assert self.server.go_on.wait(60)
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow() -> Iterator[SlowServer]:
    """A slow server on this machine."""
    with SlowServer() as server:
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield server
        finally:
            server.go_on.set()
            server.shutdown()
            serving.join()


@pytest.fixture
def harness() -> Iterator[ApiHarness]:
    """An API that may probe this machine, and two addresses at once for an organisation."""
    services = make_services(allow_loopback_sources=True)
    two = ConcurrencyLimit("probes of addresses", total=16, per_org=2, wait_sec=0.01, retry_after_sec=10)
    with ApiClient(create_app(services, Limits(remote_probes=two)), base_url="http://api.localhost") as client:
        yield ApiHarness(services, client)


def test_an_organisation_waits_for_two_slow_servers_at_once_and_for_nothing_else(
    harness: ApiHarness, slow: SlowServer
) -> None:
    body = {"sourceUrl": slow.url}
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
        assert [each.result().json()["code"] for each in first] == ["source_not_found"] * 2
    assert harness.client.post("/ingest/probe", json=body).json()["code"] == "source_not_found"


def test_a_session_whose_recording_was_not_fetched_yet_is_probed_at_its_address(
    harness: ApiHarness, slow: SlowServer
) -> None:
    slow.go_on.set()
    session_id = harness.submit(sourceUrl=slow.url)["sessionId"]
    assert harness.client.post("/ingest/probe", json={"sessionId": session_id}).json()["code"] == "source_not_found"
    assert slow.paths == ["/talk.mp4"]
