"""Typed rows: one kind of dataclass in one table, with versions and upgrades."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from shared.domain.errors import NotFound, WriteConflict
from shared.storage.columns import from_columns, to_columns
from shared.storage.ports import Stored
from shared.storage.row_reader import UNREADABLE, RowReader
from shared.storage.table import ANY_ETAG, Row, Table, Value
from shared.storage.upgrade import with_version

T = TypeVar("T")
V = TypeVar("V")


class Rows(Generic[T]):
    """The rows of one table, each holding a value of one dataclass.

    A single row that cannot be read raises RowOfLaterRelease or UnreadableRow. A scan logs and skips it.
    """

    def __init__(
        self,
        table: Table,
        name: str,
        cls: type[T],
        keys: Callable[[T], tuple[str, str]],
        noun: str,
        *,
        remembers: int = 0,
    ) -> None:
        """Keep rows in `table`.

        Args:
            table: the table.
            name: the table's name, by which its rows are upgraded.
            cls: the dataclass.
            keys: returns a value's partition and key.
            noun: the word for one value in the detail of NotFound.
            remembers: of how many rows the value is kept, so that an unchanged row is not decoded anew.
        """
        self._table = table
        self._name = name
        self._keys = keys
        self._noun = noun
        self._reader: RowReader[T] = RowReader(name, partial(from_columns, cls), remembers=remembers)

    def insert(self, value: T) -> Stored[T]:
        """Insert the value; raise WriteConflict when the keys are taken."""
        return Stored(value, self._table.insert(self._row(value)))

    def get(self, partition: str, key: str) -> Stored[T]:
        """Return the row; raise NotFound, RowOfLaterRelease or UnreadableRow."""
        row = self._get(partition, key)
        return Stored(self._reader.read(row), row.etag)

    def find(self, partition: str, key: str) -> Stored[T] | None:
        """Return the row, or None (logged) for one that cannot be read; raise NotFound."""
        found = self._reader.read_each([self._get(partition, key)])
        return next((Stored(value, row.etag) for row, value in found), None)

    def replace(self, stored: Stored[T], value: T) -> Stored[T]:
        """Replace the row; raise WriteConflict when it was changed since it was read, NotFound when it is missing."""
        row = self._row(value)
        try:
            return Stored(value, self._table.replace(row, stored.etag))
        except NotFound as err:
            raise self._missing(row.key) from err

    def upsert(self, value: T) -> None:
        """Insert the value, or replace the row that is there."""
        self._table.upsert(self._row(value))

    def scan(
        self,
        partition: str,
        *,
        after: str = "",
        before: str | None = None,
        where: Mapping[str, Collection[str]] | None = None,
        page_size: int = 1000,
    ) -> Iterator[tuple[str, Stored[T]]]:
        """Yield keys and readable rows in the order of keys; arguments as in `Table.scan`."""
        rows = self._table.scan(partition, after=after, before=before, where=where, page_size=page_size)
        return ((row.key, Stored(value, row.etag)) for row, value in self._reader.read_each(rows))

    def scan_all(
        self, partition: str, *, after: str = "", before: str | None = None, page_size: int = 1000
    ) -> Iterator[Stored[T]]:
        """Yield the rows in the order of keys; log one that cannot be read and raise as `get` does."""
        rows = self._table.scan(partition, after=after, before=before, page_size=page_size)
        return (Stored(value, row.etag) for row, value in self._reader.read_all(rows))

    def any(self, partition: str, *, after: str, before: str, where: Mapping[str, Collection[str]]) -> bool:
        """Return whether there is such a row, readable or not; arguments as in `Table.scan`."""
        rows = self._table.scan(partition, after=after, before=before, where=where, select=(), page_size=1)
        return next(iter(rows), None) is not None

    def column(self, partition: str, name: str, kind: Callable[[Value], V]) -> Iterator[V]:
        """Yield one column of the partition's rows; log and skip a row where it is missing or is no `kind`."""
        for row in self._table.scan(partition, select=(name,)):
            try:
                value = kind(row.columns[name])
            except (KeyError, ValueError):
                self._reader.log_skipped(row, f"column {name} cannot be read")
                continue
            yield value

    def scan_partitions(
        self, prefix: str, *, where: Mapping[str, Collection[str]] | None = None
    ) -> Iterator[Stored[T]]:
        """Yield the readable rows of all partitions with this prefix, by partition and key; `where` as in `scan`."""
        rows = self._table.scan_partitions(prefix, where=where)
        return (Stored(value, row.etag) for row, value in self._reader.read_each(rows))

    def keys(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Yield partition and key of all rows of all partitions with this prefix, unreadable ones among them."""
        return ((row.partition, row.key) for row in self._table.scan_partitions(prefix))

    def remove_unreadable(self, prefix: str, before: datetime) -> int:
        """Delete the rows of all partitions with this prefix that cannot be read and were last written before that
        time; return their number."""
        removed = 0
        for row in self._table.scan_partitions(prefix):
            try:
                self._reader.read(row)
            except UNREADABLE:
                if row.written_at is not None and row.written_at < before:
                    with suppress(WriteConflict):  # written anew meanwhile
                        self._table.delete(row.partition, row.key, row.etag)
                        removed += 1
        return removed

    def delete(self, stored: Stored[T]) -> None:
        """Delete the row if it is there; raise WriteConflict when it was changed since it was read."""
        self._table.delete(*self._keys(stored.value), stored.etag)

    def remove(self, partition: str, key: str) -> None:
        """Delete the row if it is there, also when it was changed meanwhile."""
        self._table.delete(partition, key, ANY_ETAG)

    def clear(self, partition: str) -> int:
        """Delete all rows of the partition; return their number."""
        rows = list(self._table.scan(partition, select=()))
        for row in rows:
            self._table.delete(row.partition, row.key, ANY_ETAG)
        return len(rows)

    def _get(self, partition: str, key: str) -> Row:
        try:
            return self._table.get(partition, key)
        except NotFound as err:
            raise self._missing(key) from err

    def _missing(self, key: str) -> NotFound:
        return NotFound(f"There is no {self._noun} {key}.")

    def _row(self, value: T) -> Row:
        partition, key = self._keys(value)
        return Row(partition, key, with_version(self._name, to_columns(value)))
