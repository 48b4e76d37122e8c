"""Results as a job would leave them, and a server that serves them, made up for the client's tests."""

import hashlib
import json
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from matplotlib.image import imsave
from numpy import linspace, newaxis, ones

from rostrum_client.client import RostrumClient

SAMPLE_FPS = 2.0


def write_results(directory: Path, duration_sec: float = 60.0, *, sound: bool = True, picture: bool = True) -> Path:
    """The result files of a recording with sound, a picture, or both."""
    sidecar: dict[str, Any] = {
        "version": "v1",
        "media": {"container": "mp4", "durationSec": duration_sec, "warnings": ["The sound begins late."]},
        "scenes": scenes(directory, duration_sec) if picture else [],
        "artefacts": [],
    }
    write(directory / "sidecar.json", sidecar)
    if sound:
        write(directory / "transcript.json", transcript(duration_sec))
    if picture:
        write(directory / "instructor-tracking.json", tracking(duration_sec))
    return directory


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def scenes(directory: Path, duration_sec: float) -> list[dict[str, Any]]:
    """Four scenes, the second and third close together, each with a picture of one tone."""
    cuts = [0.0, 0.3 * duration_sec, 0.36 * duration_sec, 0.7 * duration_sec, duration_sec]
    found = []
    for number, (start, end) in enumerate(pairwise(cuts)):
        name = f"thumbnails/scene-{number + 1:03d}.jpg"
        (directory / "thumbnails").mkdir(parents=True, exist_ok=True)
        shade = linspace(0.2 + 0.15 * number, 0.9, 320)[newaxis, :, newaxis] * ones((180, 320, 3))
        imsave(directory / name, shade)
        found.append({"start": start, "end": end, "thumbnail": name})
    return found


def transcript(duration_sec: float) -> dict[str, Any]:
    """A phrase of eight words every six seconds, with a pause after it."""
    text = ["every", "result", "$x$", "has", "a", "small", "and", "plain", "reason"]
    segments = []
    start = 0.6
    while start + 5 < duration_sec:
        words = [
            {"word": word, "start": start + 0.5 * i, "end": start + 0.5 * i + 0.1 + 0.04 * len(word)}
            for i, word in enumerate(text)
        ]
        segments.append(
            {"id": len(segments), "start": start, "end": words[-1]["end"], "text": " ".join(text), "words": words}
        )
        start += 6.0
    engine = {"name": "pocketsphinx", "version": "5.1.1", "model": "en-us"}
    return {"version": "v1", "language": "en", "durationSec": duration_sec, "engine": engine, "segments": segments}


def tracking(duration_sec: float) -> dict[str, Any]:
    """Somebody who comes in at 5%, is away from 50% to 60%, and leaves at 95%."""
    presence = [[0.05 * duration_sec, 0.5 * duration_sec], [0.6 * duration_sec, 0.95 * duration_sec]]
    points = []
    for k in range(int(duration_sec * SAMPLE_FPS)):
        t = k / SAMPLE_FPS
        if any(start <= t <= end for start, end in presence):
            x = 0.5 + 0.3 * math.sin(t / duration_sec * 20)
            state = "interpolated" if 0.20 < t / duration_sec < 0.22 else "observed"
            points.append({"t": t, "x": x, "y": 0.5, "box": [x - 0.05, 0.2, 0.1, 0.6], "state": state})
    return {
        "version": "v1",
        "source": {"width": 1280, "height": 720, "fps": 25.0, "durationSec": duration_sec, "sampleFps": SAMPLE_FPS},
        "trackPoints": points,
        "presence": presence,
        "gaps": [[0.5 * duration_sec, 0.6 * duration_sec]],
        "derivedMetrics": {"coveragePercent": 80.0, "gapsCount": 1, "longestGapSec": 0.1 * duration_sec},
        "warnings": [],
    }


class Server:
    """Answers like Rostrum and its storage; keeps what it was asked. `job_states` are served one a request."""

    base_url = "http://rostrum.test/api"
    block_size_bytes = 4

    def __init__(self, results: Path) -> None:
        self.results = results
        self.requests: list[httpx.Request] = []
        self.blocks: dict[str, bytes] = {}
        self.stored: bytes | None = None
        self.failures: list[httpx.Response | httpx.RequestError] = []
        self.job_states: list[dict[str, Any]] = [job("DONE")]
        self.job_headers: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.failures:
            failure = self.failures.pop(0)
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
            case "GET", ["jobs", _]:
                return self._job(request)
            case "GET", ["sessions", _]:
                return httpx.Response(200, json={"sessionId": "s1", "media": {"durationSec": 60.0}})
            case "GET", ["sessions", _, "sidecar"]:
                return httpx.Response(200, content=(self.results / "sidecar.json").read_bytes())
            case "GET", ["sessions", _, "results", "transcript"]:
                name = f"transcript.{request.url.params['format']}"
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
def client(server: Server, pauses: list[float]) -> RostrumClient:
    """A client of that server."""
    return RostrumClient(server.base_url, "secret", transport=httpx.MockTransport(server), sleep=pauses.append)


@pytest.fixture
def a_job() -> Callable[..., dict[str, Any]]:
    """Makes a job as the API tells it: `a_job("DONE", progress=1.0)`."""
    return job
