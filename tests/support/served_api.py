"""The real API over the in-memory storage, on a port of this machine, with a door to its blobs and made-up work."""

import json
import re
import socket
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from secrets import randbits
from threading import Thread
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.api.app import create_app
from shared.domain import job as jobs
from shared.domain.ids import newest_first_id
from shared.domain.message import StepKind
from shared.domain.recording import Recording
from shared.domain.stage import Stage
from shared.pipeline.context import Services, StepContext
from shared.pipeline.inline import inline_services, process_job
from shared.pipeline.updates import change_job, change_session
from shared.storage.memory import MemoryStorage
from shared.storage.memory_blobs import MemoryBlobs
from shared.storage.ports import RESULTS, SOURCES, WORK, Storage
from tests.support.api_harness import settings_with
from tests.support.made_up_results import tracking, transcript

ORG = "local"
DURATION_SEC = 60.0
JPEG = b"\xff\xd8 a still \xff\xd9"


class ServedBlobs(MemoryBlobs):
    """Blobs whose signed addresses lead to `blob_door`."""

    base = ""

    def upload_url(self, *args: Any, **more: Any) -> str:
        return self._served(super().upload_url(*args, **more))

    def read_url(self, *args: Any, **more: Any) -> str:
        return self._served(super().read_url(*args, **more))

    def _served(self, url: str) -> str:
        return url.replace("memory:/", self.base, 1)


@dataclass(frozen=True)
class Served:
    """Where the API answers, and what is behind it."""

    url: str
    services: Services
    blobs: ServedBlobs

    def work_on(self, job_id: str) -> None:
        """Does everything that is left of the job."""
        process_job(self.services, ORG, job_id)

    def source_of(self, session_id: str) -> bytes:
        """The recording as it stands in storage."""
        return self.blobs.read(SOURCES, self.services.storage.sessions.get(ORG, session_id).value.source_blob)


class ApiServer:
    """Answers at `url` for the API that `serve` made last, so that one server can do for many tests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._api: ASGIApp
        self._blobs: ServedBlobs

    def serve(self, *, inline: bool = False, **settings: Any) -> Served:
        """Serve a new API over an empty storage; with `inline`, a submission is answered when its job is done."""
        blobs = ServedBlobs(_now)
        blobs.base = self.url
        memory = MemoryStorage(_now)
        services = Services(
            storage=Storage(**{**{each.name: getattr(memory, each.name) for each in fields(Storage)}, "blobs": blobs}),
            settings=settings_with(**settings),
            clock=_now,
            new_id=lambda: newest_first_id(_now(), randbits),
            work={(stage, step): work for stage in Stage for step in StepKind},
        )
        self._api, self._blobs = create_app(inline_services(services) if inline else services), blobs
        return Served(self.url, services, blobs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/blobs/"):
            await (await blob_door(self._blobs, Request(scope, receive)))(scope, receive, send)
        else:
            path = scope["path"].removeprefix("/api")  # where the host and the page have the API
            await self._api({**scope, "path": path}, receive, send)


@contextmanager
def run_server() -> Iterator[ApiServer]:
    """Run a server until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # see devhost/http_worker.py
        app = ApiServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        config = uvicorn.Config(app, lifespan="off", log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield app
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def serve(*, inline: bool = False, **settings: Any) -> Iterator[Served]:
    """Serve one API until the end of the block."""
    with run_server() as server:
        yield server.serve(inline=inline, **settings)


def work(context: StepContext) -> None:
    """Any step's work: what a recording of a minute leaves behind."""
    services, message = context.services, context.message
    org_id, job_id, session_id = message.org_id, message.job_id, message.session_id
    context.report(0.5)
    if message.stage is Stage.DOWNLOAD:
        parts = {Stage.TRANSCRIPTION: 1, Stage.TRACKING: 1}
        change_job(services, org_id, job_id, lambda job: jobs.plan_stages(job, parts, {}, _now()))
        recording = Recording(
            container="mp4", size_bytes=1, start_sec=0.0, duration_sec=DURATION_SEC, video=None, audio=None, warnings=()
        )
        change_session(services, org_id, session_id, lambda session: session.evolve(recording=recording, sha256="00"))
    elif message.step is StepKind.MERGE:
        for name, data in _results(message.stage).items():
            kind = "application/json" if name.endswith(".json") else "text/plain"
            services.storage.blobs.write(RESULTS, context.work_blob(name), data, kind)
        made = {f"{'transcript' if message.stage is Stage.TRANSCRIPTION else 'tracking'}_job_id": job_id}
        change_session(services, org_id, session_id, lambda session: session.evolve(**made))
        if message.stage is Stage.TRACKING:
            scenes = {"scenes": [{"start": 0.0, "end": DURATION_SEC, "thumbnail": "scene-001.jpg"}]}
            services.storage.blobs.write(
                WORK, context.work_blob("scenes.json"), json.dumps(scenes).encode(), "application/json"
            )


async def blob_door(blobs: MemoryBlobs, request: Request) -> Response:
    """Put Block, Put Block List and Get Blob as Blob storage answers them, as far as a client needs them."""
    container, _, name = request.scope["path"].removeprefix("/blobs/").partition("/")
    if request.method == "GET":
        return _get(blobs, container, name, request.headers)
    body = await request.body()
    if request.query_params["comp"] == "block":
        blobs.stage_block(container, name, int(b64decode(request.query_params["blockid"])), body)
    elif request.headers.get("If-None-Match") == "*" and blobs.facts(container, name) is not None:
        return Response(status_code=409, headers={"x-ms-error-code": "BlobAlreadyExists"})
    else:
        blobs.commit_blocks(container, name, body.count(b"<Latest>"), request.headers["x-ms-blob-content-type"])
    return Response(status_code=201)


def _get(blobs: MemoryBlobs, container: str, name: str, headers: Mapping[str, str]) -> Response:
    facts = blobs.facts(container, name)
    if facts is None:
        return Response(status_code=404, headers={"x-ms-error-code": "BlobNotFound"})
    data, etag = blobs.read(container, name), f'"{facts.etag}"'
    if headers.get("If-Match", etag) != etag:
        return Response(status_code=412, headers={"x-ms-error-code": "ConditionNotMet"})
    asked = re.fullmatch(r"bytes=(\d+)-", headers.get("Range", ""))
    start = int(asked[1]) if asked else 0
    return Response(data[start:], 206 if asked else 200, headers={"ETag": etag}, media_type=facts.content_type)


def _results(stage: Stage) -> dict[str, bytes]:
    if stage is Stage.TRANSCRIPTION:
        texts = {f"transcript.{form}": f"every result, as {form}".encode() for form in ("vtt", "srt", "txt")}
        return {"transcript.json": json.dumps(transcript(DURATION_SEC)).encode(), **texts}
    track = json.dumps(tracking(DURATION_SEC)).encode()
    return {"instructor-tracking.json": track, "thumbnails/scene-001.jpg": JPEG}


def _now() -> datetime:
    return datetime.now(UTC)
