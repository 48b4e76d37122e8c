"""The in-memory twin of the storage account: the same tables' logic over rows in memory, and blobs and queues beside.

The contract tests run over both; unit tests use this one, and may look into its queues.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.storage.dead_letter_table import DeadLetterTable
from shared.storage.delivery_table import DeliveryTable
from shared.storage.idempotency_table import IdempotencyTable
from shared.storage.job_table import JobTable
from shared.storage.memory_blobs import MemoryBlobs
from shared.storage.memory_queues import MemoryQueues
from shared.storage.memory_table import MemoryTable
from shared.storage.ports import Storage
from shared.storage.removal_table import RemovalTable
from shared.storage.schedule_table import ScheduleTable
from shared.storage.search_table import SearchTable
from shared.storage.session_table import SessionTable
from shared.storage.step_run_table import StepRunTable
from shared.storage.task_table import TaskTable
from shared.storage.upload_table import UploadTable


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, init=False)
class MemoryStorage(Storage):
    """Everything that keeps things, as long as this object lives; `clock` tells when delayed messages can be seen."""

    blobs: MemoryBlobs
    queues: MemoryQueues

    def __init__(self, clock: Callable[[], datetime] = _utc_now) -> None:
        def table() -> MemoryTable:
            return MemoryTable(clock)

        Storage.__init__(
            self,
            jobs=JobTable(jobs=table(), index=table(), events=table(), clock=clock),
            step_runs=StepRunTable(table()),
            sessions=SessionTable(table()),
            uploads=UploadTable(table()),
            idempotency=IdempotencyTable(table()),
            tasks=TaskTable(table(), table(), clock),
            schedules=ScheduleTable(table(), table(), clock),
            dead_letters=DeadLetterTable(table()),
            deliveries=DeliveryTable(table()),
            removals=RemovalTable(table()),
            search=SearchTable(words=table(), passages=table()),
            blobs=MemoryBlobs(clock),
            queues=MemoryQueues(clock),
        )
