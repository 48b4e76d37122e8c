"""Give up connections whose request does not arrive up to the end of its headers, as the host's server does.

So are those that were answered and go on to send their body, which nothing reads.

Kestrel's limit is 30 s as well:
https://learn.microsoft.com/dotnet/api/microsoft.aspnetcore.server.kestrel.core.kestrelserverlimits.requestheaderstimeout
"""

import asyncio
import os
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SETTING = "DevHost.RequestHeadersTimeoutSec"
DEFAULT_SEC = 30.0

_ANSWER = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class ImpatientProtocol(H11Protocol):
    """A connection that is closed when it has been open, or a request has been begun, for too long without headers."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Count the time while a request's headers are due, or the rest of a body of one that was answered."""
        is_due = self.conn.their_state is h11.IDLE and (self.cycle is None or bool(self.conn.trailing_data[0]))
        if not is_due and not self._is_answered_early():
            self._stop_watching()
        elif self._deadline is None:
            seconds = float(os.environ.get(SETTING, DEFAULT_SEC))
            self._deadline = self.loop.call_later(seconds, self._give_up)

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _is_answered_early(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete and self.conn.their_state is h11.SEND_BODY

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            if not self._is_answered_early():
                self.transport.write(_ANSWER)
            self.transport.close()
