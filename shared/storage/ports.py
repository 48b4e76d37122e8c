"""What the pipeline asks of storage: small Protocols, held by Azure Storage and by the in-memory twin alike.

Names of containers and queues stand here, and the layout of blob names. Nothing here knows of Azure.
Any method may raise StorageUnavailable when the storage does not answer.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, takewhile
from typing import Generic, Protocol, TypeVar

from shared.domain.dead_letter import DeadLetter
from shared.domain.event import Event
from shared.domain.idempotency import IdempotencyRecord
from shared.domain.job import Job
from shared.domain.message import Message, Receipt
from shared.domain.removal import Removal
from shared.domain.schedule import Schedule
from shared.domain.search.transcript import IndexedTranscript, Passage, Posting, PostingKey
from shared.domain.session import Session, Upload
from shared.domain.stage import Stage
from shared.domain.step_run import StepRun
from shared.domain.task import Task
from shared.domain.webhook import WebhookDelivery
from shared.job_status import JobStatus

SOURCES = "sources"
"""Recordings as they came: `{orgId}/{sessionId}/{file name}`."""

WORK = "work"
"""What stages hand each other: `{orgId}/{sessionId}/{jobId}/…`."""

RESULTS = "results"
"""Artefacts: `{orgId}/{sessionId}/{jobId}/…`."""

CLOCKS_DIFFER_BY = timedelta(minutes=5)
"""An address that was just signed works for a storage whose clock is slow by so much."""

CHUNK_BYTES = 4 * 1024**2
"""How much of a blob `chunks` gives at once, in bytes."""

MAX_DELAY = timedelta(days=6)
"""A message lives seven days, and must become visible before."""

T = TypeVar("T")


def poison_queue(name: str) -> str:
    """Where the host puts the messages of a queue that it gave up on."""
    return f"{name}-poison"


def sizes_up_to_first_gap(sizes: Mapping[int, int]) -> Sequence[int]:
    """The sizes of blocks 0, 1, … up to the first that is missing."""
    return [sizes[index] for index in takewhile(sizes.__contains__, count())]


def inline(file_name: str | None) -> str | None:
    """The header Content-Disposition that lets a browser show a file, and save it under this name."""
    return f'inline; filename="{file_name}"' if file_name else None


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A value as it was read, with the ETag that a conditional write needs."""

    value: T
    etag: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, newest first, and the opaque cursor of the next page (None on the last)."""

    items: Sequence[T]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class BlobFacts:
    """A blob's name within its container, size in bytes, content type, the SHA-256 that its writer noted, and when it
    was last written."""

    name: str
    size_bytes: int
    content_type: str
    sha256: str | None
    etag: str
    written_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """A queue's approximate number of messages, its dead letters' number, and the oldest visible message's age."""

    name: str
    waiting: int
    poison: int
    oldest_sec: float | None


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was taken from a queue and is hidden from others for a while."""

    body: bytes
    receipt: Receipt


class JobStore(Protocol):
    """Jobs and their event logs."""

    def create(self, job: Job) -> Stored[Job]:
        """Inserts the job and its first event; raises WriteConflict when the id is taken, and InvalidRequest when the
        options are longer than a row can hold (32,768 characters of JSON)."""

    def get(self, org_id: str, job_id: str) -> Stored[Job]:
        """Raises NotFound."""

    def update(self, stored: Stored[Job], job: Job) -> Stored[Job]:
        """Replaces the job if nobody else did since it was read (else WriteConflict), and logs its event.

        The event of `stored` is written (again) first: a log without gaps, whoever died in between. A job that ended
        is no longer active; one that begins again is. Raises NotFound when the row was deleted.
        """

    def page(
        self,
        org_id: str,
        *,
        limit: int,
        cursor: str | None = None,
        session_id: str | None = None,
        active: bool | None = None,
        status: JobStatus | None = None,
    ) -> Page[Job]:
        """An organisation's jobs that fit all that is asked, newest first; raises InvalidRequest for a cursor that is
        none of ours. Jobs that are added meanwhile do not shift the pages that follow."""

    def all_active(self) -> Iterator[Job]:
        """Every organisation's jobs that have not ended; sets right what writers that died left of it."""

    def active_sequences(self, org_id: str) -> Mapping[str, int]:
        """The number of the latest event of each of the organisation's active jobs, by job id, in one query.

        The number of a job whose writer has just died may be too low until `all_active` has passed by.
        """

    def count_by_status(self, org_id: str) -> Mapping[JobStatus, int]:
        """How many of the organisation's jobs are in each status; reads that column of all its rows."""

    def events(self, org_id: str, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """Up to `limit` events with a number above `after`, in order, without gaps; to the job's latest if the limit
        allows. Raises NotFound."""

    def ids_of_session(self, org_id: str, session_id: str) -> Sequence[str]:
        """The session's jobs, newest first, with those whose making or deletion broke off."""

    def delete(self, org_id: str, session_id: str, job_id: str) -> int:
        """Deletes whatever is there of the job, and its event log; last of all what `ids_of_session` finds it by.
        Returns how many rows they were."""


class StepRunStore(Protocol):
    """The steps of jobs."""

    def create(self, part: StepRun) -> Stored[StepRun]:
        """Inserts the part, or returns the one that is there."""

    def get(self, part: StepRun) -> Stored[StepRun]:
        """The row of the part with the same job, stage, step and number; raises NotFound."""

    def update(self, stored: Stored[StepRun], part: StepRun) -> Stored[StepRun]:
        """Replaces the part if nobody else did since it was read; else WriteConflict."""

    def of_job(self, job_id: str, stage: Stage | None = None) -> Sequence[Stored[StepRun]]:
        """All parts of a job, or of one of its stages, by stage and step in the order in which they happen, and by
        number."""

    def delete_of(self, job_id: str) -> int:
        """Deletes all parts of a job; returns how many there were."""


class SessionStore(Protocol):
    """Sessions."""

    def create(self, session: Session) -> Stored[Session]:
        """Inserts the session; raises WriteConflict when the id is taken, and InvalidRequest when the metadata are
        longer than a row can hold (32,768 characters of JSON)."""

    def get(self, org_id: str, session_id: str, *, even_deleted: bool = False) -> Stored[Session]:
        """Raises NotFound, also for a session that is being removed unless it may be `even_deleted`."""

    def update(self, stored: Stored[Session], session: Session) -> Stored[Session]:
        """Replaces the session if nobody else did since it was read; else WriteConflict."""

    def page(self, org_id: str, *, limit: int, cursor: str | None = None) -> Page[Session]:
        """An organisation's sessions, newest first; cursors as for jobs."""

    def delete(self, stored: Stored[Session]) -> None:
        """Deletes the session if it is there; raises WriteConflict when someone else changed it since it was read."""

    def all(self) -> Iterator[Session]:
        """Every organisation's sessions, those that are being removed among them; reads them all."""

    def keys(self) -> Iterator[tuple[str, str]]:
        """Organisation and id of every session's row, unreadable ones among them; reads them all."""


class UploadStore(Protocol):
    """Uploads that were announced."""

    def create(self, upload: Upload) -> Stored[Upload]:
        """Inserts the upload; raises WriteConflict when the id is taken."""

    def get(self, org_id: str, upload_id: str) -> Stored[Upload]:
        """Raises NotFound."""

    def update(self, stored: Stored[Upload], upload: Upload) -> Stored[Upload]:
        """Replaces the upload if nobody else did since it was read; else WriteConflict."""

    def expired(self, now: datetime) -> Iterator[Stored[Upload]]:
        """Every organisation's uploads whose address has stopped working, committed or not."""

    def delete(self, stored: Stored[Upload]) -> None:
        """Deletes the upload if it is there; raises WriteConflict when someone else changed it since it was read."""


class IdempotencyStore(Protocol):
    """Requests that came with an idempotency key."""

    def claim(self, record: IdempotencyRecord) -> Stored[IdempotencyRecord]:
        """Inserts the record; raises WriteConflict when its organisation has used the key on its route already."""

    def get(self, org_id: str, route: str, key: str) -> Stored[IdempotencyRecord]:
        """Raises NotFound."""

    def update(self, stored: Stored[IdempotencyRecord], record: IdempotencyRecord) -> Stored[IdempotencyRecord]:
        """Replaces the record; raises WriteConflict when somebody else changed or deleted it since it was read."""

    def delete(self, stored: Stored[IdempotencyRecord]) -> None:
        """Deletes the record if it is there; raises WriteConflict when somebody else changed it since it was read."""

    def about(self, org_id: str, ids: Collection[str]) -> Iterator[Stored[IdempotencyRecord]]:
        """The organisation's records of requests that were about one of these sessions, jobs or uploads, or make one
        of them."""

    def expired(self, now: datetime) -> Iterator[Stored[IdempotencyRecord]]:
        """Every organisation's records that nobody needs any more; reads them all."""


class TaskStore(Protocol):
    """Background jobs' calls."""

    def create(self, task: Task) -> Stored[Task]:
        """Inserts the task; raises WriteConflict when the id is taken, and InvalidRequest when the arguments are longer
        than a row can hold (32,768 characters of JSON)."""

    def get(self, task_id: str) -> Stored[Task]:
        """Raises NotFound."""

    def update(self, stored: Stored[Task], task: Task) -> Stored[Task]:
        """Replaces the task if nobody else did since it was read (else WriteConflict); raises NotFound when it is
        gone."""

    def delete(self, stored: Stored[Task]) -> None:
        """Deletes the task if it is there; raises WriteConflict when someone else changed it since it was read."""

    def to_look_at(self, limit: int) -> Iterator[Stored[Task]]:
        """Iterate over the running tasks without a `look_at`, then over those whose `look_at` has come, up to `limit`,
        the longest due first; each as it is when taken."""


class ScheduleStore(Protocol):
    """Background jobs' calls that recur."""

    def create(self, schedule: Schedule) -> Stored[Schedule]:
        """Inserts the schedule; raises WriteConflict when the organisation has one with this id, and InvalidRequest
        when the arguments are longer than a row can hold."""

    def get(self, org_id: str, schedule_id: str) -> Stored[Schedule]:
        """Raises NotFound."""

    def update(self, stored: Stored[Schedule], schedule: Schedule) -> Stored[Schedule]:
        """Replaces the schedule if nobody else did since it was read (else WriteConflict); raises NotFound."""

    def delete(self, stored: Stored[Schedule]) -> None:
        """Deletes the schedule if it is there; raises WriteConflict when someone else changed it since it was read."""

    def page(self, org_id: str, name: str, *, limit: int, cursor: str | None = None) -> Page[Schedule]:
        """An organisation's schedules of the job with this name, by id; cursors as for jobs."""

    def due(self, limit: int, limit_per_org: int) -> Iterator[Stored[Schedule]]:
        """Of all schedules whose `next_run_at` has come, up to `limit` and so many of each organisation, the longest
        due first, each as it is when taken."""


class DeadLetterStore(Protocol):
    """What was given up."""

    def keep(self, letter: DeadLetter) -> None:
        """Writes the letter; keeping it again changes nothing."""

    def of_queue(self, org_id: str, queue: str) -> Iterator[Stored[DeadLetter]]:
        """An organisation's letters from a queue, newest first."""

    def kept_before(self, at: datetime) -> Iterator[Stored[DeadLetter]]:
        """Every organisation's letters from before that time; reads them all."""

    def delete(self, stored: Stored[DeadLetter]) -> None:
        """Deletes the letter if it is there."""


class DeliveryStore(Protocol):
    """Webhooks' deliveries."""

    def keep(self, delivery: WebhookDelivery) -> None:
        """Writes the delivery, in place of what was known of it."""

    def of_job(self, job_id: str, *, page_size: int = 100) -> Iterator[WebhookDelivery]:
        """A job's deliveries, newest first, fetched `page_size` at a time as they are asked for."""

    def delete_of(self, job_id: str) -> int:
        """Deletes all deliveries of a job; returns how many there were."""


class RemovalStore(Protocol):
    """What is kept of deleted sessions."""

    def create(self, removal: Removal) -> Stored[Removal]:
        """Inserts the removal, or returns the one that is there."""

    def get(self, org_id: str, removal_id: str) -> Stored[Removal]:
        """Raises NotFound."""

    def update(self, stored: Stored[Removal], removal: Removal) -> Stored[Removal]:
        """Replaces the removal if nobody else did since it was read; else WriteConflict."""

    def page(self, org_id: str, *, limit: int, cursor: str | None = None) -> Page[Removal]:
        """An organisation's removals, newest first; cursors as for jobs."""

    def kept_before(self, at: datetime) -> Iterator[Stored[Removal]]:
        """Every organisation's removals that were asked for before that time; reads them all."""

    def delete(self, stored: Stored[Removal]) -> None:
        """Deletes the removal if it is there; raises WriteConflict when someone else changed it since it was read."""


class SearchIndex(Protocol):
    """Which tokens the organisations' transcripts have, and where. Each job's transcript stands for itself."""

    def put(self, transcript: IndexedTranscript) -> None:
        """Writes the job's transcript in place of what is there of it. Until it returns, only a part may be found."""

    def jobs(self, org_id: str, session_id: str) -> Collection[str]:
        """The session's jobs of which anything was put and not removed."""

    def remove(self, org_id: str, session_id: str, job_id: str) -> int:
        """Removes what was put of the job; returns how many rows that were."""

    def withdraw(self, transcript: IndexedTranscript) -> None:
        """Removes what `put` writes of the transcript, also when others have removed some of it at the same time."""

    def postings(
        self, org_id: str, token: str, *, limit: int, start: PostingKey = ("", ""), session_id: str | None = None
    ) -> Sequence[Posting]:
        """Up to `limit` transcripts that have the token, of all sessions or of one, by key, from `start` on: newest
        sessions first. One request."""

    def passages(self, org_id: str, session_id: str, job_id: str, numbers: range) -> Sequence[Passage]:
        """Those of the transcript's passages that are there, in order. One request for a few of them."""


class BlobStore(Protocol):
    """Containers of blobs. Names are paths with `/`. Blobs are written whole: nobody sees a part of one."""

    def facts(self, container: str, name: str) -> BlobFacts | None:
        """None when there is no such blob."""

    def read_range(self, container: str, name: str, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset` in one request; fewer at the end, none behind it; raises NotFound."""

    def read(self, container: str, name: str) -> bytes:
        """A small blob whole; raises NotFound."""

    def chunks(self, container: str, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The blob, or a range of it, in pieces of CHUNK_BYTES. When a piece is taken, raises NotFound, or
        WriteConflict when the blob was written anew since the first piece."""

    def write(self, container: str, name: str, data: bytes, content_type: str) -> BlobFacts:
        """Writes a small blob whole, over what was there, noting its SHA-256."""

    def stage_block(self, container: str, name: str, index: int, data: bytes) -> None:
        """Puts block `index` (0 to 49,999) of a blob in the making; staging it again replaces it."""

    def staged_blocks(self, container: str, name: str) -> Sequence[int]:
        """The sizes in bytes of the blocks staged and not committed, from index 0 up to the first missing one."""

    def commit_blocks(self, container: str, name: str, count: int, content_type: str) -> BlobFacts:
        """Makes the blob of blocks 0 to count - 1, each as it was staged or else as it was committed last, so that
        committing again makes the same blob; raises WriteConflict when a block is in neither state. Its SHA-256 is to
        be noted afterwards."""

    def note_sha256(self, container: str, name: str, sha256: str) -> None:
        """Notes a blob's SHA-256 (hexadecimal) with the blob; raises NotFound."""

    def listing(self, container: str, prefix: str) -> Iterator[BlobFacts]:
        """All blobs whose names start with the prefix, by name."""

    def delete(self, container: str, name: str, etag: str | None = None) -> None:
        """Deletes the blob if it is there, and if it still has the ETag, where one is given."""

    def discard(self, container: str, name: str) -> None:
        """Deletes the blob if it is there, and the blocks that were staged for it."""

    def read_url(
        self,
        container: str,
        name: str,
        valid_for: timedelta,
        *,
        content_type: str | None = None,
        file_name: str | None = None,
    ) -> str:
        """A short-lived address that allows reading this blob and nothing else. The answer has this content type, and
        asks to be shown, and to be saved under this name (ASCII without quotes); as the blob has them for None."""

    def upload_url(self, container: str, name: str, valid_for: timedelta) -> str:
        """A short-lived address that allows creating and writing this blob and nothing else."""


class QueueStore(Protocol):
    """Queues."""

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        """Enqueues a message to its queue, visible after the delay, which may be up to MAX_DELAY."""

    def withdraw(self, receipt: Receipt) -> bool:
        """Takes a message back, if nobody has received it since; whether it was there to be taken."""

    def receive(self, queue: str, limit: int, hidden_for: timedelta) -> Sequence[Received]:
        """Takes up to `limit` (at most 32) visible messages and hides them from others; `withdraw` deletes one for
        good. It is the host that receives; this is for the queues of dead letters."""

    def release(self, receipt: Receipt) -> None:
        """Makes a received message visible again, if nobody else has received it since."""

    def facts(self, queue: str) -> QueueFacts:
        """How long the queue is."""


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
    search: SearchIndex
    blobs: BlobStore
    queues: QueueStore
