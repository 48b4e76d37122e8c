"""Ask an ASGI application from a test.

Apart from Starlette's TestClient, which crosses threads for every event of a request, twelve times in all. It calls the
application itself as well: httpx's own transport looks for other event loops' libraries with each request, and makes a
second request and a second response of each.
"""

import asyncio
import threading
from collections.abc import Mapping

import httpx
from starlette.types import ASGIApp, Message, Scope


class ApiClient(httpx.Client):
    """Asks `app`, which has an event loop in a thread of its own from the first request until the client is closed.

    It keeps no cookies: the API sets none.
    """

    def __init__(
        self,
        app: ASGIApp,
        base_url: str = "http://testserver",
        *,
        raise_server_exceptions: bool = True,
        root_path: str = "",
        headers: Mapping[str, str] | None = None,
        client: tuple[str, int] = ("testclient", 50000),
    ) -> None:
        self.app = app
        self._own_loop = _OwnLoop(app, raise_server_exceptions, root_path, client)
        super().__init__(
            base_url=base_url,
            headers={"User-Agent": "testclient", **(headers or {})},
            follow_redirects=True,
            transport=self._own_loop,
        )

    def _send_single_request(self, request: httpx.Request) -> httpx.Response:
        response = self._own_loop.handle_request(request)
        response.request = request
        return response


class _OwnLoop(httpx.BaseTransport):
    def __init__(self, app: ASGIApp, raises: bool, root_path: str, client: tuple[str, int]) -> None:
        self._app = app
        self._raises = raises
        self._root_path = root_path
        self._client = client
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._starting:
            loop = self._loop or self._start()
        return asyncio.run_coroutine_threadsafe(self._answer(request, request.read()), loop).result()

    async def _answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        started: list[Message] = []
        chunks: list[bytes] = []
        unread = [body]
        ended = asyncio.Event()

        async def receive() -> Message:
            if unread:
                return {"type": "http.request", "body": unread.pop(), "more_body": False}
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                assert not started
                started.append(message)
            elif message["type"] == "http.response.body":
                assert not ended.is_set()
                if request.method != "HEAD":
                    chunks.append(message.get("body", b""))
                if not message.get("more_body", False):
                    ended.set()

        try:
            await self._app(self._scope(request), receive, send)
        except Exception:
            if self._raises:
                raise
        else:
            assert ended.is_set()
        head = started[0] if started else {"status": 500}
        stream = httpx.ByteStream(b"".join(chunks))
        return httpx.Response(head["status"], headers=head.get("headers"), stream=stream)

    def _scope(self, request: httpx.Request) -> Scope:
        url = request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "server": (url.host, url.port),
            "client": self._client,
            "root_path": self._root_path,
        }

    def _start(self) -> asyncio.AbstractEventLoop:
        started = threading.Event()

        async def stand_by() -> None:
            self._loop, self._closed = asyncio.get_running_loop(), asyncio.Event()
            started.set()
            await self._closed.wait()

        self._thread = threading.Thread(target=lambda: asyncio.run(stand_by()), daemon=True)
        self._thread.start()
        started.wait()
        assert self._loop is not None
        return self._loop

    def close(self) -> None:
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._closed.set)
            self._thread.join()
            self._loop = self._thread = None
