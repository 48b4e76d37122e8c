"""Declare the storage account: every store together."""

from dataclasses import dataclass

from shared.storage.ports.blobs import BlobStore
from shared.storage.ports.jobs import JobStore, PaceStore, StepRunStore
from shared.storage.ports.queues import DeadLetterStore, QueueStore
from shared.storage.ports.sessions import RemovalStore, SessionStore, UploadStore
from shared.storage.ports.tasks import DeliveryStore, IdempotencyStore, ScheduleStore, TaskStore
from shared.storage.ports.texts import SearchIndex, TranscriptVersionStore, VocabularyStore


@dataclass(frozen=True, slots=True)
class Storage:
    """Everything that keeps things."""

    jobs: JobStore
    step_runs: StepRunStore
    sessions: SessionStore
    uploads: UploadStore
    idempotency: IdempotencyStore
    tasks: TaskStore
    schedules: ScheduleStore
    dead_letters: DeadLetterStore
    deliveries: DeliveryStore
    removals: RemovalStore
    vocabularies: VocabularyStore
    transcript_versions: TranscriptVersionStore
    paces: PaceStore
    search: SearchIndex
    blobs: BlobStore
    queues: QueueStore
