"""Declare what the pipeline needs of storage: small Protocols, implemented by Azure Storage and the in-memory twin.

Names of containers and queues are here, and the layout of blob names. Nothing here depends on Azure.
Any method may raise StorageUnavailable when the storage does not answer. One that returns a single row may raise
RowOfLaterRelease or UnreadableRow; one that scans many logs and skips such rows, unless it says otherwise.

The modules of this package have one kind of store each; the other packages import from here.
"""

from shared.storage.ports.blobs import (
    CHUNK_BYTES,
    CLOCKS_DIFFER_BY,
    RESULTS,
    SOURCES,
    WORK,
    BlobFacts,
    BlobStore,
    inline,
    sizes_up_to_first_gap,
)
from shared.storage.ports.jobs import ChooseJobs, JobStore, PaceStore, StepRunStore
from shared.storage.ports.queues import MAX_DELAY, DeadLetterStore, QueueFacts, QueueStore, Received, poison_queue
from shared.storage.ports.sessions import RemovalStore, SessionStore, UploadStore
from shared.storage.ports.storage import Storage
from shared.storage.ports.stored import Page, Stored
from shared.storage.ports.tasks import DeliveryStore, IdempotencyStore, ScheduleStore, TaskStore
from shared.storage.ports.texts import SearchIndex, TranscriptVersionStore, VocabularyStore

__all__ = [
    "CHUNK_BYTES",
    "CLOCKS_DIFFER_BY",
    "MAX_DELAY",
    "RESULTS",
    "SOURCES",
    "WORK",
    "BlobFacts",
    "BlobStore",
    "ChooseJobs",
    "DeadLetterStore",
    "DeliveryStore",
    "IdempotencyStore",
    "JobStore",
    "PaceStore",
    "Page",
    "QueueFacts",
    "QueueStore",
    "Received",
    "RemovalStore",
    "ScheduleStore",
    "SearchIndex",
    "SessionStore",
    "StepRunStore",
    "Storage",
    "Stored",
    "TaskStore",
    "TranscriptVersionStore",
    "UploadStore",
    "VocabularyStore",
    "inline",
    "poison_queue",
    "sizes_up_to_first_gap",
]
