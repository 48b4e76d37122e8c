"""How a recording from an address is named, and what of the address is kept: through the real download stage."""

import io
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from shared.domain.message import StageMessage
from shared.domain.session import Session
from shared.pipeline.context import Delivery
from shared.pipeline.execution.run_step import run_step
from shared.pipeline.jobs.submit import JobRequest, submit_url
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.wiring import build_services


def recording() -> bytes:
    """Return a second of silence."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))
    return buffer.getvalue()


class Handler(BaseHTTPRequestHandler):
    body = recording()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")  # wrong, as it often is
        self.send_header("Content-Encoding", "none")
        self.send_header("Content-Length", str(len(self.body)))
        if "named" in self.path:
            self.send_header(
                "Content-Disposition", "attachment; filename=\"a.wav\"; filename*=UTF-8''t%C3%A4lk%201.wav"
            )
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def downloaded(url: str, **request: Any) -> Session:
    """Return the session after the download stage."""
    storage = MemoryStorage()
    services = build_services(Settings(allow_loopback_sources=True), storage)
    job = submit_url(services, JobRequest(org_id="acme", **request), url)
    message = storage.queues.pop()
    assert isinstance(message, StageMessage)
    run_step(services, message, Delivery("m", 1))
    session = storage.sessions.get("acme", job.session_id).value
    assert session.recording is not None
    return session


def test_the_servers_name_is_taken_before_the_address(url: str) -> None:
    session = downloaded(f"{url}/named/download?id=7")
    assert session.name == "tälk 1.wav"
    assert session.source_blob.endswith("/download")  # chosen before the server was asked
    assert downloaded(f"{url}/my%20talk.wav").name == "my talk.wav"


def test_a_name_that_the_client_chose_stays(url: str) -> None:
    assert downloaded(f"{url}/named/download", session_name="A talk").name == "A talk"
    assert downloaded(f"{url}/named/download", session_name="download").name == "download"


def test_a_very_long_address_is_kept_whole(url: str) -> None:
    long = f"{url}/talk.wav?sig=" + "x" * 8000
    assert downloaded(long).source_url == long
