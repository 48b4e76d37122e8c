"""Count what work costs: CPU time, wall time, bytes and storage operations, as a value that adds up.

Apart from `shared.telemetry.cost_meter`, which measures it, because rows and results keep it.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Operation(StrEnum):
    """A kind of request to storage, in the categories by which Azure bills them.

    https://learn.microsoft.com/azure/storage/blobs/map-rest-apis-transaction-categories
    """

    BLOB_READ = "blobRead"
    BLOB_WRITE = "blobWrite"
    """A blob, a block, a list of blocks or a snapshot."""
    BLOB_LIST = "blobList"
    BLOB_OTHER = "blobOther"
    """Properties, metadata and lists of blocks."""
    BLOB_DELETE = "blobDelete"
    """Free of charge."""
    TABLE_READ = "tableRead"
    """One row by its keys."""
    TABLE_QUERY = "tableQuery"
    """One page of rows."""
    TABLE_WRITE = "tableWrite"
    TABLE_DELETE = "tableDelete"
    TABLE_BATCH = "tableBatch"
    """Up to 100 rows of one partition in one request."""
    QUEUE_SEND = "queueSend"
    QUEUE_RECEIVE = "queueReceive"
    QUEUE_DELETE = "queueDelete"
    QUEUE_OTHER = "queueOther"


_KINDS: Mapping[str, Operation] = {str(kind): kind for kind in Operation}
"""The kinds by name, found out once: every row of a job and of a step is read with what it cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What some work cost."""

    cpu_sec: float = 0.0
    """CPU time of the process and of the processes that it started and that have ended, in seconds."""

    wall_sec: float = 0.0
    """The time that the work took, waiting for storage included, in seconds."""

    loading_sec: float = 0.0
    """The part of the wall time in which modules and models were loaded, in seconds: a worker keeps them for the next
    step."""

    bytes_read: int = 0
    """Bytes of blobs that were read."""

    bytes_written: int = 0
    """Bytes of blobs that were written."""

    operations: Mapping[Operation, int] = field(default_factory=dict)
    """Requests to storage by kind; kinds without any are left out."""

    def __add__(self, other: "Cost") -> "Cost":
        return self._with(other, 1)

    def __sub__(self, other: "Cost") -> "Cost":
        return self._with(other, -1)

    def _with(self, other: "Cost", sign: int) -> "Cost":
        kinds = self.operations.keys() | other.operations.keys()
        counts = {kind: self.operations.get(kind, 0) + sign * other.operations.get(kind, 0) for kind in kinds}
        return Cost(
            cpu_sec=self.cpu_sec + sign * other.cpu_sec,
            wall_sec=self.wall_sec + sign * other.wall_sec,
            loading_sec=self.loading_sec + sign * other.loading_sec,
            bytes_read=self.bytes_read + sign * other.bytes_read,
            bytes_written=self.bytes_written + sign * other.bytes_written,
            operations={kind: counts[kind] for kind in _KINDS.values() if counts.get(kind)},
        )

    @classmethod
    def total(cls, costs: Collection["Cost"]) -> "Cost":
        """Return the sum."""
        operations: Counter[Operation] = Counter()
        for each in costs:
            operations.update(each.operations)
        return cls(
            cpu_sec=sum(each.cpu_sec for each in costs),
            wall_sec=sum(each.wall_sec for each in costs),
            loading_sec=sum(each.loading_sec for each in costs),
            bytes_read=sum(each.bytes_read for each in costs),
            bytes_written=sum(each.bytes_written for each in costs),
            operations={kind: operations[kind] for kind in _KINDS.values() if operations[kind]},
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as a row keeps it: seconds to the millisecond, kinds by name, and nothing that is zero."""
        found = {
            "cpuSec": round(self.cpu_sec, 3),
            "wallSec": round(self.wall_sec, 3),
            "loadingSec": round(self.loading_sec, 3),
            "bytesRead": self.bytes_read,
            "bytesWritten": self.bytes_written,
            "operations": {str(kind): number for kind, number in self.operations.items()},
        }
        return {name: value for name, value in found.items() if value}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Cost":
        """Return what `to_json` wrote; kinds of a later release are left out."""
        if not found:
            return cls()
        counts = found.get("operations", {})
        return cls(
            cpu_sec=float(found.get("cpuSec", 0.0)),
            wall_sec=float(found.get("wallSec", 0.0)),
            loading_sec=float(found.get("loadingSec", 0.0)),
            bytes_read=int(found.get("bytesRead", 0)),
            bytes_written=int(found.get("bytesWritten", 0)),
            operations={_KINDS[name]: int(number) for name, number in counts.items() if name in _KINDS},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCost:
    """What a stage of a job cost until now."""

    steps: Cost = field(default_factory=Cost)
    """What the rows of its steps tell together, all attempts included."""

    moving_on: Cost = field(default_factory=Cost)
    """What its workers did after a step's row was written: noting progress, finishing the stage."""

    @property
    def total(self) -> Cost:
        """Return both together."""
        return self.steps + self.moving_on

    def to_json(self) -> dict[str, Any]:
        """Return it as a row keeps it."""
        found = {"steps": self.steps.to_json(), "movingOn": self.moving_on.to_json()}
        return {name: value for name, value in found.items() if value}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "StageCost":
        """Return what `to_json` wrote."""
        return cls(steps=Cost.from_json(found.get("steps", {})), moving_on=Cost.from_json(found.get("movingOn", {})))
