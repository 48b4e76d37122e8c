"""Follow a job: until its end, or event by event."""

from collections.abc import Callable

import httpx

from rostrum_client import sse
from rostrum_client.effects import Effects, Item, Listing, NextChunk, Pause, ask, stream
from rostrum_client.errors import RostrumUnreachable, WaitTimedOut
from rostrum_client.models import Job, JobEvent
from rostrum_client.retry_timing import TRIES, PollPace, pause_before_retry
from rostrum_client.wire import get, read, retry_after_sec


def wait(
    job: Job | str,
    on_progress: Callable[[Job], None] | None = None,
    *,
    timeout_sec: float | None = None,
    pace: PollPace | None = None,
) -> Effects[Job]:
    """Look at the job until it has ended, and give it back; `on_progress` gets every version seen.

    Unchanged answers cost the server a 304. Raises WaitTimedOut after about `timeout_sec` seconds of pauses.
    """
    job_id = job if isinstance(job, str) else job.job_id
    pace = pace or PollPace()
    etag: str | None = None
    waited_sec = 0.0
    while True:
        response = yield from ask(get("jobs", job_id, headers={"If-None-Match": etag} if etag else None))
        changed = response.status_code != httpx.codes.NOT_MODIFIED
        if changed:
            etag = response.headers.get("ETag")
            seen = read(Job, response)
            if on_progress:
                on_progress(seen)
            if seen.is_final:
                return seen
        pace = pace.after(changed=changed)
        pause_sec = pace.wait_sec(retry_after_sec(response.headers))
        if timeout_sec is not None and waited_sec + pause_sec > timeout_sec:
            raise WaitTimedOut(f"Job {job_id} has not ended after {waited_sec:.0f} seconds.")
        yield Pause(pause_sec)
        waited_sec += pause_sec


def events(job_id: str, *, after: int = 0) -> Listing[JobEvent]:
    """Yield every event of the job after number `after`, past ones first, until the job has ended.

    Reconnects with the last number where the connection breaks or the server ends the stream. Raises RostrumUnreachable
    after several broken connections in a row that brought no event.
    """
    failures, is_final = 0, False
    while True:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        answer = yield from stream(get("jobs", job_id, "events", headers=headers))
        if answer.response.status_code == httpx.codes.NO_CONTENT:
            return
        parser = sse.Parser()
        try:
            while (chunk := (yield NextChunk(answer))) is not None:
                for message in parser.feed(chunk):
                    event = read(JobEvent, answer.response, message.data)
                    after, failures, is_final = event.sequence, 0, event.is_final
                    yield Item(event)
        except httpx.RequestError as error:
            failures += 1
            if failures >= TRIES:
                raise RostrumUnreachable(f"The events of job {job_id} keep breaking off: {error}") from error
        else:
            if is_final:
                return
            failures = 0
        yield Pause(pause_before_retry(max(failures, 1), parser.retry_sec))
