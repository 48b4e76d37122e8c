"""The asynchronous client in the blocking one's clothes, so that one test tries both."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from anyio.from_thread import start_blocking_portal

from rostrum_client import AsyncRostrumClient


class Awaiting:
    """Awaits every method of an AsyncRostrumClient in an event loop of its own, in a thread of its own."""

    def __init__(self, base_url: str, *args: Any, sleep: Callable[[float], None] | None = None, **options: Any) -> None:
        self._stack = ExitStack()
        self._portal = self._stack.enter_context(start_blocking_portal())
        if sleep is not None:
            options["sleep"] = _awaitable(sleep)
        self._client = self._portal.call(lambda: AsyncRostrumClient(base_url, *args, **options))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._portal.call(self._client.aclose)
        self._stack.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            made = method(*args, **kwargs)
            return self._iterate(made) if isinstance(made, AsyncGenerator) else self._portal.call(lambda: made)

        return call

    def _iterate(self, items: AsyncGenerator[Any, None]) -> Generator[Any, None, None]:
        end = object()
        try:
            while (item := self._portal.call(anext, items, end)) is not end:
                yield item
        finally:
            self._portal.call(items.aclose)


def _awaitable(sleep: Callable[[float], None]) -> Callable[[float], Any]:
    async def pause(seconds: float) -> None:
        sleep(seconds)

    return pause
