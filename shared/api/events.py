"""A job's event log as Server-Sent Events: the history, then what happens, read from the store about once a second.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

from starlette.responses import Response, StreamingResponse

from shared.api.context import off_loop
from shared.api.views import EventView
from shared.domain.errors import NotFound, TransientError
from shared.domain.event import Event
from shared.pipeline.services import Services

log = logging.getLogger(__name__)

POLL_SEC = 1.0
PING_SEC = 15.0
STREAM_SEC = 240.0
"""A stream ends by itself after so long, below the host's `functionTimeout`."""

BATCH = 500
RETRY_MS = 2000
PING = ": ping\n\n"


async def event_stream(services: Services, org_id: str, job_id: str, after: int) -> Response:
    """The stream of the events with a number above `after`; raises NotFound.

    Answers 204 when the job has ended and all is known: that is what keeps a browser from coming again.
    """
    first = await _read(services, org_id, job_id, after)
    if not first:
        job = (await off_loop(partial(services.storage.jobs.get, org_id, job_id))).value
        if job.is_final and job.event_sequence <= after:
            return Response(status_code=204)
    return StreamingResponse(
        follow(partial(_read, services, org_id, job_id), first, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def follow(
    read: Callable[[int], Awaitable[Sequence[Event]]],
    first: Sequence[Event],
    after: int,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[str]:
    """The lines of the stream: `first`, and then what `read(after)` gives, until a final status or the time is up."""
    began = pinged = now()
    yield f"retry: {RETRY_MS}\n\n"
    batch = first
    while True:
        if batch:
            yield "".join(map(_lines, batch))
            after, pinged = batch[-1].sequence, now()
            if len(batch) < BATCH and batch[-1].status.is_final:
                return
        if now() - began >= STREAM_SEC:
            return
        if len(batch) < BATCH:
            if now() - pinged >= PING_SEC:
                yield PING
                pinged = now()
            await sleep(POLL_SEC)
        try:
            batch = await read(after)
        except NotFound:  # the job was deleted
            return
        except TransientError as error:
            log.info("event log not read", extra={"action": "follow", "detail": error.detail})
            batch = []


async def _read(services: Services, org_id: str, job_id: str, after: int) -> Sequence[Event]:
    return await off_loop(partial(services.storage.jobs.events, org_id, job_id, after=after, limit=BATCH))


def _lines(event: Event) -> str:
    data = EventView.of(event).model_dump_json(by_alias=True)
    return f"event: {event.type}\nid: {event.sequence}\ndata: {data}\n\n"
