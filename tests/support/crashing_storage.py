"""In-memory storage whose process can be killed before any write, and that can be put back to an earlier state.

Apart from the harnesses, because every suite of crash tests uses it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.message import Message, Receipt
from shared.storage.memory import MemoryStorage
from shared.storage.memory_blobs import MemoryBlobs, _Blob
from shared.storage.memory_queues import MemoryQueues, _Entry
from shared.storage.memory_table import MemoryTable
from shared.storage.ports import BlobFacts
from shared.storage.table import Row

BlobKey = tuple[str, str]
BlobState = tuple[dict[BlobKey, _Blob], dict[BlobKey, dict[int, bytes]]]
"""Blobs by container and name, and the blocks that are staged for each."""


class ProcessKilled(BaseException):
    """The process ends at this point: no handler of the product may catch this."""


@dataclass
class CrashPoint:
    """Kills the process before its n-th write from now on."""

    left: int | None = None
    """How many writes are left, the fatal one included; None: no crash."""

    for_good: bool = False
    """Refuse every later write, too: for code whose handlers still run after the crash, as those of a request do."""

    writes: int = 0
    """How many writes were tried so far."""

    def before_write(self) -> None:
        self.writes += 1
        if self.left is not None:
            self.left -= 1
            if self.left == 0 or (self.for_good and self.left < 0):
                raise ProcessKilled

    def crashes_at(self, write: int, work: Callable[[], object]) -> bool:
        """Do the work until the write; return whether it got that far."""
        self.left = write
        try:
            work()
        except ProcessKilled:
            return True
        finally:
            self.left = None
        return False


@dataclass
class RandomCrashPoint(CrashPoint):
    """Kills the process before each write with some probability, as long as it is `active`."""

    chance: float = 0.0
    dice: random.Random = field(default_factory=random.Random)
    active: bool = True

    def before_write(self) -> None:
        if self.active and self.dice.random() < self.chance:
            raise ProcessKilled


class CrashingTable(MemoryTable):
    """A table whose writer may crash before any write."""

    def __init__(self, clock: Callable[[], datetime], crash_point: CrashPoint) -> None:
        super().__init__(clock)
        self._crash_point = crash_point

    def insert(self, row: Row) -> str:
        self._crash_point.before_write()
        return super().insert(row)

    def replace(self, row: Row, etag: str) -> str:
        self._crash_point.before_write()
        return super().replace(row, etag)

    def upsert(self, row: Row) -> None:
        self._crash_point.before_write()
        super().upsert(row)

    def delete(self, partition: str, key: str, etag: str) -> None:
        self._crash_point.before_write()
        super().delete(partition, key, etag)

    def size(self) -> int:
        return len(self._rows)

    def snapshot(self) -> dict[tuple[str, str], Row]:
        return dict(self._rows)

    def restore(self, rows: dict[tuple[str, str], Row]) -> None:
        self._rows = dict(rows)
        self._sorted_keys = sorted(rows)


class CrashingQueues(MemoryQueues):
    """Queues whose sender may crash before a message is sent."""

    def __init__(self, clock: Callable[[], datetime], crash_point: CrashPoint) -> None:
        super().__init__(clock)
        self._crash_point = crash_point

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        self._crash_point.before_write()
        return super().send(message, delay)

    def snapshot(self) -> list[_Entry]:
        return list(self._entries)

    def restore(self, entries: list[_Entry]) -> None:
        self._entries = list(entries)


class CrashingBlobs(MemoryBlobs):
    """Blobs whose writer may crash before any write."""

    def __init__(self, clock: Callable[[], datetime], crash_point: CrashPoint) -> None:
        super().__init__(clock)
        self._crash_point = crash_point

    def write(self, container: str, name: str, data: bytes, content_type: str, *, etag: str | None = None) -> BlobFacts:
        self._crash_point.before_write()
        return super().write(container, name, data, content_type, etag=etag)

    def stage_block(self, container: str, name: str, index: int, data: bytes) -> None:
        self._crash_point.before_write()
        super().stage_block(container, name, index, data)

    def commit_blocks(
        self, container: str, name: str, count: int, content_type: str, *, first: int = 0, etag: str | None = None
    ) -> BlobFacts:
        self._crash_point.before_write()
        return super().commit_blocks(container, name, count, content_type, first=first, etag=etag)

    def delete(self, container: str, name: str, etag: str | None = None) -> None:
        self._crash_point.before_write()
        super().delete(container, name, etag)

    def discard(self, container: str, name: str) -> None:
        self._crash_point.before_write()
        super().discard(container, name)

    def state(self) -> BlobState:
        return dict(self._blobs), {key: dict(blocks) for key, blocks in self._staged.items()}

    def restore(self, kept: BlobState) -> None:
        self._blobs, self._staged = dict(kept[0]), {key: dict(blocks) for key, blocks in kept[1].items()}


@dataclass(frozen=True)
class StorageSnapshot:
    """Everything that the storage held at one moment."""

    tables: dict[str, dict[tuple[str, str], Row]]
    queues: list[_Entry]
    blobs: BlobState


class CrashingStorage:
    """A storage account in memory, over one crash point."""

    def __init__(self, clock: Callable[[], datetime], crash_point: CrashPoint) -> None:
        self.tables: dict[str, CrashingTable] = {}
        self.queues = CrashingQueues(clock, crash_point)
        self.blobs = CrashingBlobs(clock, crash_point)

        def table(name: str) -> CrashingTable:
            return self.tables.setdefault(name, CrashingTable(clock, crash_point))

        self.storage = MemoryStorage(clock, table)
        object.__setattr__(self.storage, "queues", self.queues)
        object.__setattr__(self.storage, "blobs", self.blobs)

    def snapshot(self) -> StorageSnapshot:
        """Return the state of now; rows and blobs are immutable, so that this is cheap."""
        tables = {name: table.snapshot() for name, table in self.tables.items()}
        return StorageSnapshot(tables, self.queues.snapshot(), self.blobs.state())

    def restore(self, snapshot: StorageSnapshot) -> None:
        for name, rows in snapshot.tables.items():
            self.tables[name].restore(rows)
        self.queues.restore(snapshot.queues)
        self.blobs.restore(snapshot.blobs)


def every_crash(scenario: Callable[[int], bool], *, at_most: int = 400) -> int:
    """Call the scenario with 1, 2, … until it says that the crash did not come; return how many came."""
    for crash_at in range(1, at_most):
        if not scenario(crash_at):
            assert crash_at > 2, "there are no writes to crash before"
            return crash_at - 1
    raise AssertionError("there are too many writes")
