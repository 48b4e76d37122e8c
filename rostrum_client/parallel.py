"""Perform several operations at the same time, with a thread for each one's effects.

The operations themselves go on in the caller's thread, so that they need no locks among each other, and call a caller's
functions where the caller expects it.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

import httpx

from rostrum_client.effects import Effect, Effects

Perform = Callable[[Effect, ExitStack], Any]
"""Performs an effect, and registers on the stack what is to be closed after it."""


def perform_together(branches: Sequence[Effects[None]], perform: Perform) -> None:
    """Perform the operations until all have ended; raise the first error of one of them, without waiting for the rest.

    A thread whose operation was given up ends after the effect that it is at.
    """
    done: SimpleQueue[_Done] = SimpleQueue()
    with ExitStack() as stack:
        lanes = [stack.enter_context(_Lane(branch, perform, done)) for branch in branches]
        running = sum(lane.go_on(partial(next, lane.branch)) for lane in lanes)
        while running:
            running -= not done.get().go_on()


@dataclass(frozen=True, slots=True)
class _Done:
    """An effect that was performed: what it gave, or the error that it ended with."""

    lane: "_Lane"
    answer: Any = None
    error: BaseException | None = None

    def go_on(self) -> bool:
        """Tell the operation, and return whether it goes on."""
        match self.error:
            case None:
                return self.lane.go_on(partial(self.lane.branch.send, self.answer))
            case httpx.RequestError() | OSError():
                return self.lane.go_on(partial(self.lane.branch.throw, self.error))
            case error:
                raise error


class _Lane:
    """One operation, and the thread that performs its effects."""

    def __init__(self, branch: Effects[None], perform: Perform, done: "SimpleQueue[_Done]") -> None:
        self.branch = branch
        self._perform = perform
        self._done = done
        self._effects: SimpleQueue[Effect | None] = SimpleQueue()

    def __enter__(self) -> Self:
        threading.Thread(target=self._work, daemon=True).start()  # a daemon: no interruption waits for a slow server
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._effects.put(None)
        self.branch.close()

    def go_on(self, step: Callable[[], Effect]) -> bool:
        """Take the operation's next step, and have its effect performed; return False at the operation's end."""
        try:
            self._effects.put(step())
        except StopIteration:
            return False
        return True

    def _work(self) -> None:
        with ExitStack() as streams:
            while self._perform_next(streams):
                pass

    def _perform_next(self, streams: ExitStack) -> bool:
        """Perform an effect; a function of its own, so that nothing of it stays in memory while the thread waits."""
        effect = self._effects.get()
        if effect is None:
            return False
        try:
            self._done.put(_Done(self, self._perform(effect, streams)))
        except BaseException as error:  # noqa: BLE001  it is raised in the caller's thread
            self._done.put(_Done(self, error=error))
        return True
