"""Requests with idempotency keys in table `idempotency`: the partition `org:{orgId}` holds a row per route and key."""

import hashlib
from collections.abc import Collection, Iterator
from datetime import datetime

from shared.domain.errors import NotFound, WriteConflict
from shared.domain.idempotency import IdempotencyRecord
from shared.storage.ports import Stored
from shared.storage.rows import Rows
from shared.storage.table import Table

_PREFIX = "org:"

MAX_COMPARED = 10
"""The service takes 15 comparisons in a filter."""


class IdempotencyTable:
    """An `IdempotencyStore`."""

    def __init__(self, records: Table) -> None:
        self._records = Rows(records, "idempotency", IdempotencyRecord, _keys, "idempotency key")

    def claim(self, record: IdempotencyRecord) -> Stored[IdempotencyRecord]:
        return self._records.insert(record)

    def get(self, org_id: str, route: str, key: str) -> Stored[IdempotencyRecord]:
        return self._records.get(_partition(org_id), _row_key(route, key))

    def update(self, stored: Stored[IdempotencyRecord], record: IdempotencyRecord) -> Stored[IdempotencyRecord]:
        try:
            return self._records.replace(stored, record)
        except NotFound as err:
            raise WriteConflict("The idempotency key was given up meanwhile.") from err

    def delete(self, stored: Stored[IdempotencyRecord]) -> None:
        self._records.delete(stored)

    def about(self, org_id: str, ids: Collection[str]) -> Iterator[Stored[IdempotencyRecord]]:
        distinct = sorted(set(ids))
        for at in range(0, len(distinct), MAX_COMPARED):
            some = distinct[at : at + MAX_COMPARED]
            for column in ("about", "reservedSessionId", "reservedJobId", "reservedResourceId"):
                found = self._records.scan(_partition(org_id), where={column: some})
                yield from (stored for _, stored in found)

    def expired(self, now: datetime) -> Iterator[Stored[IdempotencyRecord]]:
        return (stored for stored in self._records.scan_partitions(_PREFIX) if stored.value.expires_at <= now)

    def drop_unreadable(self, before: datetime) -> int:
        return self._records.remove_unreadable(_PREFIX, before)


def _keys(record: IdempotencyRecord) -> tuple[str, str]:
    return _partition(record.org_id), _row_key(record.route, record.key)


def _partition(org_id: str) -> str:
    return f"{_PREFIX}{org_id}"


def _row_key(route: str, key: str) -> str:
    """Return a hash, for a key may hold what no row key can, and paths hold slashes."""
    return hashlib.sha256(f"{route}\n{key}".encode()).hexdigest()
