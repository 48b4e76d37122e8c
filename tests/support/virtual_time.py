"""An event loop whose clock does not run: when everybody sleeps, it is at once the time at which the first awakes."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Waiter(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing would ever happen again")
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Nothing that takes real time may happen in it."""

    def __init__(self) -> None:
        self._waiter = _Waiter()
        super().__init__(self._waiter)

    def time(self) -> float:
        return self._waiter.now


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` without waiting; fails when a task is left running."""

    async def whole() -> T:
        result = await main
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left
        return result

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(whole())


async def inline(call: Callable[[], T]) -> T:
    """In place of a thread."""
    return call()
