"""The client that does not block. What it does is described in `operations`; this performs it."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, closing
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread
import httpx

from rostrum_client import wire
from rostrum_client.effects import (
    Ask,
    AwaitingPerformer,
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

T = TypeVar("T")


class AsyncRostrumClient(Operations, AwaitingPerformer):
    """Talks to one Rostrum without blocking, under asyncio or trio; has the methods of `RostrumClient`, to be awaited.

    `token` may be a function, a coroutine function too, that gives a fresh one. `on_progress` and the like are plain
    functions that are called in the event loop.

    >>> async def main():
    ...     async with AsyncRostrumClient("http://127.0.0.1:7071/api") as client:
    ...         job = await client.upload(Path("talk.mp4"))
    ...         async for event in client.events(job.job_id):
    ...             if event.is_final:
    ...                 print(event.status)
    >>> anyio.run(main)
    DONE
    """

    def __init__(
        self,
        base_url: str,
        token: str | Callable[[], str | Awaitable[str]] | None = None,
        *,
        timeout_sec: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._base = wire.base_address(base_url)
        self._token = token
        self._sleep = sleep
        trust_env = wire.is_reached_by_proxy(self._base)
        self._http = httpx.AsyncClient(
            timeout=timeout_sec, transport=transport, trust_env=trust_env, verify=wire.tls_context(trust_env)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def _run(self, effects: Effects[T]) -> T:
        async with aclosing(self._iterate(single(effects))) as found:
            return await anext(found)

    async def _iterate(self, effects: Listing[T]) -> AsyncGenerator[T, None]:
        async with AsyncExitStack() as streams:
            with closing(effects):
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
                        go_on = partial(effects.send, await self._perform(effect, streams))
                    except (httpx.RequestError, OSError) as error:
                        go_on = partial(effects.throw, error)

    async def _perform(self, effect: Effect, streams: AsyncExitStack) -> Any:
        match effect:
            case Ask(request, as_stream):
                return await self._ask(request, as_stream, streams)
            case NextChunk(Stream(_, AsyncIterator() as chunks)):
                return await anext(chunks, None)
            case Pause(seconds):
                await self._sleep(seconds)
            case Call(work):
                return await anyio.to_thread.run_sync(work)
            case Together(branches):
                await self._together(branches)
        return None

    async def _together(self, branches: Sequence[Effects[None]]) -> None:
        errors: list[Exception] = []

        async def run(branch: Effects[None]) -> None:
            try:
                await self._run(branch)
            except Exception as error:  # noqa: BLE001  it is raised below, without the group around it
                errors.append(error)
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for branch in branches:
                group.start_soon(run, branch)
        if errors:
            raise errors[0]

    async def _ask(self, request: wire.Request, as_stream: bool, streams: AsyncExitStack) -> Stream:
        await streams.aclose()  # of an earlier try
        token = await self._fresh_token() if request.is_for_api else None
        response = await self._http.send(wire.build(self._http, self._base, request, token), stream=as_stream)
        if as_stream:
            streams.push_async_callback(response.aclose)
        if not response.is_success:
            await response.aread()
        return Stream(response, response.aiter_bytes())

    async def _fresh_token(self) -> str | None:
        given = self._token() if callable(self._token) else self._token
        return await given if inspect.isawaitable(given) else given
