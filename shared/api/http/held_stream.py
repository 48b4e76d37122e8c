"""A streamed response that holds a place while it is sent.

Apart from `concurrency_limit` and `stream_places`, which bound the places.
"""

from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.responses import ContentStream, StreamingResponse
from starlette.types import Receive, Scope, Send


class HeldStream(StreamingResponse):
    """A stream that holds its place until it has ended, or the client went away."""

    def __init__(self, pieces: ContentStream, place: AbstractAsyncContextManager[object], **more: Any) -> None:
        """Make the response; `place` is entered when the sending begins, and `more` is as in StreamingResponse."""
        super().__init__(pieces, **more)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._place:
            await super().__call__(scope, receive, send)
