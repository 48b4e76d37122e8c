"""A server on loopback that gets webhooks, and answers as the test says."""

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def payload(self) -> Any:
        return json.loads(self.body)

    def is_signed_with(self, key: bytes) -> bool:
        """Whether any of the signatures is the key's, by the letter of the specification."""
        content = b".".join(
            (self.headers["webhook-id"].encode(), self.headers["webhook-timestamp"].encode(), self.body)
        )
        ours = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return ours in self.headers["webhook-signature"].split(" ")


class Handler(BaseHTTPRequestHandler):
    receiver: "Receiver"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.receiver.received.append(Received(self.path, headers, body))
        try:
            self.answer()
        except OSError:  # the client had enough
            self.close_connection = True

    def answer(self) -> None:
        kind = self.path.partition("?")[0]
        if kind == "/silent":
            self.receiver.stop.wait(180)
            return
        if kind == "/trickle":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.receiver.stop.wait(0.01):
                self.wfile.write(b"x: y\r\n")
            return
        status, more = self.receiver.next_answer()
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        while kind == "/endless" and not self.receiver.stop.is_set():
            self.wfile.write(b"x" * 65536)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Receiver:
    """`answers` are statuses, or statuses with headers; the last one is given ever after."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.stop = threading.Event()
        self.answers: Sequence[int | tuple[int, Mapping[str, str]]] = [204]
        self._given = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"receiver": self}))
        self._server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.port = self._server.server_address[1]

    def url(self, path: str = "/hook", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def next_answer(self) -> tuple[int, Mapping[str, str]]:
        answer = self.answers[min(self._given, len(self.answers) - 1)]
        self._given += 1
        return answer if isinstance(answer, tuple) else (answer, {})

    def close(self) -> None:
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver(tls)
    try:
        yield receiver
    finally:
        receiver.close()
