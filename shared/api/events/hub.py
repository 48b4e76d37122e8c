"""Wake the followers of jobs when there are new events, with at most one query a second for each organisation that has
followers.

The index of active jobs carries the number of each job's latest event (docs/decisions/0003-event-log.md). The hub reads
it once for all followers of an organisation, and wakes those that follow a job that moved on or is no longer active. It
is idle while it has no followers. A hub belongs to one application and its event loop; it knows nothing of HTTP.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from shared.api.dependencies import off_loop
from shared.domain.errors import TransientError
from shared.domain.event import Event
from shared.storage.ports import JobStore

log = logging.getLogger(__name__)

POLL_SEC = 1.0
"""Between two looks at an organisation's active jobs."""

MAX_POLL_SEC = 10.0
"""Between two looks at an organisation with very many active jobs."""

ROWS_PER_SEC = 250
"""Most rows of the index that one organisation's followers have read in a second: an eighth of what its partition
gives, since every process with followers reads it."""

BATCH = 500
"""Most events of one read."""

T = TypeVar("T")


def poll_pause_sec(rows: int) -> float:
    """Return the pause after a look that read so many rows of the index."""
    return min(max(POLL_SEC, rows / ROWS_PER_SEC), MAX_POLL_SEC)


class OffLoop(Protocol):
    """Runs a call that may block elsewhere, and waits for it."""

    async def __call__(self, call: Callable[[], T], /) -> T:
        """Return or raise what the call returns or raises."""


class EventHub:
    """Makes followers, and looks for those that wait."""

    def __init__(self, jobs: JobStore, call: OffLoop = off_loop) -> None:
        self._jobs = jobs
        self._call = call
        self._waiting: dict[str, set[Follower]] = {}
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._reads: dict[Hashable, asyncio.Task[Sequence[Event]]] = {}
        self._failing = False
        self.is_closed = False
        """Whether every stream is to end: clients come again, to another process."""

    @property
    def is_idle(self) -> bool:
        """Return whether the hub has no followers and reads nothing."""
        return not (self._waiting or self._polls or self._reads)

    def follower(self, org_id: str, job_id: str, after: int) -> "Follower":
        """Return a follower of a job that knows the events up to number `after`."""
        return Follower(self, org_id, job_id, after)

    def close(self) -> None:
        """End every stream now."""
        self.is_closed = True
        for followers in tuple(self._waiting.values()):
            for follower in tuple(followers):
                follower.wake()

    def enter(self, follower: "Follower") -> None:
        """Add the follower to those that are woken."""
        self._waiting.setdefault(follower.org_id, set()).add(follower)
        if follower.org_id not in self._polls:
            self._polls[follower.org_id] = asyncio.create_task(self._poll(follower.org_id))

    def leave(self, follower: "Follower") -> None:
        """Remove the follower from those that are woken."""
        others = self._waiting[follower.org_id]
        others.remove(follower)
        if not others:
            del self._waiting[follower.org_id]

    async def read(self, org_id: str, job_id: str, after: int, heard: Hashable) -> Sequence[Event]:
        """Return the log after an event, read once for all followers that ask at the same time.

        `heard` names the change that the reader was woken by: a read that began before that change is not shared with
        it.
        """
        asked = (org_id, job_id, after, heard)
        task = self._reads.get(asked)
        if task is None:
            task = asyncio.create_task(self._read(org_id, job_id, after))
            self._reads[asked] = task
            task.add_done_callback(lambda done: self._read_over(asked, done))
        await asyncio.wait((task,))  # a reader who goes away does not take it from the others
        return task.result()

    async def _poll(self, org_id: str) -> None:
        """Poll the index until there are no followers; a later follower starts a new poll, at the same pace."""
        rows = 0
        try:
            while True:
                await asyncio.sleep(poll_pause_sec(rows))
                if org_id not in self._waiting:
                    return
                rows = await self._look(org_id)
        finally:
            del self._polls[org_id]

    async def _look(self, org_id: str) -> int:
        """Wake the followers that have news; return how many rows were read."""
        try:
            numbers = await self._call(partial(self._jobs.active_sequences, org_id))
        except TransientError as error:
            self._note_failure(error)
            return 0
        self._failing = False
        for follower in tuple(self._waiting.get(org_id, ())):
            follower.hear(numbers.get(follower.job_id))
        return len(numbers)

    async def _read(self, org_id: str, job_id: str, after: int) -> Sequence[Event]:
        try:
            events = await self._call(partial(self._jobs.events, org_id, job_id, after=after, limit=BATCH))
        except TransientError as error:
            self._note_failure(error)
            raise
        self._failing = False
        return events

    def _read_over(self, asked: Hashable, done: "asyncio.Task[Sequence[Event]]") -> None:
        del self._reads[asked]
        if not done.cancelled():
            done.exception()  # the followers that still listen have been told

    def _note_failure(self, error: TransientError) -> None:
        """Log the first failure of a row of failures."""
        if not self._failing:
            log.warning("event log not read", extra={"action": "follow", "detail": error.detail})
        self._failing = True


class Follower:
    """One who follows a job: stands in the hub only while waiting, so that one who goes away leaves nothing behind."""

    def __init__(self, hub: EventHub, org_id: str, job_id: str, after: int) -> None:
        self.org_id = org_id
        self.job_id = job_id
        self._hub = hub
        self._heard = after
        self._heard_of_end = False
        self._bell: asyncio.Future[None] | None = None

    async def news(self, timeout_sec: float) -> bool:
        """Wait until the job may have moved on since `read`; return False when the time is up first."""
        bell = self._bell = asyncio.get_running_loop().create_future()
        self._hub.enter(self)
        try:
            await asyncio.wait((bell,), timeout=max(0.0, timeout_sec))
        finally:
            self._hub.leave(self)
        return bell.done()

    @property
    def is_over(self) -> bool:
        """Return whether the stream is to end even if the job goes on."""
        return self._hub.is_closed

    def wake(self) -> None:
        """End the wait for news."""
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    def hear(self, number: int | None) -> None:
        """Take the number of the job's latest event, or None for a job that is not active: it has ended, or was
        deleted.
        """
        ended = number is None
        if ended != self._heard_of_end or (number is not None and number > self._heard):
            self._heard_of_end = ended
            self._heard = max(self._heard, number or 0)
            self.wake()

    async def read(self, after: int) -> Sequence[Event]:
        """Return up to BATCH events after number `after`; raise NotFound for a job that is missing.

        Raises TransientError, and then there is `news` as soon as the storage answers again.
        """
        try:
            events = await self._hub.read(self.org_id, self.job_id, after, (self._heard, self._heard_of_end))
        except TransientError:
            self._heard, self._heard_of_end = after, False
            raise
        if events:
            self._heard = max(self._heard, events[-1].sequence)
        return events
