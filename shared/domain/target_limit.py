"""Decide when a webhook may be sent, so that one slow or failing receiver costs the worker little time.

Apart from the delivery, which decides by its own log alone. Held in the memory of a worker's process: it is no truth,
and a process that restarts begins without it. Two rules, for each organisation:

- A target (scheme, host and port) that failed rests for a growing time, for all deliveries to it together.
- After a delivery that failed slowly, the organisation rests for twice the time that the delivery took. So deliveries
  to silent receivers take at most a third of a worker's time, to however many targets they go.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from urllib.parse import urlsplit

FIRST_REST = timedelta(seconds=2.5)
"""How long a target rests after its first failure; the rest doubles with each failure."""

MAX_REST = timedelta(minutes=5)
"""The longest rest of a target."""

ORG_REST_FACTOR = 2
"""How many times the time that a failed delivery took its organisation rests."""

SLOW = timedelta(seconds=1)
"""From how long a failed delivery counts as slow."""

SPACING = timedelta(seconds=1)
"""How far apart the deliveries come that wait for the same end of a rest."""

MAX_KEPT = 10_000
"""The number of entries above which those whose rest is long over are dropped."""


@dataclass(slots=True)
class _Rest:
    until: datetime
    task_id: str = ""
    """The task that failed, which keeps to its own backoff instead."""

    failures: int = 0
    waiting: int = 0
    """How many deliveries were told to come back since the rest began."""


class TargetLimit:
    """The rests of organisations and of their targets; safe for several threads."""

    def __init__(self) -> None:
        self._rests: dict[tuple[str, str], _Rest] = {}
        self._lock = Lock()

    def wait(self, org_id: str, url: str, task_id: str, now: datetime) -> timedelta | None:
        """Return how long the task's delivery has to wait; None when it may be sent now."""
        with self._lock:
            found = [self._rests.get(key) for key in ((org_id, target_of(url)), (org_id, ""))]
            resting = [rest for rest in found if rest is not None and rest.until > now and rest.task_id != task_id]
            if not resting:
                return None
            longest = max(resting, key=lambda rest: rest.until)
            longest.waiting += 1
            return longest.until - now + (longest.waiting - 1) * SPACING

    def note(self, org_id: str, url: str, task_id: str, now: datetime, took: timedelta, *, failed: bool) -> None:
        """Note a delivery of the task that ended now."""
        with self._lock:
            target = (org_id, target_of(url))
            if not failed:
                self._rests.pop(target, None)
                return
            failures = self._rests[target].failures + 1 if target in self._rests else 1
            rest = min(FIRST_REST * 2 ** min(failures - 1, 10), MAX_REST)
            self._rests[target] = _Rest(now + rest, task_id, failures)
            if took >= SLOW:
                self._rests[org_id, ""] = _Rest(now + ORG_REST_FACTOR * took)
            if len(self._rests) > MAX_KEPT:
                self._rests = {key: rest for key, rest in self._rests.items() if now - rest.until < MAX_REST}


def target_of(url: str) -> str:
    """Return the part of an address that names the server: scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
