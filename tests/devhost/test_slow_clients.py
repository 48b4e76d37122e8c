"""Clients that send headers, JSON or a form byte by byte, or stop: real sockets against the API on the real host."""

import json
import socket
import time
from collections.abc import Iterator
from threading import Event, Thread

import httpx
import pytest

from devhost.header_timeout import SETTING
from tests.devhost.conftest import PATIENCE_SEC, RunningHost, running_host

APP = """
from functions.api import blueprint
app.register_functions(blueprint)
"""
HEADERS_SEC = 1.5
SILENCE_SEC = 4.0
FORM = b'--b\r\nContent-Disposition: form-data; name="video"; filename="talk.mp4"\r\n\r\n'
HEAD = "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n"
JSON = "application/json"


@pytest.fixture(scope="module")
def host(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    settings = {
        "AzureWebJobsStorage": azurite,
        "ROSTRUM_BODY_SILENCE_SEC": str(SILENCE_SEC),
        "ROSTRUM_IMPORT_MIN_BYTES_PER_SEC": "1000",
        SETTING: str(HEADERS_SEC),
    }
    with running_host(tmp_path_factory.mktemp("slow"), APP, "--no-hint", **settings) as running:
        yield running


class Trickle:
    """A client that sends `begun` at once, then one byte of `rest` after the other, until the server gives it up."""

    def __init__(self, port: int, begun: bytes, rest: bytes = b"") -> None:
        self._begun, self._rest, self._over = begun, rest, Event()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SEC)
        self._sender = Thread(target=self._send, daemon=True)
        self._sender.start()

    def answer(self) -> bytes:
        """Return all that the server sends before it closes the connection."""
        received = b""
        try:
            while data := self._socket.recv(65536):
                received += data
        except ConnectionResetError:
            pass  # bytes of ours were on their way when it closed
        finally:
            self._over.set()
            self._sender.join()
            self._socket.close()
        return received

    def _send(self) -> None:
        try:
            self._socket.sendall(self._begun)
            for byte in self._rest * 10_000:
                if self._over.wait(0.05):
                    return
                self._socket.sendall(bytes([byte]))
        except OSError:
            return


def head(host: RunningHost, path: str, kind: str, size: int = 200_000) -> bytes:
    return HEAD.format(path=path, port=host.state["port"], kind=kind, size=size).encode()


def test_slow_and_stalled_clients_are_given_up_and_others_are_served(host: RunningHost) -> None:
    port = host.state["port"]
    form = head(host, "/api/sessions/import", "multipart/form-data; boundary=b")
    headers = {
        "trickling headers": Trickle(port, b"GET /api/health HTTP/1.1\r\nX-Slow: ", b"x"),
        "stalled headers": Trickle(port, b"GET /api/health HTTP/1.1\r\nHost: local"),
        "nothing": Trickle(port, b""),
    }
    bodies = {
        "trickling JSON": Trickle(port, head(host, "/api/jobs", JSON) + b'{"sourceUrl": "', b"x"),
        "stalled JSON": Trickle(port, head(host, "/api/jobs", JSON) + b'{"sourceUrl": "https://exa'),
        "trickling form": Trickle(port, form + FORM, b"x"),
        "stalled form": Trickle(port, form + FORM + b"x" * 1000),
        "stalled before the form": Trickle(port, form),
        "half a boundary": Trickle(port, form + b"--"),
    }
    answered_early = Trickle(port, head(host, "/api/jobs", JSON, 10**9), b"x")
    with httpx.Client(base_url=host.url, timeout=PATIENCE_SEC) as client:
        assert client.get("/api/health").status_code == 200
        for name, trickle in headers.items():
            assert trickle.answer().startswith(b"HTTP/1.1 408 "), name
        for name, trickle in bodies.items():
            answered, _, body = trickle.answer().partition(b"\r\n\r\n")
            assert answered.startswith(b"HTTP/1.1 408 "), name
            assert json.loads(body)["code"] == "request_timeout", name
        assert answered_early.answer().startswith(b"HTTP/1.1 413 ")
        assert client.get("/api/jobs").json()["items"] == []
        time.sleep(2 * HEADERS_SEC)
        assert client.get("/api/health").status_code == 200  # over the connection that was idle for longer


def test_a_body_has_a_time_of_its_own(host: RunningHost) -> None:
    with socket.create_connection(("127.0.0.1", host.state["port"]), timeout=PATIENCE_SEC) as client:
        client.sendall(head(host, "/api/sessions/import", "multipart/form-data; boundary=b") + FORM)
        for _ in range(4):  # longer than the headers may take, and each pause far shorter than a body may be silent
            time.sleep(HEADERS_SEC / 3)
            client.sendall(b"x" * 40_000)
        client.setblocking(False)
        with pytest.raises(BlockingIOError):  # it is still listened to
            client.recv(1)
