"""Bound how many event streams an organisation holds open in this process, so that one caller leaves room for others.

Apart from `concurrency_limit`, whose callers wait for a place: a stream is held for minutes, so nothing is waited for.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.errors import TooManyStreams

RETRY_AFTER_SEC = 10
"""A stream ends with its job, and by itself after a few minutes."""


class StreamPlaces:
    """At most `per_org` places for each organisation; 0 is no limit. Belongs to one event loop."""

    def __init__(self, per_org: int) -> None:
        self._per_org = per_org
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, org_id: str) -> Iterator[None]:
        """Hold a place for the block; raise TooManyStreams when the organisation holds all of its own."""
        if 0 < self._per_org <= self._held[org_id]:
            raise TooManyStreams(
                f"{self._per_org} event streams are open already; close one, or ask again in {RETRY_AFTER_SEC} s.",
                RETRY_AFTER_SEC,
            )
        self._held[org_id] += 1
        try:
            yield
        finally:
            self._held[org_id] -= 1
            if not self._held[org_id]:
                del self._held[org_id]
