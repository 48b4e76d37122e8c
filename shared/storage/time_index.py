"""When to look at which row again: an index by time, so that the sweep reads what is due and nothing else.

A row's entry is written before the row that names its time, and taken away after the row named another: an entry may
lie around without a row, never a row without its entry.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from shared.storage.table import ANY_ETAG, Row, Table
from shared.storage.upgrade import with_version


@dataclass(frozen=True, slots=True)
class Entry:
    """Look at this row at this time."""

    at: datetime
    org_id: str
    row_id: str
    written_at: datetime


class TimeIndex:
    """The entries of one kind of rows, in table `timeindex`. Each names a row by its organisation and its id; times
    count in milliseconds."""

    def __init__(self, table: Table, kind: str) -> None:
        self._table = table
        self._kind = kind

    def put(self, at: datetime | None, org_id: str, row_id: str) -> None:
        """Has the row looked at; doing so twice is doing so once."""
        if at is not None:
            columns = with_version("timeindex", {"orgId": org_id, "rowId": row_id, "at": at})
            self._table.upsert(Row(self._kind, _key(at, row_id), columns))

    def drop(self, at: datetime | None, row_id: str) -> None:
        """Takes an entry away if it is there."""
        if at is not None:
            self._table.delete(self._kind, _key(at, row_id), ANY_ETAG)

    def due(self, now: datetime, limit: int) -> Iterator[Entry]:
        """Up to `limit` entries whose time has come, the longest due first."""
        rows = self._table.scan(self._kind, before=_key(now, "~"), page_size=limit)
        for row in islice(rows, limit):
            org_id, row_id, at = (row.columns[name] for name in ("orgId", "rowId", "at"))
            assert isinstance(at, datetime)
            yield Entry(at, str(org_id), str(row_id), row.written_at or now)


def _key(at: datetime, row_id: str) -> str:
    return f"{int(at.timestamp() * 1000):014d}:{row_id}"
