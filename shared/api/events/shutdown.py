"""End the event streams of a process that is told to end, so that an instance is taken away quickly.

The server of the Functions worker waits for every open connection after SIGTERM, and a stream is open for minutes. It
sets its own handler when it starts; ours is put before it when a stream begins. See docs/operations.md.
"""

import asyncio
import os
import signal
import threading
from types import FrameType
from typing import Any

from shared.api.events.hub import EventHub


class _CloseStreams:
    """A handler that closes the hub's streams, then does what was to be done before."""

    def __init__(self, hub: EventHub, loop: asyncio.AbstractEventLoop, before: Any) -> None:
        self.hub = hub
        self._loop = loop
        self._before = before

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.hub.close)
        if callable(self._before):
            self._before(number, frame)
        elif self._before is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def close_on_sigterm(hub: EventHub) -> None:
    """Have SIGTERM close the hub's streams; call it in the hub's event loop. Only a main thread can."""
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)
    if not (isinstance(before, _CloseStreams) and before.hub is hub):
        signal.signal(signal.SIGTERM, _CloseStreams(hub, asyncio.get_running_loop(), before))
