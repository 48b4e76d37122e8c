"""The API does what its description says, whatever is sent to it: tried by Schemathesis, with every check on.

    python3 dev.py test tests/e2e/test_schemathesis.py --fuzz 50

tries a running stack, too, with up to so many cases for each operation and phase: some minutes, thousands of cases.
"""

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.api.app import create_app
from shared.api.openapi.operation_examples import JSON, examples_of
from shared.domain import job as jobs
from shared.domain.dead_letter import DeadLetter
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.pipeline.updates import change_job
from shared.settings import Settings
from shared.storage.connect import connect
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES, Storage
from shared.wiring import build_services
from tests.e2e.conftest import REPO, eventually, running_stack
from tests.e2e.fuzz import LaidOut, Outcome, fuzz
from tests.support.signing_keys import SECRET, signed

pytestmark = pytest.mark.e2e

EXAMPLE = REPO / "examples" / "lecture.mp4"
ORG = "acme"
TOKEN = signed(org_id=ORG, scopes=["admin"])
PREFIX = "/api"
RECORDING = b"abc"
THUMBNAIL = "scene-0001.jpg"
CALLBACK = "https://example.com/hooks/rostrum"


def test_the_api_over_memory(tell: Callable[[str], None], tmp_path: Path) -> None:
    given = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "auth": "jwt", "jwt_secret": SECRET.decode()}
    services = build_services(Settings.model_validate({**given, "rate_limit_per_minute": 0}), MemoryStorage())
    with served(create_app(services)) as url, client_of(url) as client:
        there = in_memory(services, client)
        outcome = fuzz(url, TOKEN, there, tmp_path, examples=5)
    tell(outcome.summary)
    hold_against(outcome, at_least=1000)


def test_the_api_of_a_running_stack(
    request: pytest.FixtureRequest, tell: Callable[[str], None], tmp_path: Path
) -> None:
    examples = request.config.getoption("--fuzz")
    if not examples:
        pytest.skip("asked for by --fuzz N")
    settings = {"ROSTRUM_AUTH": "jwt", "ROSTRUM_JWT_SECRET": SECRET.decode(), "ROSTRUM_RATE_LIMIT_PER_MINUTE": "0"}
    with running_stack(tmp_path, **settings) as stack, client_of(stack.url) as client:
        there = in_storage(client, connect(stack.connection))
        outcome = fuzz(stack.url, TOKEN, there, tmp_path, examples)
        assert client.get("/health").json()["status"] == "ok"
    tell(outcome.summary)
    hold_against(outcome, at_least=2000)


@pytest.fixture
def tell(capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Writes a line among what the test run tells."""

    def write(text: str) -> None:
        with capfd.disabled():
            sys.stdout.write(f"\n{text}\n")

    return write


def hold_against(outcome: Outcome, at_least: int) -> None:
    """Nothing failed, nothing was left out, and every operation did what it is for at least once."""
    report = outcome.report
    assert not report["failures"], outcome.text
    assert not report["errors"], outcome.text
    assert report["operations"]["tested"] == report["operations"]["total"]
    assert outcome.cases >= at_least
    assert outcome.never_accepted() == set()
    assert report["exit_code"] == 0


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The application behind a real server, under the prefix that the host puts before it."""

    async def under_prefix(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "root_path": PREFIX}, receive, send)

    server = uvicorn.Server(uvicorn.Config(under_prefix, lifespan="off", log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # see devhost/http_worker.py
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}{PREFIX}"
        finally:
            server.should_exit = True
            thread.join()


def client_of(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)


def ask(client: httpx.Client, method: str, path: str, **arguments: Any) -> dict[str, Any]:
    answer = client.request(method, path, **arguments)
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def canceled(client: httpx.Client) -> dict[str, Any]:
    job = ask(client, "POST", "/jobs", json={"sourceUrl": "https://example.com/talk.mp4", "delaySeconds": 86400})
    job = ask(client, "DELETE", f"/jobs/{job['jobId']}")
    assert job["status"] == JobStatus.CANCELED
    return job


def given_up(storage: Storage) -> str:
    """Keep a dead letter and return its id."""
    letter = DeadLetter(
        letter_id="letter1",
        queue="trackings",
        org_id=ORG,
        body="{}",
        reason="It was made for this test.",
        at=datetime.now(UTC),
    )
    storage.dead_letters.keep(letter)
    return letter.letter_id


def announced(client: httpx.Client) -> dict[str, Any]:
    return ask(client, "POST", "/ingest/init", json={"sourceName": "a.mp4", "contentLength": len(RECORDING)})


def in_memory(services: Services, client: httpx.Client) -> LaidOut:
    """Made by the API, and the pipeline's part written by hand."""
    storage = services.storage
    body = {"sourceUrl": "https://example.com/talk.mp4", "callbackUrl": CALLBACK}
    made = ask(client, "POST", "/jobs", json=body)
    job_id, session_id = made["jobId"], made["sessionId"]

    def change(step: Callable[[jobs.Job], jobs.Job]) -> None:
        change_job(services, ORG, job_id, step)

    for stage in Stage:
        change(lambda job, stage=stage: jobs.finish_stage(job, stage, services.clock()))  # type: ignore[misc]
    for status in (JobStatus.DOWNLOADED, JobStatus.TRANSCRIBED):
        change(lambda job, status=status: jobs.advance_status(job, status, services.clock()))  # type: ignore[misc]
    change(lambda job: jobs.complete(job, services.clock()))

    transcript = examples_of("getTranscript")
    files = {
        "transcript.json": json.dumps(transcript[JSON]),
        "transcript.vtt": transcript["text/vtt"],
        "transcript.srt": transcript["application/x-subrip"],
        "transcript.txt": transcript["text/plain"],
        "instructor-tracking.json": json.dumps(examples_of("getInstructorTracking")[JSON]),
        "chapters.json": json.dumps(examples_of("getChapters")[JSON]),
        "chapters.vtt": examples_of("getChapters")["text/vtt"],
        "podcast-chapters.json": examples_of("getChapters")["application/json+chapters"],
        "transcript.html": transcript["text/html"],
        "words.vtt": transcript["text/vtt"],
        "instructor-by-segment.json": json.dumps(examples_of("getInstructorBySegment")[JSON]),
        "quality.json": json.dumps(examples_of("getQuality")[JSON]),
        "peaks.json": json.dumps(examples_of("getPeaks")[JSON]),
        "sprites/sprite.vtt": examples_of("getSprite")["text/vtt"],
        "slides.json": json.dumps(examples_of("getSlides")[JSON]),
        "sidecar.json": json.dumps(examples_of("getSidecar")[JSON]),
        "track-plot.json": json.dumps(examples_of("getTrackPlot")[JSON]),
        "track-heatmap.png": "\x89PNG",
        "follow.mp4": "ftyp",
        f"thumbnails/{THUMBNAIL}": "\xff\xd8\xff",
        f"slides/{THUMBNAIL}": "\xff\xd8\xff",
    }
    for name, text in files.items():
        storage.blobs.write(RESULTS, f"{ORG}/{session_id}/{job_id}/{name}", text.encode("latin-1"), "application/json")
    stored = storage.sessions.get(ORG, session_id)
    storage.blobs.write(SOURCES, stored.value.source_blob, EXAMPLE.read_bytes(), "video/mp4")
    storage.sessions.update(
        stored, stored.value.evolve(transcript_job_id=job_id, tracking_job_id=job_id, sidecar_job_id=job_id)
    )
    upload = announced(client)["uploadId"]
    storage.blobs.write(SOURCES, storage.uploads.get(ORG, upload).value.source_blob, RECORDING, "video/mp4")
    quiet, retried = canceled(client)["sessionId"], canceled(client)["jobId"]
    return LaidOut(session_id, quiet, job_id, retried, upload, THUMBNAIL, given_up(storage))


def in_storage(client: httpx.Client, storage: Storage) -> LaidOut:
    """Made by the stack, as any client would have it."""

    def ended(job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = eventually(
            lambda: (job := ask(client, "GET", f"/jobs/{job_id}"))["status"] in ("DONE", "ERROR") and job,
            f"the end of job {job_id}",
            pause_sec=0.5,
        )
        assert found["status"] == JobStatus.DONE, found["error"]
        return found

    with EXAMPLE.open("rb") as video:
        session_id = ask(client, "POST", "/sessions/import", files={"video": ("a.mp4", video, "video/mp4")})[
            "sessionId"
        ]
    body = {"callbackUrl": CALLBACK, "options": {"followCam": {"height": 144}}}
    job_id = ask(client, "POST", f"/sessions/{session_id}/process", json=body)["jobId"]
    ended(job_id)
    upload = announced(client)
    httpx.put(upload["uploadUrl"], content=RECORDING, headers={"x-ms-blob-type": "BlockBlob"}).raise_for_status()
    thumbnail = ask(client, "GET", f"/sessions/{session_id}/sidecar")["thumbnails"][0]["name"]
    quiet, retried = canceled(client)["sessionId"], canceled(client)["jobId"]
    return LaidOut(session_id, quiet, job_id, retried, upload["uploadId"], thumbnail, given_up(storage))
