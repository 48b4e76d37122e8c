"""The client that blocks. What it does is described in `operations`; this performs it."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from rostrum_client import wire
from rostrum_client.effects import (
    Ask,
    BlockingPerformer,
    Call,
    Effect,
    Effects,
    Item,
    Listing,
    NextChunk,
    Pause,
    Stream,
    Together,
    single,
)
from rostrum_client.operations import Operations
from rostrum_client.parallel import perform_together

T = TypeVar("T")


class RostrumClient(Operations, BlockingPerformer):
    """Talks to one Rostrum.

    `token` may be a function that gives a fresh one; it is called for every request to the API. `transport` and
    `sleep` are there for tests. Methods raise RostrumApiError for a problem that the API tells, and
    RostrumUnreachable when no answer comes. `AsyncRostrumClient` has the same methods, to be awaited.

    >>> with RostrumClient("http://127.0.0.1:7071/api") as client:
    ...     job = client.upload(Path("talk.mp4"), session_name="A talk")
    ...     client.wait(job).status
    'DONE'
    """

    def __init__(
        self,
        base_url: str,
        token: str | Callable[[], str] | None = None,
        *,
        timeout_sec: float = 60.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base = wire.base_address(base_url)
        self._token = token
        self._sleep = sleep
        trust_env = wire.is_reached_by_proxy(self._base)
        self._http = httpx.Client(
            timeout=timeout_sec, transport=transport, trust_env=trust_env, verify=wire.tls_context(trust_env)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _run(self, effects: Effects[T]) -> T:
        with closing(self._iterate(single(effects))) as found:
            return next(found)

    def _iterate(self, effects: Listing[T]) -> Generator[T, None, None]:
        with ExitStack() as streams, closing(effects):
            go_on: Callable[[], Effect | Item[T]] = partial(next, effects)
            while True:
                try:
                    effect = go_on()
                except StopIteration:
                    return
                if isinstance(effect, Item):
                    yield effect.value
                    go_on = partial(next, effects)
                    continue
                try:
                    go_on = partial(effects.send, self._perform(effect, streams))
                except (httpx.RequestError, OSError) as error:
                    go_on = partial(effects.throw, error)

    def _perform(self, effect: Effect, streams: ExitStack) -> Any:
        match effect:
            case Ask(request, as_stream):
                return self._ask(request, as_stream, streams)
            case NextChunk(Stream(_, Iterator() as chunks)):
                return next(chunks, None)
            case Pause(seconds):
                self._sleep(seconds)
            case Call(work):
                return work()
            case Together(branches):
                perform_together(branches, self._perform)
        return None

    def _ask(self, request: wire.Request, as_stream: bool, streams: ExitStack) -> Stream:
        streams.close()  # of an earlier try
        token = self._fresh_token() if request.is_for_api else None
        response = self._http.send(wire.build(self._http, self._base, request, token), stream=as_stream)
        if as_stream:
            streams.callback(response.close)
        if not response.is_success:
            response.read()
        return Stream(response, response.iter_bytes())

    def _fresh_token(self) -> str | None:
        return self._token() if callable(self._token) else self._token
