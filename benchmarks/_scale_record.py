"""Record which partition, queue and container each call of the storage goes to, over the storage in memory.

Apart from `_scale_demand`, which runs real jobs over it and makes averages of what was recorded.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from typing import Any, cast

from shared.storage.batches import batches, key_batches
from shared.storage.memory import MemoryStorage
from shared.storage.memory_table import MemoryTable
from shared.storage.ports import BlobStore, QueueStore, Storage
from shared.storage.table import Row

PAGE_ROWS = 1000
"""Most rows in one answer of the table service."""


@dataclass
class Recorded:
    """What one kind of work asked of the storage."""

    runs: int = 0
    rows: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Rows read or written by table, partition and the job that the row belongs to ("" where it names none)."""

    requests: Counter[str] = field(default_factory=Counter)
    """Requests by service: `table`, `queue`, `blob`."""

    messages: Counter[str] = field(default_factory=Counter)
    """Messages sent or withdrawn by queue."""

    read_bytes: Counter[str] = field(default_factory=Counter)
    """Bytes of blobs read, by container."""

    written_bytes: Counter[str] = field(default_factory=Counter)


class Recorder:
    """A storage in memory, with a record of the calls that are made of it while a label is set."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.by_label: dict[str, Recorded] = {}
        self._current: Recorded | None = None
        self.memory = MemoryStorage(clock, cache(lambda name: RecordingTable(self, name, MemoryTable(clock))))
        kept = {each.name: getattr(self.memory, each.name) for each in fields(Storage)}
        kept["blobs"] = cast(BlobStore, _RecordingBlobs(self, self.memory.blobs))
        kept["queues"] = cast(QueueStore, _RecordingQueues(self, self.memory.queues))
        self.storage = Storage(**kept)

    @contextmanager
    def during(self, label: str) -> Iterator[None]:
        """Record the calls under this label, as one more run of that work."""
        before, self._current = self._current, self.by_label.setdefault(label, Recorded())
        self._current.runs += 1
        try:
            yield
        finally:
            self._current = before

    def row(self, table: str, partition: str, key: str) -> None:
        """Record a row that was read or written."""
        if self._current is not None:
            self._current.rows[table, partition, key] += 1

    def request(self, service: str, count: int = 1) -> None:
        """Record requests to a service."""
        if self._current is not None:
            self._current.requests[service] += count

    def message(self, queue: str) -> None:
        """Record a message that is sent or withdrawn."""
        self.request("queue")
        if self._current is not None:
            self._current.messages[queue] += 1

    def moved(self, container: str, read: int = 0, written: int = 0) -> None:
        """Record bytes of a blob."""
        if self._current is not None:
            self._current.read_bytes[container] += read
            self._current.written_bytes[container] += written


class RecordingTable:
    """A `Table` in front of another one; a row that is missing counts as one that was looked for."""

    def __init__(self, recorder: Recorder, name: str, table: MemoryTable) -> None:
        self._recorder, self._name, self._table = recorder, name, table

    def insert(self, row: Row) -> str:
        self._note(row.partition, row.key)
        return self._table.insert(row)

    def get(self, partition: str, key: str) -> Row:
        self._note(partition, key)
        return self._table.get(partition, key)

    def replace(self, row: Row, etag: str) -> str:
        self._note(row.partition, row.key)
        return self._table.replace(row, etag)

    def upsert(self, row: Row) -> None:
        self._note(row.partition, row.key)
        self._table.upsert(row)

    def delete(self, partition: str, key: str, etag: str) -> None:
        self._note(partition, key)
        self._table.delete(partition, key, etag)

    def upsert_many(self, rows: Iterable[Row]) -> None:
        for batch in batches(rows):
            self._recorder.request("table")
            for row in batch:
                self._recorder.row(self._name, row.partition, row.key)
            self._table.upsert_many(batch)

    def delete_many(self, partition: str, keys: Iterable[str]) -> None:
        for batch in key_batches(keys):
            self._recorder.request("table")
            for key in batch:
                self._recorder.row(self._name, partition, key)
            self._table.delete_many(partition, batch)

    def scan(
        self,
        partition: str,
        *,
        after: str = "",
        before: str | None = None,
        where: Mapping[str, Collection[str]] | None = None,
        select: Collection[str] | None = None,
        page_size: int = PAGE_ROWS,
    ) -> Iterator[Row]:
        rows = self._table.scan(partition, after=after, before=before, where=where, select=select, page_size=page_size)
        return self._counted(rows, page_size)

    def scan_partitions(self, prefix: str, *, where: Mapping[str, Collection[str]] | None = None) -> Iterator[Row]:
        return self._counted(self._table.scan_partitions(prefix, where=where), PAGE_ROWS)

    def _counted(self, rows: Iterator[Row], page_size: int) -> Iterator[Row]:
        self._recorder.request("table")
        for number, row in enumerate(rows):
            if number and number % min(page_size, PAGE_ROWS) == 0:
                self._recorder.request("table")
            self._recorder.row(self._name, row.partition, row.key)
            yield row

    def _note(self, partition: str, key: str) -> None:
        self._recorder.request("table")
        self._recorder.row(self._name, partition, key)


class _RecordingBlobs:
    """A `BlobStore` in front of another one."""

    def __init__(self, recorder: Recorder, blobs: Any) -> None:
        self._recorder, self._blobs = recorder, blobs

    def read_range(self, container: str, name: str, *more: Any, **conditions: Any) -> bytes:
        return self._read(container, self._blobs.read_range(container, name, *more, **conditions))

    def read(self, container: str, name: str) -> bytes:
        return self._read(container, self._blobs.read(container, name))

    def chunks(self, container: str, name: str, **bounds: Any) -> Iterator[bytes]:
        for chunk in self._blobs.chunks(container, name, **bounds):
            yield self._read(container, chunk)

    def write(self, container: str, name: str, data: bytes, *more: Any, **conditions: Any) -> Any:
        self._written(container, data)
        return self._blobs.write(container, name, data, *more, **conditions)

    def stage_block(self, container: str, name: str, index: int, data: bytes) -> None:
        self._written(container, data)
        self._blobs.stage_block(container, name, index, data)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._blobs, name)
        if not callable(found) or name in ("read_url", "upload_url"):  # which ask nothing of the account
            return found

        def call(*arguments: Any, **more: Any) -> Any:
            self._recorder.request("blob")
            return found(*arguments, **more)

        return call

    def _read(self, container: str, data: bytes) -> bytes:
        self._recorder.request("blob")
        self._recorder.moved(container, read=len(data))
        return data

    def _written(self, container: str, data: bytes) -> None:
        self._recorder.request("blob")
        self._recorder.moved(container, written=len(data))


class _RecordingQueues:
    """A `QueueStore` in front of another one, which a host may still be played with."""

    def __init__(self, recorder: Recorder, queues: Any) -> None:
        self._recorder, self._queues = recorder, queues

    def send(self, message: Any, *delay: Any) -> Any:
        self._recorder.message(message.queue)
        return self._queues.send(message, *delay)

    def withdraw(self, receipt: Any) -> bool:
        self._recorder.message(receipt.queue)
        return bool(self._queues.withdraw(receipt))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queues, name)
