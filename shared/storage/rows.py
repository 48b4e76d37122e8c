"""Typed rows: one kind of dataclass in one table, with versions and upgrades."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

from shared.domain.errors import NotFound
from shared.storage.columns import from_columns, to_columns
from shared.storage.ports import Stored
from shared.storage.table import ANY_ETAG, Row, Table, Value
from shared.storage.upgrade import upgraded, with_version

T = TypeVar("T")


class Rows(Generic[T]):
    """The rows of table `name`, each holding a `cls` under the (partition, key) that `keys` tells.

    `noun` is what a person calls such a thing, for the detail of NotFound.
    """

    def __init__(self, table: Table, name: str, cls: type[T], keys: Callable[[T], tuple[str, str]], noun: str) -> None:
        self._table = table
        self._name = name
        self._cls = cls
        self._keys = keys
        self._noun = noun

    def insert(self, value: T) -> Stored[T]:
        """Raises WriteConflict when the keys are taken."""
        return Stored(value, self._table.insert(self._row(value)))

    def get(self, partition: str, key: str) -> Stored[T]:
        """Raises NotFound."""
        with self._named(key):
            return self._stored(self._table.get(partition, key))

    def replace(self, stored: Stored[T], value: T) -> Stored[T]:
        """Raises WriteConflict when someone else changed the row since it was read, NotFound when it is gone."""
        row = self._row(value)
        with self._named(row.key):
            return Stored(value, self._table.replace(row, stored.etag))

    def upsert(self, value: T) -> None:
        """Puts the value in place of whatever is there."""
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
        """Keys and values in the order of keys; arguments as in `Table.scan`."""
        rows = self._table.scan(partition, after=after, before=before, where=where, page_size=page_size)
        return ((row.key, self._stored(row)) for row in rows)

    def column(self, partition: str, name: str) -> Iterator[Value]:
        """What stands in one column of the partition's rows, as it was written."""
        return (row.columns[name] for row in self._table.scan(partition, select=(name,)) if name in row.columns)

    def scan_partitions(self, prefix: str) -> Iterator[Stored[T]]:
        """The values of all partitions whose names begin with the prefix, by partition and key."""
        return map(self._stored, self._table.scan_partitions(prefix))

    def delete(self, stored: Stored[T]) -> None:
        """Deletes the row if it is there; raises WriteConflict when someone else changed it since it was read."""
        self._table.delete(*self._keys(stored.value), stored.etag)

    def remove(self, partition: str, key: str) -> None:
        """Deletes the row if it is there, whoever changed it."""
        self._table.delete(partition, key, ANY_ETAG)

    def clear(self, partition: str) -> int:
        """Deletes all rows of the partition; returns how many there were."""
        rows = list(self._table.scan(partition, select=()))
        for row in rows:
            self._table.delete(row.partition, row.key, ANY_ETAG)
        return len(rows)

    @contextmanager
    def _named(self, key: str) -> Iterator[None]:
        try:
            yield
        except NotFound as err:
            raise NotFound(f"There is no {self._noun} {key}.") from err

    def _row(self, value: T) -> Row:
        partition, key = self._keys(value)
        return Row(partition, key, with_version(self._name, to_columns(value)))

    def _stored(self, row: Row) -> Stored[T]:
        return Stored(from_columns(self._cls, upgraded(self._name, row.columns)), row.etag)
