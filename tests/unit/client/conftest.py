"""Servers for the client's tests: one made up, at httpx's transport, and the real API with a storage in memory."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import httpx
import pytest

from rostrum_client.client import RostrumClient
from tests.support.awaiting_client import Awaiting
from tests.support.made_up_results import write, write_results
from tests.support.served_api import ApiServer, Served, run_server


class Server:
    """Answers like Rostrum and its storage; keeps what it was asked. `job_states` are served one a request."""

    base_url = "http://rostrum.test/api"
    block_size_bytes = 4

    def __init__(self, results: Path) -> None:
        self.results = results
        self.requests: list[httpx.Request] = []
        self.blocks: dict[str, bytes] = {}
        self.stored: bytes | None = None
        self.failures: list[httpx.Response | BaseException] = []
        self.job_states: list[dict[str, Any]] = [job("DONE")]
        self.job_headers: dict[str, str] = {}
        self._lock = Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.requests.append(request)
            failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            if isinstance(failure, httpx.Response):
                return failure
            raise failure
        if request.url.host == "blobs.test":
            return self._store(request)
        path = request.url.path.removeprefix("/api")
        match request.method, path.strip("/").split("/"):
            case "POST", ["ingest", "init"]:
                address = "https://blobs.test/sources/a%2Fb.mp4?sv=2021&sig=a%2Bb%3D"
                block = self.block_size_bytes
                return httpx.Response(201, json={"uploadId": "u1", "uploadUrl": address, "blockSizeBytes": block})
            case "POST", ["ingest", "commit"] | ["jobs"]:
                return httpx.Response(202, json=job("CREATED"))
            case "DELETE", ["jobs", _]:
                return httpx.Response(202, json=job("CREATED", cancelRequested=True))
            case "GET", ["jobs", _]:
                return self._job(request)
            case "GET", ["sessions", _]:
                return httpx.Response(200, json={"sessionId": "s1", "media": {"durationSec": 60.0}})
            case "GET", ["sessions", _, "sidecar"]:
                return httpx.Response(200, content=(self.results / "sidecar.json").read_bytes())
            case "GET", ["sessions", _, "results", "transcript"]:
                name = f"transcript.{request.url.params.get('format', 'json')}"
                return httpx.Response(200, content=(self.results / name).read_bytes())
            case "GET", ["sessions", _, "results", "instructor-tracking"]:
                return httpx.Response(200, content=(self.results / "instructor-tracking.json").read_bytes())
            case "GET", ["sessions", _, "thumbnails", name]:
                return httpx.Response(200, content=(self.results / "thumbnails" / name).read_bytes())
        return httpx.Response(404, json={"code": "not_found", "title": "There is no such thing here", "status": 404})

    def asked(self, method: str, ending: str) -> list[httpx.Request]:
        """The requests so far whose path ends so."""
        return [asked for asked in self.requests if asked.method == method and asked.url.path.endswith(ending)]

    def _job(self, request: httpx.Request) -> httpx.Response:
        state = self.job_states.pop(0) if len(self.job_states) > 1 else self.job_states[0]
        etag = '"' + hashlib.sha256(json.dumps(state).encode()).hexdigest()[:12] + '"'
        headers = {"ETag": etag, **self.job_headers}
        if request.headers.get("If-None-Match") == etag:
            return httpx.Response(304, headers=headers)
        return httpx.Response(200, json=state, headers=headers)

    def _store(self, request: httpx.Request) -> httpx.Response:
        match request.url.params["comp"]:
            case "block":
                self.blocks[request.url.params["blockid"]] = request.content
            case "blocklist":
                names = request.content.decode().split("<Latest>")[1:]
                self.stored = b"".join(self.blocks[name.partition("</Latest>")[0]] for name in names)
        return httpx.Response(201)


def job(status: str, progress: float = 0.0, **more: Any) -> dict[str, Any]:
    """A job as the API tells it."""
    at = "2026-01-02T03:04:05Z"
    return {"jobId": "j1", "sessionId": "s1", "status": status, "progress": progress, "createdAt": at, "updatedAt": at,
            "stages": {}, **more}  # fmt: skip


@pytest.fixture
def make_results(tmp_path: Path) -> Callable[..., Path]:
    """Writes made-up results into a directory of the test's own: `make_results(60.0, sound=False)`."""
    return lambda *args, **kwargs: write_results(tmp_path / "results", *args, **kwargs)


@pytest.fixture
def server(make_results: Callable[..., Path]) -> Server:
    """A server with the results of a one-minute recording, listed in the sidecar with their hashes."""
    results = make_results(60.0)
    for form in ("vtt", "srt", "txt"):
        (results / f"transcript.{form}").write_text(f"every result, as {form}", encoding="utf-8")
    listed = [
        {
            "name": path.relative_to(results).as_posix(),
            "contentType": "text/plain",
            "sizeBytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(results.rglob("*"))
        if path.is_file() and path.name != "sidecar.json"
    ]
    sidecar = json.loads((results / "sidecar.json").read_text(encoding="utf-8"))
    write(results / "sidecar.json", {**sidecar, "artefacts": listed})
    return Server(results)


@pytest.fixture
def pauses() -> list[float]:
    """The pauses that the client made, instead of making them."""
    return []


@pytest.fixture
def client(server: Server, pauses: list[float]) -> Iterator[RostrumClient]:
    """A client of that server."""
    transport = httpx.MockTransport(server)
    with RostrumClient(server.base_url, "secret", transport=transport, sleep=pauses.append) as client:
        yield client


@pytest.fixture(params=[RostrumClient, Awaiting], ids=["blocking", "async"])
def either(request: pytest.FixtureRequest, server: Server, pauses: list[float]) -> Iterator[RostrumClient]:
    """A client of that server, of either kind."""
    transport = httpx.MockTransport(server)
    with request.param(server.base_url, "secret", transport=transport, sleep=pauses.append) as client:
        yield client


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    """A server on a port of this machine, which takes a fifth of a second to start and to stop."""
    with run_server() as server:
        yield server


@pytest.fixture
def served(api_server: ApiServer) -> Served:
    """The real API at an address of this machine; the test itself works on its jobs."""
    return api_server.serve()


@pytest.fixture(params=[RostrumClient, Awaiting], ids=["blocking", "async"])
def caller(request: pytest.FixtureRequest, served: Served) -> Iterator[RostrumClient]:
    """A client of the real API, of either kind."""
    with request.param(served.url) as client:
        yield client


@pytest.fixture
def a_job() -> Callable[..., dict[str, Any]]:
    """Makes a job as the API tells it: `a_job("DONE", progress=1.0)`."""
    return job
