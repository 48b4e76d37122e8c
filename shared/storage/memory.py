"""The in-memory twin of the storage account: the same tables' logic over rows in memory, and blobs and queues beside.

The contract tests run over both; unit tests use this one, and may look into its queues.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from shared.storage.dead_letter_table import DeadLetterTable
from shared.storage.delivery_table import DeliveryTable
from shared.storage.idempotency_table import IdempotencyTable
from shared.storage.job_table import JobTable
from shared.storage.memory_blobs import MemoryBlobs
from shared.storage.memory_queues import MemoryQueues
from shared.storage.memory_table import MemoryTable
from shared.storage.metered import MeteredTable, metered_blobs, metered_queues
from shared.storage.pace_table import PaceTable
from shared.storage.ports import Storage
from shared.storage.removal_table import RemovalTable
from shared.storage.schedule_table import ScheduleTable
from shared.storage.search_table import SearchTable
from shared.storage.session_table import SessionTable
from shared.storage.step_run_table import StepRunTable
from shared.storage.table import Table
from shared.storage.task_table import TaskTable
from shared.storage.transcript_version_table import TranscriptVersionTable
from shared.storage.upload_table import UploadTable
from shared.storage.vocabulary_table import VocabularyTable


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, init=False)
class MemoryStorage(Storage):
    """Everything that keeps things, as long as this object lives; `clock` tells when delayed messages can be seen.

    `table` gives the table of a name as in the account, for a test that fills it, or that makes its writes fail.
    """

    blobs: MemoryBlobs
    queues: MemoryQueues

    def __init__(self, clock: Callable[[], datetime] = _utc_now, table: Callable[[str], Table] | None = None) -> None:
        rows_of = table or cache(lambda name: MemoryTable(clock))

        def named(name: str) -> Table:
            return MeteredTable(rows_of(name))

        Storage.__init__(
            self,
            jobs=JobTable(jobs=named("jobs"), index=named("jobindex"), events=named("events"), clock=clock),
            step_runs=StepRunTable(named("parts")),
            sessions=SessionTable(named("sessions")),
            uploads=UploadTable(named("uploads")),
            idempotency=IdempotencyTable(named("idempotency")),
            tasks=TaskTable(named("tasks"), named("timeindex"), clock),
            schedules=ScheduleTable(named("schedules"), named("timeindex"), clock),
            dead_letters=DeadLetterTable(named("deadletters")),
            deliveries=DeliveryTable(named("deliveries")),
            removals=RemovalTable(named("removals")),
            vocabularies=VocabularyTable(named("vocabularies")),
            transcript_versions=TranscriptVersionTable(named("transcriptversions")),
            paces=PaceTable(named("paces")),
            search=SearchTable(words=named("words"), passages=named("passages")),
            blobs=metered_blobs(MemoryBlobs(clock)),
            queues=metered_queues(MemoryQueues(clock)),
        )
