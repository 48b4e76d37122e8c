"""Fetching a source into storage: when it rests and goes on in another invocation, and when it gives up."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from shared.domain.errors import SourceTooSlow
from shared.domain.message import StageMessage, StepKind
from shared.domain.stage import Stage
from shared.pipeline.context import ContinueLater, Services, StepContext
from shared.pipeline.jobs.submit import JobRequest, submit_url
from shared.pipeline.stages.download import BLOCK_BYTES, _fetch
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import SOURCES

BODY = b"0123456789" * (BLOCK_BYTES // 10 + 1)


class SourceServer(ThreadingHTTPServer):
    """A server of one recording, which a test makes slow."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Recording)
        self.url = f"http://127.0.0.1:{self.server_port}/talk.mp4"
        self.accepts_ranges = True
        self.chunks: Callable[[], Iterator[bytes]] = lambda: iter([BODY])


class _Recording(BaseHTTPRequestHandler):
    server: SourceServer

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", str(len(BODY)))
        self.send_header("Last-Modified", "Sat, 01 Aug 2026 00:00:00 GMT")
        if self.server.accepts_ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        with suppress(ConnectionError):  # a client that has had enough
            for chunk in self.server.chunks():
                self.wfile.write(chunk)
            self.rfile.read()  # until the client goes

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def source() -> Iterator[SourceServer]:
    with SourceServer() as server:
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.shutdown()
        serving.join()


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(clock: Clock, source: SourceServer) -> StepContext:
    """Return the context of a download that has begun in an invocation without time left."""
    ids = iter("abcdef")
    services = Services(
        storage=MemoryStorage(clock),
        settings=Settings(allow_loopback_sources=True),
        clock=clock,
        new_id=lambda: next(ids),
        work={},
    )
    job = submit_url(services, JobRequest(org_id="o"), source.url)
    return StepContext(
        services=services,
        message=StageMessage(
            job_id=job.job_id, org_id="o", session_id=job.session_id, stage=Stage.DOWNLOAD, step=StepKind.PART
        ),
        job=job,
        session=services.storage.sessions.get("o", job.session_id).value,
        report=lambda fraction: None,
        confirm=lambda: None,
        began_at=clock(),
        elapsed_sec=lambda: 300.0,
        send_next=lambda job: None,
        warn=lambda reasons: None,
    )


def test_a_download_that_can_go_on_rests_when_its_time_is_up(context: StepContext, source: SourceServer) -> None:
    with pytest.raises(ContinueLater):
        _fetch(context, source.url)
    assert list(context.services.storage.blobs.staged_blocks(SOURCES, context.session.source_blob)) == [BLOCK_BYTES]


def test_a_download_that_could_not_go_on_is_finished_at_once(context: StepContext, source: SourceServer) -> None:
    source.accepts_ranges = False
    assert _fetch(context, source.url).size_bytes == len(BODY)


def test_a_server_that_sends_next_to_nothing_ends_at_the_limit_and_not_at_the_next_block(
    context: StepContext, clock: Clock, source: SourceServer
) -> None:
    def trickle() -> Iterator[bytes]:
        yield b"0"
        clock.now += timedelta(seconds=context.services.settings.max_download_sec + 1)
        yield b"1"

    source.chunks = trickle
    with pytest.raises(SourceTooSlow):
        _fetch(context, source.url)


def test_the_limit_begins_anew_when_the_step_does(context: StepContext, clock: Clock, source: SourceServer) -> None:
    clock.now += timedelta(seconds=context.services.settings.max_download_sec + 1)
    in_time = replace(context, elapsed_sec=lambda: 0.0)
    with pytest.raises(SourceTooSlow):
        _fetch(in_time, source.url)
    assert _fetch(replace(in_time, began_at=clock.now), source.url).size_bytes == len(BODY)


def test_a_download_that_fills_no_block_within_an_invocation_is_given_up(
    context: StepContext, source: SourceServer
) -> None:
    def trickle() -> Iterator[bytes]:
        yield b"0"

    source.chunks, source.accepts_ranges = trickle, False
    late = replace(context, elapsed_sec=lambda: context.services.settings.invocation_limit_sec + 1)
    with pytest.raises(SourceTooSlow, match="too slow"):
        _fetch(late, source.url)
