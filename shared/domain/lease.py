"""The lease of a worker on a row, and the pauses between attempts: the pure rules, for steps and for tasks.

Apart from `shared.pipeline.lease`, which writes rows by these rules, so that `next_actions` can apply them as well.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Self

RESEND_GROWTH = 4
"""How many times longer each pause before sending a message again is than the pause before it."""

MAX_RESEND_PAUSE = timedelta(hours=1)
"""The longest pause before a message that only waits its turn in a long queue is sent again."""

_MAX_DOUBLINGS = 30
_MAX_SENDS_COUNTED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedRow:
    """The fields of a row that one worker at a time works on; derive from it to add what the work is."""

    RUNNING: ClassVar[StrEnum]
    WAITING: ClassVar[StrEnum]

    state: StrEnum
    """Where the work stands; `RUNNING` while a worker holds the lease or has lost it by a crash."""

    owner: str | None = None
    """The delivery that holds the lease, as `Delivery.owner` names it; None while no worker does."""

    attempts: int = 0
    """How many attempts were begun."""

    sends: int = 0
    """How many messages were sent since the row last rested; 1 while a worker renews the lease."""

    sent_at: datetime | None = None
    """When the latest message was sent, or can first be received."""

    heartbeat_at: datetime | None = None
    """When the owner last renewed the lease."""

    last_error: str | None = None
    """What made the latest attempt fail, in a sentence."""

    def evolve(self, **changes: Any) -> Self:
        """Return the row with some fields changed."""
        return replace(self, **changes)

    def claimed(self, owner: str, now: datetime, **changes: Any) -> Self:
        """Return the row as the owner's next attempt begins it."""
        return self.evolve(
            state=self.RUNNING, owner=owner, attempts=self.attempts + 1, sends=1, heartbeat_at=now, **changes
        )

    def lease_is_live(self, now: datetime, stale_after: timedelta) -> bool:
        """Return whether a worker holds the lease and renewed it within `stale_after`.

        A heartbeat as far in the future counts as stale, too: then the clock was put back, and a worker that is alive
        renews the lease in a moment.
        """
        return self.state == self.RUNNING and abs(now - (self.heartbeat_at or now)) < stale_after

    def is_lost(self, now: datetime, stale_after: timedelta) -> bool:
        """Return whether the row needs another message: its latest one is missing, or its worker crashed."""
        if self.state not in (self.RUNNING, self.WAITING) or self.lease_is_live(now, stale_after):
            return False
        if self.state == self.RUNNING and self.sends <= 1:  # no message was sent since the worker began
            return True
        if self.sent_at is None:
            return True
        since = now - self.sent_at  # negative for a message that is hidden for a while, or after the clock was put back
        return (abs(since) if self.state == self.RUNNING else since) >= resend_pause(self.sends, stale_after)


def resend_pause(sends: int, stale_after: timedelta) -> timedelta:
    """Return the pause after so many messages for one attempt: `stale_after * RESEND_GROWTH ** (sends - 1)`, at most
    `MAX_RESEND_PAUSE`, at least `stale_after`."""
    sent_before = min(max(sends - 1, 0), _MAX_SENDS_COUNTED)
    pause: timedelta = stale_after * RESEND_GROWTH**sent_before
    return min(pause, max(MAX_RESEND_PAUSE, stale_after))


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with equal jitter, for failed steps and failed tasks alike.

    After failure n the row rests for `min(first * 2 ** (n - 1), most) * (0.5 + 0.5 * r)`, with r random from 0 to 1:
    at least half of the interval, so that a rest is never none, and at most all of it.
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    first: timedelta = timedelta(seconds=10)
    """The interval after the first failure."""

    most: timedelta = timedelta(hours=1)
    """The longest interval."""

    def pause(self, failures: int, random: Callable[[], float]) -> timedelta:
        """Return the rest after so many failures (from 1); `random` returns a number from 0 to 1."""
        interval = min(self.first * (1 << min(max(failures - 1, 0), _MAX_DOUBLINGS)), self.most)
        return interval * (0.5 + 0.5 * random())
