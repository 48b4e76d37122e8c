"""Keep an index of rows by time, so that the sweep reads what is due and nothing else.

A row's entry is written before the row that names its time, and deleted after the row named another: there may be an
entry without a row, never a row without its entry.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.storage.columns import ColumnError
from shared.storage.row_reader import RowReader
from shared.storage.table import ANY_ETAG, Columns, Row, Table
from shared.storage.upgrade import with_version

DANGLING_AFTER = timedelta(minutes=10)
"""An entry older than this that its row does not know belongs to a writer that crashed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row and the time to look at it."""

    at: datetime
    org_id: str
    row_id: str
    written_at: datetime
    """When the entry itself was written."""


class TimeIndex:
    """The entries of one kind of rows, in table `timeindex`.

    Each names a row by its organisation and its id. Times are precise to the millisecond.
    """

    def __init__(self, table: Table, kind: str) -> None:
        self._table = table
        self._kind = kind
        self._reader = RowReader("timeindex", _decode)

    def put(self, at: datetime | None, org_id: str, row_id: str) -> None:
        """Write the row's entry; idempotent."""
        if at is not None:
            columns = with_version("timeindex", {"orgId": org_id, "rowId": row_id, "at": at})
            self._table.upsert(Row(self._kind, _key(at, row_id), columns))

    def drop(self, at: datetime | None, row_id: str) -> None:
        """Delete an entry if it is there."""
        if at is not None:
            self._table.delete(self._kind, _key(at, row_id), ANY_ETAG)

    def drop_dangling(self, entry: Entry, now: datetime) -> None:
        """Delete an entry that its row does not know, unless its writer may be about to write the row."""
        if now - entry.written_at > DANGLING_AFTER:
            self.drop(entry.at, entry.row_id)

    def due(self, now: datetime, page_size: int) -> Iterator[Entry]:
        """Yield the entries that are due, the longest due first, fetched `page_size` at a time."""
        rows = self._table.scan(self._kind, before=_key(now, "~"), page_size=page_size)
        for row, (at, org_id, row_id) in self._reader.read_each(rows):
            yield Entry(at, org_id, row_id, row.written_at or now)


def _decode(columns: Columns) -> tuple[datetime, str, str]:
    at = columns["at"]
    if not isinstance(at, datetime):
        raise ColumnError("column at cannot be read")
    return at, str(columns["orgId"]), str(columns["rowId"])


def _key(at: datetime, row_id: str) -> str:
    return f"{int(at.timestamp() * 1000):014d}:{row_id}"
