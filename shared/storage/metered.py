"""Count the requests of tables, blobs and queues, and the bytes of blobs, by the current work's meter.

The one place that knows how many requests a method makes, in front of the account's adapters and of the in-memory ones,
so that a test counts over memory what an account bills. What no step does often (making containers, signing addresses,
trying again) is not counted. See docs/cost.md.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast

from shared.domain.cost import Operation
from shared.storage.batches import batches, key_batches
from shared.storage.ports import BlobFacts, BlobStore, QueueStore
from shared.storage.table import MAX_PAGE_SIZE, Row, Table
from shared.telemetry.cost_meter import count

Blobs = TypeVar("Blobs", bound=BlobStore)
Queues = TypeVar("Queues", bound=QueueStore)
T = TypeVar("T")

LIST_PAGE_SIZE = 5000
"""The largest number of blobs in one answer of the service."""

_BLOB_REQUESTS: Mapping[str, tuple[Operation, ...]] = {
    "facts": (Operation.BLOB_OTHER,),
    "staged_blocks": (Operation.BLOB_OTHER,),
    "commit_blocks": (Operation.BLOB_WRITE, Operation.BLOB_OTHER),
    "note_sha256": (Operation.BLOB_OTHER,),
    "delete": (Operation.BLOB_DELETE,),
    "discard": (Operation.BLOB_WRITE, Operation.BLOB_OTHER, Operation.BLOB_DELETE),
    "snapshot": (Operation.BLOB_WRITE,),
}
"""The requests of each method that moves no content."""

_QUEUE_REQUESTS: Mapping[str, tuple[Operation, ...]] = {
    "send": (Operation.QUEUE_SEND,),
    "receive": (Operation.QUEUE_RECEIVE,),
    "withdraw": (Operation.QUEUE_DELETE,),
    "release": (Operation.QUEUE_OTHER,),
    "facts": (Operation.QUEUE_OTHER,) * 3,
}


class MeteredTable:
    """A `Table` in front of another one."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def insert(self, row: Row) -> str:
        count(Operation.TABLE_WRITE)
        return self._table.insert(row)

    def get(self, partition: str, key: str) -> Row:
        count(Operation.TABLE_READ)
        return self._table.get(partition, key)

    def replace(self, row: Row, etag: str) -> str:
        count(Operation.TABLE_WRITE)
        return self._table.replace(row, etag)

    def upsert(self, row: Row) -> None:
        count(Operation.TABLE_WRITE)
        self._table.upsert(row)

    def delete(self, partition: str, key: str, etag: str) -> None:
        count(Operation.TABLE_DELETE)
        self._table.delete(partition, key, etag)

    def upsert_many(self, rows: Iterable[Row]) -> None:
        listed = list(rows)
        count(Operation.TABLE_BATCH, sum(1 for _ in batches(listed)))
        self._table.upsert_many(listed)

    def delete_many(self, partition: str, keys: Iterable[str]) -> None:
        listed = list(keys)
        count(Operation.TABLE_BATCH, sum(1 for _ in key_batches(listed)))
        self._table.delete_many(partition, listed)

    def scan(
        self,
        partition: str,
        *,
        after: str = "",
        before: str | None = None,
        where: Mapping[str, Collection[str]] | None = None,
        select: Collection[str] | None = None,
        page_size: int = MAX_PAGE_SIZE,
    ) -> Iterator[Row]:
        rows = self._table.scan(partition, after=after, before=before, where=where, select=select, page_size=page_size)
        return _pages(rows, Operation.TABLE_QUERY, min(page_size, MAX_PAGE_SIZE))

    def scan_partitions(self, prefix: str, *, where: Mapping[str, Collection[str]] | None = None) -> Iterator[Row]:
        return _pages(self._table.scan_partitions(prefix, where=where), Operation.TABLE_QUERY, MAX_PAGE_SIZE)


class _MeteredQueues:
    """A `QueueStore` in front of another one, which shows everything else that one has."""

    def __init__(self, queues: QueueStore) -> None:
        self._queues = queues

    def __getattr__(self, name: str) -> Any:
        return _counted(getattr(self._queues, name), _QUEUE_REQUESTS.get(name, ()))


class _MeteredBlobs:
    """A `BlobStore` in front of another one, which shows everything else that one has."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def __getattr__(self, name: str) -> Any:
        return _counted(getattr(self._blobs, name), _BLOB_REQUESTS.get(name, ()))

    def read_range(self, container: str, name: str, offset: int, length: int, etag: str | None = None) -> bytes:
        if length > 0:
            count(Operation.BLOB_READ)
        return _read(self._blobs.read_range(container, name, offset, length, etag))

    def read(self, container: str, name: str) -> bytes:
        count(Operation.BLOB_READ)
        return _read(self._blobs.read(container, name))

    def chunks(self, container: str, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        count(Operation.BLOB_OTHER)
        for chunk in self._blobs.chunks(container, name, offset=offset, length=length):
            count(Operation.BLOB_READ, read=len(chunk))
            yield chunk

    def write(self, container: str, name: str, data: bytes, content_type: str, *, etag: str | None = None) -> BlobFacts:
        count(Operation.BLOB_WRITE, written=len(data))
        return self._blobs.write(container, name, data, content_type, etag=etag)

    def stage_block(self, container: str, name: str, index: int, data: bytes) -> None:
        count(Operation.BLOB_WRITE, written=len(data))
        self._blobs.stage_block(container, name, index, data)

    def listing(self, container: str, prefix: str) -> Iterator[BlobFacts]:
        return _pages(self._blobs.listing(container, prefix), Operation.BLOB_LIST, LIST_PAGE_SIZE)


def metered_blobs(blobs: Blobs) -> Blobs:
    """Return the same blobs, whose requests are counted."""
    return cast(Blobs, _MeteredBlobs(blobs))


def metered_queues(queues: Queues) -> Queues:
    """Return the same queues, whose requests are counted."""
    return cast(Queues, _MeteredQueues(queues))


def _counted(found: Any, operations: tuple[Operation, ...]) -> Any:
    if not operations:
        return found

    def counted(*arguments: Any, **more: Any) -> Any:
        for operation in operations:
            count(operation)
        return found(*arguments, **more)

    return counted


def _read(found: bytes) -> bytes:
    """Count the bytes of an answer, and return it."""
    count(Operation.BLOB_READ, 0, read=len(found))
    return found


def _pages(items: Iterator[T], operation: Operation, page_size: int) -> Iterator[T]:
    """Yield the items; count one request when the first is asked for, and one after each full page."""
    count(operation)
    for number, item in enumerate(items, start=1):
        yield item
        if number % page_size == 0:
            count(operation)
