"""Limit how often an organisation may ask: a bucket of tokens each, in this process's memory. Knows nothing of HTTP.

A library was looked at (`limits`): its store in memory needs a thread of its own and takes no clock.
https://en.wikipedia.org/wiki/Token_bucket
"""

from collections.abc import Callable
from math import ceil

from shared.domain.errors import RateLimited

SECONDS = 60.0
MAX_BUCKETS = 10_000


class RateLimit:
    """At most `per_minute` requests at once, and as many a minute in the long run; 0 is no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float], max_buckets: int = MAX_BUCKETS) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._max_buckets = max_buckets
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, org_id: str) -> None:
        """Count a request; raise RateLimited, which says when the next one will be answered."""
        if self._per_minute == 0:
            return
        now = self._clock()
        tokens = self._tokens(org_id, now)
        if tokens < 1:
            wait_sec = max(1, ceil((1 - tokens) / self._per_minute * SECONDS))
            raise RateLimited(f"More than {self._per_minute} requests a minute; ask again in {wait_sec} s.", wait_sec)
        self._buckets[org_id] = (tokens - 1, now)
        if len(self._buckets) > self._max_buckets:
            self._forget_full(now)

    def _tokens(self, org_id: str, now: float) -> float:
        tokens, counted_at = self._buckets.get(org_id, (float(self._per_minute), now))
        return min(self._per_minute, tokens + (now - counted_at) / SECONDS * self._per_minute)

    def _forget_full(self, now: float) -> None:
        self._buckets = {
            org_id: kept for org_id, kept in self._buckets.items() if self._tokens(org_id, now) < self._per_minute
        }
