"""Declare what the stores need of a table; implemented by Azure Tables and by the in-memory twin.

A row is found by partition and key, carries columns of simple values, and changes its ETag with every write.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

Value = str | bool | int | float | datetime
Columns = Mapping[str, Value]

MAX_STRING_UNITS = 32 * 1024
"""A string column holds 64 KiB as UTF-16: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model"""

MAX_PAGE_SIZE = 1000
"""The largest number of rows in one answer of the service."""

MAX_KEY_UNITS = 512
"""A key holds 1 KiB as UTF-16."""

ANY_ETAG = "*"
"""Instead of a row's ETag where any will do."""

FORBIDDEN_IN_KEYS = frozenset("/\\#?") | {
    chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000))
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is written (its `etag` and `written_at` are the table's to give) or as it was read.

    Raises ValueError for keys that no table can hold.
    """

    partition: str
    key: str
    columns: Columns
    etag: str = ""
    written_at: datetime | None = None

    def __post_init__(self) -> None:
        if not (is_possible_key(self.partition) and is_possible_key(self.key)):
            raise ValueError(f"no table can hold a row with the keys {self.partition!r} and {self.key!r}")


class Table(Protocol):
    """Rows in partitions, sorted by key. Every method may raise StorageUnavailable."""

    def insert(self, row: Row) -> str:
        """Insert the row and return its ETag; raise WriteConflict when its keys are taken."""

    def get(self, partition: str, key: str) -> Row:
        """Return the row; raise NotFound."""

    def replace(self, row: Row, etag: str) -> str:
        """Replace the row with this ETag, whole, and return the new ETag.

        Raise WriteConflict when the row has another ETag, NotFound when there is none.
        """

    def upsert(self, row: Row) -> None:
        """Insert the row, or replace the one that is there."""

    def delete(self, partition: str, key: str, etag: str) -> None:
        """Delete the row if it is there; raise WriteConflict when it has another ETag, unless that is ANY_ETAG."""

    def upsert_many(self, rows: Iterable[Row]) -> None:
        """Insert or replace the rows, in batches of a partition's rows (see `batches`).

        A batch is written whole or not at all. Of several, the first may be written when a later one fails.
        """

    def delete_many(self, partition: str, keys: Iterable[str]) -> None:
        """Delete those of the rows that are there, with any ETags, in batches."""

    def scan(
        self,
        partition: str,
        *,
        after: str = "",
        before: str | None = None,
        where: Mapping[str, Collection[str]] | None = None,
        select: Collection[str] | None = None,
        page_size: int = 1000,
    ) -> Iterator[Row]:
        """Return the partition's rows by key, those with after < key < before and in each column of `where` one of its
        values; with all columns or only those of `select`; fetched `page_size` at a time as they are asked for."""

    def scan_partitions(self, prefix: str, *, where: Mapping[str, Collection[str]] | None = None) -> Iterator[Row]:
        """Return the rows of all partitions with names that begin with the prefix (all rows for none), by partition and
        key; `where` as in `scan`."""


def is_possible_key(key: str) -> bool:
    """Return whether a table can hold such a partition name or row key at all."""
    is_short = len(key) <= MAX_KEY_UNITS // 2 or utf16_units(key) <= MAX_KEY_UNITS
    return is_short and FORBIDDEN_IN_KEYS.isdisjoint(key)


def utf16_units(text: str) -> int:
    """Return the text's length as the table service counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
