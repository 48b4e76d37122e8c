"""Callers who ask until they are served, and note down how they were treated; and others who dawdle."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

HONEST = (409, 429, 503)
"""What a request that was not accepted may be told, and then with a `Retry-After`."""

TIMEOUT_SEC = 120.0
LONGEST_PAUSE_SEC = 5.0
DAWDLED_BYTES = 8 * 1024**2


@dataclass(slots=True)
class Notes:
    """What the visitors saw: the job of each key, answers by status (0: none came), and what must not happen."""

    jobs: dict[str, str] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    dishonest: list[str] = field(default_factory=list)
    doubled: int = 0
    longest_sec: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: str, answer: httpx.Response | None, took_sec: float) -> bool:
        """Note an answer, or that none came; return whether the job was accepted."""
        with self.lock:
            self.longest_sec = max(self.longest_sec, took_sec)
            self.answers[answer.status_code if answer is not None else 0] += 1
            if answer is None:
                return False
            if answer.status_code == 202:
                job_id = str(answer.json()["jobId"])
                self.doubled += self.jobs.setdefault(key, job_id) != job_id
                return True
            if answer.status_code not in HONEST or "Retry-After" not in answer.headers:
                self.dishonest.append(f"{answer.status_code} {answer.text[:300]}")
            return False


class Visitor:
    """Submits jobs to the API at `url`, each under a key of its own."""

    def __init__(self, url: str, notes: Notes) -> None:
        self.notes = notes
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_SEC, limits=httpx.Limits(max_connections=256))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, key: str, source_url: str) -> tuple[bool, float | None]:
        """Submit once; return whether the job was accepted, and otherwise after how many seconds to retry, None when
        the answer
        did not tell.
        """
        return self._ask(key, json={"sourceUrl": source_url})

    def bring(self, key: str, recording: bytes) -> tuple[bool, float | None]:
        """Submit once with the recording in the request; return as `ask` does."""
        return self._ask(key, files={"video": ("talk.mp4", recording, "video/mp4")})

    def insist(self, key: str, source_url: str, until: float) -> bool:
        """Submit until the job is accepted, a retry cannot help, or `time.monotonic()` passes `until`."""
        while time.monotonic() < until:
            accepted, wait_sec = self.ask(key, source_url)
            if accepted or wait_sec is None:
                return accepted
            time.sleep(min(wait_sec, LONGEST_PAUSE_SEC))
        return False

    def _ask(self, key: str, **body: Any) -> tuple[bool, float | None]:
        began, answer = time.monotonic(), None
        path = "sessions/import" if "files" in body else "jobs"
        with suppress(httpx.TransportError):
            answer = self._client.post(path, headers={"Idempotency-Key": key}, **body)
        accepted = self.notes.take(key, answer, time.monotonic() - began)
        if answer is None:
            return False, 1.0
        said = answer.headers.get("Retry-After")
        return accepted, None if said is None else float(said)


@contextmanager
def dawdlers(url: str, count: int) -> Iterator[list[socket.socket]]:
    """Have so many clients send recordings at one byte a second while the block runs, half of them to
    `/sessions/import` and half to the address of an announced upload."""
    clients = [_begin_upload(url) if number % 2 else _begin_import(url) for number in range(count)]
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(1.0):
            for client in clients:
                with suppress(OSError):
                    client.send(b"x")

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    try:
        yield clients
    finally:
        over.set()
        thread.join()
        for client in clients:
            client.close()


def still_served(clients: list[socket.socket]) -> int:
    """Return how many of the connections are still open."""
    served = 0
    for client in clients:
        client.setblocking(False)
        try:
            served += client.recv(1) != b""
        except BlockingIOError:
            served += 1
        except OSError:
            continue
    return served


def _begin_import(url: str) -> socket.socket:
    head = b'--b\r\nContent-Disposition: form-data; name="video"; filename="slow.mp4"\r\n\r\n'
    return _begin("POST", f"{url}/sessions/import", ["Content-Type: multipart/form-data; boundary=b"], head)


def _begin_upload(url: str) -> socket.socket:
    announced = {"sourceName": "slow.mp4", "contentLength": DAWDLED_BYTES, "contentType": "video/mp4"}
    answer = httpx.post(f"{url}/ingest/init", json=announced, timeout=TIMEOUT_SEC)
    answer.raise_for_status()
    return _begin("PUT", answer.json()["uploadUrl"], ["x-ms-blob-type: BlockBlob", "Content-Type: video/mp4"], b"")


def _begin(method: str, url: str, headers: list[str], body: bytes) -> socket.socket:
    parts = urlsplit(url)
    client = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {DAWDLED_BYTES}", *headers]
    client.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return client
