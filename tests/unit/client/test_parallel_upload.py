"""Files that go in over several connections at a time: how many, what ends all of them, and what does not wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event, Lock
from typing import Any

import anyio
import httpx
import pytest

from rostrum_client import RostrumClient
from rostrum_client.errors import UploadFailed
from rostrum_client.uploads import CONNECTIONS
from tests.support.awaiting_client import Awaiting

PATIENCE_SEC = 30
BLOCKS = 2 * CONNECTIONS
CONTENT = bytes(range(4 * BLOCKS))


class Gathering(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Holds every block back until as many are on their way as there are connections."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._lock = Lock()
        self._barrier = Barrier(CONNECTIONS)
        self._gathered = anyio.Event()
        self._on_the_way = 0
        self.most = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.params.get("comp") != "block":
            return self._answer(request)
        with self._counted():
            self._barrier.wait(PATIENCE_SEC)
            return self._answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if request.url.params.get("comp") != "block":
            return self._answer(request)
        with self._counted():
            gathered = self._gathered
            if self._on_the_way == CONNECTIONS:
                self._gathered = anyio.Event()
                gathered.set()
            with anyio.fail_after(PATIENCE_SEC):
                await gathered.wait()
            return self._answer(request)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._on_the_way += 1
            self.most = max(self.most, self._on_the_way)
        yield
        with self._lock:
            self._on_the_way -= 1

    def _answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        answer: httpx.Response = self._server(request)
        return answer


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("kind", [RostrumClient, Awaiting], ids=["blocking", "async"])
def test_four_blocks_are_on_their_way_at_a_time(kind: type[RostrumClient], server: Any, recording: Path) -> None:
    transport = Gathering(server)
    sent: list[int] = []
    with kind(server.base_url, transport=transport) as client:  # type: ignore[arg-type]
        client.upload(recording, on_progress=lambda sent_bytes, _: sent.append(sent_bytes))

    assert transport.most == CONNECTIONS
    assert server.stored == CONTENT
    assert sent == list(range(4, len(CONTENT) + 1, 4))


def test_a_block_that_is_refused_ends_the_upload_while_others_hang(server: Any, recording: Path) -> None:
    answered = Event()

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("comp") != "block":
            answer: httpx.Response = server(request)
            return answer
        if request.content == CONTENT[:4]:
            return httpx.Response(403)
        answered.wait(PATIENCE_SEC)
        return httpx.Response(201)

    with RostrumClient(server.base_url, transport=httpx.MockTransport(handle)) as client:
        with pytest.raises(UploadFailed, match="403"):
            client.upload(recording)
        assert not answered.is_set()
        answered.set()
    assert server.asked("PUT", "") == server.asked("POST", "/commit") == []


def test_an_interruption_does_not_wait_for_blocks_on_their_way(server: Any, recording: Path) -> None:
    answered, first = Event(), Event()

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("comp") == "block" and first.is_set():
            answered.wait(PATIENCE_SEC)
        elif request.url.params.get("comp") == "block":
            first.set()
        answer: httpx.Response = server(request)
        return answer

    def interrupt(sent_bytes: int, size_bytes: int) -> None:
        raise KeyboardInterrupt

    with RostrumClient(server.base_url, transport=httpx.MockTransport(handle)) as client:
        with pytest.raises(KeyboardInterrupt):
            client.upload(recording, on_progress=interrupt)
        assert not answered.is_set()
        answered.set()
    assert server.asked("POST", "/commit") == []
