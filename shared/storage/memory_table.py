"""A table in this process's memory, with the ETags, conflicts and order of the real one."""

import bisect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import count
from threading import Lock

from shared.domain.errors import NotFound, WriteConflict
from shared.storage.table import ANY_ETAG, Columns, Row


class MemoryTable:
    """A `Table`; every method is atomic."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._rows: dict[tuple[str, str], Row] = {}
        self._sorted_keys: list[tuple[str, str]] = []
        self._etags = count(1)

    def insert(self, row: Row) -> str:
        with self._lock:
            if (row.partition, row.key) in self._rows:
                raise WriteConflict(f"{row.partition}/{row.key} is taken.")
            return self._put(row)

    def get(self, partition: str, key: str) -> Row:
        with self._lock:
            return self._found(partition, key)

    def replace(self, row: Row, etag: str) -> str:
        with self._lock:
            self._require(self._found(row.partition, row.key), etag)
            return self._put(row)

    def upsert(self, row: Row) -> None:
        with self._lock:
            self._put(row)

    def delete(self, partition: str, key: str, etag: str) -> None:
        with self._lock:
            row = self._rows.get((partition, key))
            if row is not None:
                if etag != ANY_ETAG:
                    self._require(row, etag)
                del self._rows[partition, key]
                self._sorted_keys.remove((partition, key))

    def upsert_many(self, rows: Iterable[Row]) -> None:
        with self._lock:
            for row in rows:
                self._put(row)

    def delete_many(self, partition: str, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                if self._rows.pop((partition, key), None) is not None:
                    self._sorted_keys.remove((partition, key))

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
        for row in self._from((partition, after)):
            if row.partition != partition or (before is not None and row.key >= before):
                return
            if row.key > after and _fits(row, where):
                yield row if select is None else replace(row, columns=_only(select, row.columns))

    def scan_partitions(self, prefix: str, *, where: Mapping[str, Collection[str]] | None = None) -> Iterator[Row]:
        for row in self._from((prefix, "")):
            if not row.partition.startswith(prefix):
                return
            if _fits(row, where):
                yield row

    def _from(self, first: tuple[str, str]) -> Iterator[Row]:
        """Return the rows as they are now, from `first` on."""
        with self._lock:
            rows = [self._rows[key] for key in self._sorted_keys[bisect.bisect_left(self._sorted_keys, first) :]]
        yield from rows

    def _put(self, row: Row) -> str:
        keys = (row.partition, row.key)
        if keys not in self._rows:
            bisect.insort(self._sorted_keys, keys)
        etag = f'W/"{next(self._etags)}"'
        self._rows[keys] = Row(row.partition, row.key, dict(row.columns), etag, self._clock())
        return etag

    def _found(self, partition: str, key: str) -> Row:
        try:
            return self._rows[partition, key]
        except KeyError as err:
            raise NotFound(f"There is no row {partition}/{key}.") from err

    @staticmethod
    def _require(row: Row, etag: str) -> None:
        if row.etag != etag:
            raise WriteConflict(f"{row.partition}/{row.key} was changed meanwhile.")


def _fits(row: Row, where: Mapping[str, Collection[str]] | None) -> bool:
    """Return whether the row has one of the wanted values in each column."""
    return all(row.columns.get(name) in values for name, values in (where or {}).items())


def _only(names: Collection[str], columns: Columns) -> Columns:
    return {name: value for name, value in columns.items() if name in names}
