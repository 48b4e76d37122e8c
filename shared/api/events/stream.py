"""A job's event log as Server-Sent Events: the history, and then what happens, as the event hub tells of it.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from starlette.responses import Response

from shared.api.dependencies import off_loop
from shared.api.events.hub import BATCH, EventHub, Follower
from shared.api.events.shutdown import close_on_sigterm
from shared.api.events.stream_places import StreamPlaces
from shared.api.http.held_stream import HeldStream
from shared.api.models.job_views import EventView
from shared.domain.errors import NotFound, TransientError
from shared.domain.event import Event, EventType
from shared.pipeline.context import Services

PING_SEC = 15.0
LOOK_SEC = 60.0
"""A follower also looks for itself: a writer that died may have left the index behind, until a sweep sets it right."""

STREAM_SEC = 240.0
"""A stream ends by itself after so long, below the host's `functionTimeout`."""

RETRY_MS = 2000
PING = ": ping\n\n"

EVENT_SCHEMA: dict[str, Any] = {
    "title": "Each event",
    "type": "object",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"enum": [kind.value for kind in EventType]},
        "id": {"type": "string", "pattern": "^[1-9][0-9]*$"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/EventView"},
        },
    },
}
"""How the description tells of the stream's events."""


async def event_stream(
    hub: EventHub, places: StreamPlaces, services: Services, org_id: str, job_id: str, after: int
) -> Response:
    """Return the stream of the events with a number above `after`, or of all events when the job has never had that
    many.

    Answers 204 when the job has ended and the caller knows every event, which keeps a browser from reconnecting. Raises
    NotFound, and TooManyStreams.
    """
    async with AsyncExitStack() as held:
        held.enter_context(places.hold(org_id))
        follower = hub.follower(org_id, job_id, after)
        first = await follower.read(after)
        if not first:
            job = (await off_loop(partial(services.storage.jobs.get, org_id, job_id))).value
            if job.event_sequence < after:
                after, follower = 0, hub.follower(org_id, job_id, 0)
                first = await follower.read(after)
            elif job.event_sequence == after and job.is_final:
                return Response(status_code=204)
        close_on_sigterm(hub)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        lines = follow(follower, first, after)
        return HeldStream(lines, held.pop_all(), media_type="text/event-stream", headers=headers)


async def follow(follower: Follower, first: Sequence[Event], after: int) -> AsyncIterator[str]:
    """Yield the lines of the stream: `first`, which follows `after`, and then new events.

    The stream ends at a final status that is the job's latest, when the time is up, or with the process. A job that
    ended may be retried, so its log may go on after a final status.
    """
    now = asyncio.get_running_loop().time
    began = spoke = looked = now()
    ended = False
    yield f"retry: {RETRY_MS}\n\n"
    batch = first
    while True:
        if batch:
            yield "".join(map(_lines, batch))
            after, ended, spoke = batch[-1].sequence, batch[-1].status.is_final, now()
        if follower.is_over:
            return
        if len(batch) < BATCH:
            if ended:
                return
            while not await follower.news(min(spoke + PING_SEC, looked + LOOK_SEC, began + STREAM_SEC) - now()):
                if now() - spoke >= PING_SEC:
                    yield PING
                    spoke = now()
                if now() - looked >= LOOK_SEC or now() - began >= STREAM_SEC:
                    break
        if now() - began >= STREAM_SEC or follower.is_over:
            return
        try:
            batch = await follower.read(after)
        except NotFound:  # the job was deleted
            return
        except TransientError:
            batch = ()
        looked = now()


def _lines(event: Event) -> str:
    data = EventView.of(event).model_dump_json(by_alias=True)
    return f"event: {event.type}\nid: {event.sequence}\ndata: {data}\n\n"
