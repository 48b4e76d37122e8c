"""Read rows of one table as values; log and skip those that cannot be read.

Apart from `rows`, because tables without a dataclass of their own (the time index, the search index) scan by the same
rule: a row of a later release, or one with a broken column, never keeps a scan from the rows behind it.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import Generic, TypeVar

from shared.domain.errors import RowOfLaterRelease, UnreadableRow
from shared.storage.columns import ColumnError
from shared.storage.table import Columns, Row
from shared.storage.upgrade import upgraded

log = logging.getLogger(__name__)

T = TypeVar("T")

UNREADABLE = (RowOfLaterRelease, UnreadableRow)
"""The errors of a row that is there but cannot be read."""

MAX_LOGGED_ROWS = 1000
"""The number of unreadable rows of one table that one process logs."""


class RowReader(Generic[T]):
    """The reader of one table's rows.

    An unreadable row is logged once in the life of the reader, and again when its ETag changes: every sweep meets it
    anew.
    """

    def __init__(self, table: str, decode: Callable[[Columns], T], *, remembers: int = 0) -> None:
        """Read rows of `table`.

        Args:
            table: the table's name.
            decode: turns the columns of today's version into a value, which no caller changes.
            remembers: of how many rows the value is kept with the columns that it was decoded from. Comparing columns
                takes a thirtieth of the time of decoding them, and a row is read often before it changes.
        """
        self._table = table
        self._decode = decode
        self._lock = Lock()
        self._logged: dict[tuple[str, str], str] = {}
        self._remembers = remembers
        self._known: dict[tuple[str, str], tuple[Columns, T]] = {}

    def read(self, row: Row) -> T:
        """Return the row's value; raise RowOfLaterRelease or UnreadableRow."""
        keys = (row.partition, row.key)
        known = self._known.get(keys)
        if known is not None and known[0] == row.columns:
            return known[1]
        value = self._decoded(row)
        if self._remembers:
            if len(self._known) >= self._remembers:
                self._known.clear()
            self._known[keys] = (row.columns, value)
        return value

    def _decoded(self, row: Row) -> T:
        try:
            return self._decode(upgraded(self._table, row.columns))
        except RowOfLaterRelease:
            raise
        except Exception as error:  # the columns are data: anything that decoding them raises is theirs
            raise UnreadableRow(f"The row {row.key} of {self._table} cannot be read: {_reason(error)}.") from error

    def read_all(self, rows: Iterable[Row]) -> Iterator[tuple[Row, T]]:
        """Yield the rows with their values; log a row that cannot be read and raise as `read` does."""
        for row in rows:
            try:
                value = self.read(row)
            except UNREADABLE as error:
                self.log_skipped(row, error.detail)
                raise
            yield row, value

    def read_each(self, rows: Iterable[Row]) -> Iterator[tuple[Row, T]]:
        """Yield the rows with their values; log and skip those that cannot be read."""
        for row in rows:
            try:
                value = self.read(row)
            except UNREADABLE as error:
                self.log_skipped(row, error.detail)
                continue
            yield row, value

    def log_skipped(self, row: Row, reason: str) -> None:
        """Log that the row is skipped, unless that was logged before."""
        keys = (row.partition, row.key)
        with self._lock:
            if self._logged.get(keys) == row.etag or len(self._logged) > MAX_LOGGED_ROWS:
                return
            self._logged[keys] = row.etag
            is_too_many = len(self._logged) > MAX_LOGGED_ROWS
        if is_too_many:
            log.warning("more rows are skipped than logged", extra={"action": "skip_row", "table": self._table})
            return
        facts = {"action": "skip_row", "table": self._table, "partition": row.partition, "key": row.key}
        log.warning("row skipped", extra={**facts, "reason": reason})


def _reason(error: Exception) -> str:
    """Return what is wrong with the row, without the texts that it holds."""
    return str(error) if isinstance(error, ColumnError) else type(error).__name__
