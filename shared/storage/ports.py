"""Declare what the pipeline needs of storage: small Protocols, implemented by Azure Storage and the in-memory twin.

Names of containers and queues are here, and the layout of blob names. Nothing here depends on Azure.
Any method may raise StorageUnavailable when the storage does not answer. One that returns a single row may raise
RowOfLaterRelease or UnreadableRow; one that scans many logs and skips such rows, unless it says otherwise.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, takewhile
from typing import Generic, Protocol, TypeAlias, TypeVar

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
from shared.domain.task import Task, TaskState
from shared.domain.transcript_version import TranscriptVersion
from shared.domain.turns import ActiveJob
from shared.domain.vocabulary import Vocabulary
from shared.domain.webhook import WebhookDelivery
from shared.job_status import JobStatus

SOURCES = "sources"
"""Recordings as they came: `{orgId}/{sessionId}/{file name}`."""

WORK = "work"
"""Intermediate files of stages: `{orgId}/{sessionId}/{jobId}/…`."""

RESULTS = "results"
"""Artefacts: `{orgId}/{sessionId}/{jobId}/…`."""

CLOCKS_DIFFER_BY = timedelta(minutes=5)
"""The difference to a storage with a slow clock for which a newly signed address still works."""

CHUNK_BYTES = 4 * 1024**2
"""The size of the pieces that `chunks` yields."""

MAX_DELAY = timedelta(days=6)
"""A message lives seven days, and must become visible before."""

T = TypeVar("T")

ChooseJobs: TypeAlias = Callable[[Sequence[ActiveJob]], Iterable[ActiveJob]]


def poison_queue(name: str) -> str:
    """Return where the host puts the messages of a queue that it gave up on."""
    return f"{name}-poison"


def sizes_up_to_first_gap(sizes: Mapping[int, int]) -> Sequence[int]:
    """Return the sizes of blocks 0, 1, … up to the first that is missing."""
    return [sizes[index] for index in takewhile(sizes.__contains__, count())]


def inline(file_name: str | None) -> str | None:
    """Return the header Content-Disposition that lets a browser show a file, and save it under this name."""
    return f'inline; filename="{file_name}"' if file_name else None


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A value as it was read."""

    value: T
    etag: str
    """The ETag that a conditional write needs."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, newest first."""

    items: Sequence[T]
    cursor: str | None
    """The opaque cursor of the next page; None on the last."""


@dataclass(frozen=True, slots=True)
class BlobFacts:
    """The facts of one blob."""

    name: str
    """The name within its container."""

    size_bytes: int
    content_type: str
    sha256: str | None
    """The SHA-256 (hexadecimal) that its writer noted."""

    etag: str
    written_at: datetime | None = field(default=None, compare=False)
    """When it was last written."""


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """The length of one queue."""

    name: str
    waiting: int
    """The approximate number of messages."""

    poison: int
    """The number of poison messages."""

    oldest_sec: float | None
    """The age of the oldest visible message in seconds."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was taken from a queue and is hidden from other receivers for a while."""

    body: bytes
    receipt: Receipt


class JobStore(Protocol):
    """Jobs and their event logs."""

    def create(self, job: Job) -> Stored[Job]:
        """Insert the job and its first event; raise WriteConflict when the id is taken, and InvalidRequest when the
        options are longer than a row can hold (32,768 characters of JSON)."""

    def get(self, org_id: str, job_id: str) -> Stored[Job]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[Job], job: Job) -> Stored[Job]:
        """Replace the job, and log its event; raise WriteConflict when it was changed since it was read.

        The event of `stored` is written (again) first, so that a crash in between leaves no gap in the log. A job that
        ended is no longer active; one that begins again is. Raise NotFound when the row was deleted.
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
        """Return an organisation's jobs that fit all that is asked, newest first; raise InvalidRequest for a cursor
        that is none of ours. Jobs that are added meanwhile do not shift the pages that follow."""

    def all_active(self, choose: ChooseJobs = iter) -> Iterator[Job]:
        """Return every organisation's jobs that have not ended, and mend the index rows of writers that crashed.

        `choose` is handed the whole index; only the jobs that it returns are read, in random order.
        """

    def active(self, org_id: str) -> Sequence[ActiveJob]:
        """Return what the index knows of the organisation's active jobs, in one query.

        It may be behind a job after a writer crashed, until `all_active` has passed by.
        """

    def active_sequences(self, org_id: str) -> Mapping[str, int]:
        """Return the number of the latest event of each of the organisation's active jobs, by job id, in one query.

        The number may be too low after a writer crashed, until `all_active` has passed by.
        """

    def unfinished(self, org_id: str) -> Iterator[Job]:
        """Return the organisation's jobs that have not ended, newest first, in one query over its rows."""

    def count_by_status(self, org_id: str) -> Mapping[JobStatus, int]:
        """Return the number of the organisation's jobs in each status; read that column of all its rows."""

    def events(self, org_id: str, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """Return up to `limit` events with a number above `after`, in order, to the job's latest if the limit
        allows; raise NotFound. There is no gap unless a row cannot be read."""

    def ids_of_session(self, org_id: str, session_id: str) -> Sequence[str]:
        """Return the session's jobs, newest first, with those that were half made or half deleted."""

    def delete(self, org_id: str, session_id: str, job_id: str) -> int:
        """Delete the job's rows and its event log, last of all the row that `ids_of_session` finds it by.

        Return the number of rows.
        """


class StepRunStore(Protocol):
    """The steps of jobs."""

    def create(self, part: StepRun) -> Stored[StepRun]:
        """Insert the step, or return the row that is there."""

    def get(self, part: StepRun) -> Stored[StepRun]:
        """Return the row of the step with the same job, stage, step and number; raise NotFound."""

    def update(self, stored: Stored[StepRun], part: StepRun) -> Stored[StepRun]:
        """Replace the step; raise WriteConflict when it was changed since it was read."""

    def of_job(self, job_id: str, stage: Stage | None = None) -> Sequence[Stored[StepRun]]:
        """Return all steps of a job, or of one of its stages, by stage and step in the order in which they happen, and
        by number; raise RowOfLaterRelease or UnreadableRow when one cannot be read."""

    def delete_of(self, job_id: str) -> int:
        """Delete all steps of a job; return their number."""


class SessionStore(Protocol):
    """Sessions."""

    def create(self, session: Session) -> Stored[Session]:
        """Insert the session; raise WriteConflict when the id is taken, and InvalidRequest when the metadata are longer
        than a row can hold (32,768 characters of JSON)."""

    def get(self, org_id: str, session_id: str, *, even_deleted: bool = False) -> Stored[Session]:
        """Return the session; raise NotFound, also for one that is being removed unless it may be `even_deleted`."""

    def update(self, stored: Stored[Session], session: Session) -> Stored[Session]:
        """Replace the session; raise WriteConflict when it was changed since it was read."""

    def page(self, org_id: str, *, limit: int, cursor: str | None = None) -> Page[Session]:
        """Return an organisation's sessions, newest first; cursors as for jobs."""

    def delete(self, stored: Stored[Session]) -> None:
        """Delete the session if it is there; raise WriteConflict when it was changed since it was read."""

    def all(self) -> Iterator[Session]:
        """Return every organisation's sessions, those that are being removed among them; read them all."""

    def keys(self) -> Iterator[tuple[str, str]]:
        """Return organisation and id of every session's row, unreadable ones among them; read them all."""


class UploadStore(Protocol):
    """Uploads that were announced."""

    def create(self, upload: Upload) -> Stored[Upload]:
        """Insert the upload; raise WriteConflict when the id is taken."""

    def get(self, org_id: str, upload_id: str) -> Stored[Upload]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[Upload], upload: Upload) -> Stored[Upload]:
        """Replace the upload; raise WriteConflict when it was changed since it was read."""

    def expired(self, now: datetime) -> Iterator[Stored[Upload]]:
        """Return every organisation's uploads with an address that has expired, committed or not."""

    def delete(self, stored: Stored[Upload]) -> None:
        """Delete the upload if it is there; raise WriteConflict when it was changed since it was read."""


class IdempotencyStore(Protocol):
    """Requests that came with an idempotency key."""

    def claim(self, record: IdempotencyRecord) -> Stored[IdempotencyRecord]:
        """Insert the record; raise WriteConflict when its organisation has used the key on its route already."""

    def get(self, org_id: str, route: str, key: str) -> Stored[IdempotencyRecord]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[IdempotencyRecord], record: IdempotencyRecord) -> Stored[IdempotencyRecord]:
        """Replace the record; raise WriteConflict when it was changed or deleted since it was read."""

    def delete(self, stored: Stored[IdempotencyRecord]) -> None:
        """Delete the record if it is there; raise WriteConflict when it was changed since it was read."""

    def about(self, org_id: str, ids: Collection[str]) -> Iterator[Stored[IdempotencyRecord]]:
        """Return the organisation's records of requests that are about one of these sessions, jobs or uploads, or
        make one of them."""

    def expired(self, now: datetime) -> Iterator[Stored[IdempotencyRecord]]:
        """Return every organisation's records that have expired; read them all."""

    def drop_unreadable(self, before: datetime) -> int:
        """Delete every organisation's records that cannot be read and were last written before that time; return their
        number."""


class TaskStore(Protocol):
    """Background jobs' calls."""

    def create(self, task: Task) -> Stored[Task]:
        """Insert the task; raise WriteConflict when the id is taken, and InvalidRequest when the arguments are longer
        than a row can hold (32,768 characters of JSON)."""

    def get(self, task_id: str) -> Stored[Task]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[Task], task: Task) -> Stored[Task]:
        """Replace the task; raise WriteConflict when it was changed since it was read,
        NotFound when it is missing."""

    def delete(self, stored: Stored[Task]) -> None:
        """Delete the task if it is there; raise WriteConflict when it was changed since it was read."""

    def of_organisations(self, org_ids: Collection[str], states: Collection[TaskState] = ...) -> Iterator[Task]:
        """Return the tasks of these organisations in these states, by id; one query over the rows of all tasks, of
        which those of other organisations stay in the table."""

    def to_look_at(self, limit: int) -> Iterator[Stored[Task]]:
        """Yield the running tasks without a `look_at`, then those with a `look_at` that has come, up to `limit`, the
        longest due first; each as it is when taken."""


class ScheduleStore(Protocol):
    """Background jobs' calls that recur."""

    def create(self, schedule: Schedule) -> Stored[Schedule]:
        """Insert the schedule; raise WriteConflict when the organisation has one with this id, and InvalidRequest when
        the arguments are longer than a row can hold."""

    def get(self, org_id: str, schedule_id: str) -> Stored[Schedule]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[Schedule], schedule: Schedule) -> Stored[Schedule]:
        """Replace the schedule; raise WriteConflict when it was changed since it was read, NotFound."""

    def delete(self, stored: Stored[Schedule]) -> None:
        """Delete the schedule if it is there; raise WriteConflict when it was changed since it was read."""

    def page(self, org_id: str, name: str, *, limit: int, cursor: str | None = None) -> Page[Schedule]:
        """Return an organisation's schedules of the job with this name, by id; cursors as for jobs."""

    def of_organisation(self, org_id: str) -> Iterator[Schedule]:
        """Return all schedules of an organisation, of every background job, by id."""

    def due(self, limit: int, limit_per_org: int) -> Iterator[Stored[Schedule]]:
        """Yield the schedules that are due, the longest due first, each as it is when taken.

        They are up to `limit`, and up to `limit_per_org` of each organisation.
        """


class VocabularyStore(Protocol):
    """Organisations' vocabularies."""

    def save(self, vocabulary: Vocabulary) -> None:
        """Write the vocabulary, in place of the one that the organisation has under this name."""

    def create(self, vocabulary: Vocabulary) -> None:
        """Insert the vocabulary; raise WriteConflict when the organisation has one under this name."""

    def update(self, stored: Stored[Vocabulary], vocabulary: Vocabulary) -> None:
        """Replace the vocabulary; raise WriteConflict when it was changed since it was read, NotFound when it is
        missing."""

    def get(self, org_id: str, name: str) -> Stored[Vocabulary]:
        """Return the row; raise NotFound."""

    def of_organisation(self, org_id: str) -> Iterator[Vocabulary]:
        """Return all vocabularies of an organisation, by name."""

    def delete(self, org_id: str, name: str) -> None:
        """Delete the vocabulary if it is there."""


class TranscriptVersionStore(Protocol):
    """The versions of transcripts that people made."""

    def create(self, version: TranscriptVersion) -> None:
        """Insert the version; raise WriteConflict when its number is taken."""

    def latest(self, org_id: str, job_id: str) -> TranscriptVersion | None:
        """Return the newest version of the job's transcript, in one request; raise RowOfLaterRelease or UnreadableRow
        when it cannot be read."""

    def get(self, org_id: str, job_id: str, version: int) -> Stored[TranscriptVersion]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[TranscriptVersion], version: TranscriptVersion) -> None:
        """Replace the version; raise WriteConflict when it was changed since it was read."""

    def of_job(self, org_id: str, job_id: str) -> Iterator[TranscriptVersion]:
        """Return the versions of the job's transcript, newest first."""

    def delete(self, version: TranscriptVersion) -> None:
        """Delete the version if it is there."""

    def delete_of(self, org_id: str, job_id: str) -> int:
        """Delete all versions of the job's transcript; return their number."""


class DeadLetterStore(Protocol):
    """What was given up."""

    def keep(self, letter: DeadLetter) -> None:
        """Write the dead letter; idempotent."""

    def get(self, org_id: str, queue: str, letter_id: str) -> Stored[DeadLetter]:
        """Return the row; raise NotFound."""

    def of_queue(self, org_id: str, queue: str, *, after: str = "") -> Iterator[Stored[DeadLetter]]:
        """Return an organisation's dead letters from a queue, newest first, those after the one with this id."""

    def kept_before(self, at: datetime) -> Iterator[Stored[DeadLetter]]:
        """Return every organisation's dead letters from before that time; read them all."""

    def delete(self, stored: Stored[DeadLetter]) -> None:
        """Delete the dead letter if it is there."""


class DeliveryStore(Protocol):
    """Webhooks' deliveries."""

    def keep(self, delivery: WebhookDelivery) -> None:
        """Write the delivery, in place of what was known of it."""

    def of_job(self, job_id: str, *, page_size: int = 100) -> Iterator[WebhookDelivery]:
        """Return a job's deliveries, newest first, fetched `page_size` at a time as they are asked for."""

    def delete_of(self, job_id: str) -> int:
        """Delete all deliveries of a job; return their number."""


class RemovalStore(Protocol):
    """What is kept of deleted sessions."""

    def create(self, removal: Removal) -> Stored[Removal]:
        """Insert the removal, or return the one that is there."""

    def get(self, org_id: str, removal_id: str) -> Stored[Removal]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[Removal], removal: Removal) -> Stored[Removal]:
        """Replace the removal; raise WriteConflict when it was changed since it was read."""

    def page(self, org_id: str, *, limit: int, cursor: str | None = None) -> Page[Removal]:
        """Return an organisation's removals, newest first; cursors as for jobs."""

    def kept_before(self, at: datetime) -> Iterator[Stored[Removal]]:
        """Return every organisation's removals that were asked for before that time; read them all."""

    def delete(self, stored: Stored[Removal]) -> None:
        """Delete the removal if it is there; raise WriteConflict when it was changed since it was read."""


class SearchIndex(Protocol):
    """Which tokens the organisations' transcripts have, and where. Each job's transcript stands for itself."""

    def put(self, transcript: IndexedTranscript) -> None:
        """Write the job's transcript in place of what is there of it. Until it returns, only a part may be found."""

    def jobs(self, org_id: str, session_id: str) -> Collection[str]:
        """Return the session's jobs of which anything was put and not removed."""

    def remove(self, org_id: str, session_id: str, job_id: str) -> int:
        """Remove what was put of the job; return the number of rows."""

    def withdraw(self, transcript: IndexedTranscript) -> None:
        """Remove what `put` writes of the transcript, also when some of it was removed at the same time."""

    def postings(
        self, org_id: str, token: str, *, limit: int, start: PostingKey = ("", ""), session_id: str | None = None
    ) -> Sequence[Posting]:
        """Return up to `limit` transcripts that have the token, of all sessions or of one, by key, from `start` on:
        newest sessions first. One request."""

    def passages(self, org_id: str, session_id: str, job_id: str, numbers: range) -> Sequence[Passage]:
        """Return those of the transcript's passages that are there, in order. One request for a few of them."""


class BlobStore(Protocol):
    """Containers of blobs. Names are paths with `/`. Blobs are written whole: a reader never sees a part of one."""

    def facts(self, container: str, name: str) -> BlobFacts | None:
        """None when there is no such blob."""

    def read_range(self, container: str, name: str, offset: int, length: int, etag: str | None = None) -> bytes:
        """Return up to `length` bytes from `offset`, in one request; raise NotFound, and WriteConflict when an ETag is
        given and the blob has another one.

        They are fewer at the blob's end, and none behind it.
        """

    def read(self, container: str, name: str) -> bytes:
        """Return a small blob whole; raise NotFound."""

    def chunks(self, container: str, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the blob, or a range of it, in pieces of CHUNK_BYTES. When a piece is taken, raises NotFound, or
        WriteConflict when the blob was written anew since the first piece."""

    def write(self, container: str, name: str, data: bytes, content_type: str, *, etag: str | None = None) -> BlobFacts:
        """Write a small blob whole, over what was there, noting its SHA-256; raise WriteConflict when an ETag is given
        and the blob has another one."""

    def stage_block(self, container: str, name: str, index: int, data: bytes) -> None:
        """Put block `index` (0 to 999,999) of a blob in the making; staging it again replaces it."""

    def staged_blocks(self, container: str, name: str) -> Sequence[int]:
        """Return the sizes in bytes of the blocks staged and not committed, from index 0 to the first missing one."""

    def commit_blocks(
        self, container: str, name: str, count: int, content_type: str, *, first: int = 0, etag: str | None = None
    ) -> BlobFacts:
        """Make the blob of `count` (at most 50,000) blocks from `first` on, each as it was staged or else as it was
        committed last, so that committing again makes the same blob. Other blocks that are staged are dropped. Raise
        WriteConflict when a block is in neither state, and when an ETag is given and the blob has another one. Its
        SHA-256 is to be noted afterwards."""

    def note_sha256(self, container: str, name: str, sha256: str, etag: str | None = None) -> None:
        """Note a blob's SHA-256 (hexadecimal) with the blob; raise NotFound, and WriteConflict when an ETag is given
        and the blob has another one."""

    def listing(self, container: str, prefix: str) -> Iterator[BlobFacts]:
        """Return all blobs with names that start with the prefix, by name."""

    def delete(self, container: str, name: str, etag: str | None = None) -> None:
        """Delete the blob if it is there, and if it still has the ETag, where one is given."""

    def discard(self, container: str, name: str) -> None:
        """Delete the blob if it is there, and the blocks that were staged for it."""

    def snapshot(self, container: str, name: str, etag: str) -> str:
        """Keep the blob with this ETag beside the blob itself, until that is deleted, and return the snapshot's name.

        No later write changes it, also not one by an `upload_url`. Raises NotFound, and WriteConflict when the blob has
        another ETag.
        """

    def read_url(
        self,
        container: str,
        name: str,
        valid_for: timedelta,
        *,
        snapshot: str | None = None,
        content_type: str | None = None,
        file_name: str | None = None,
    ) -> str:
        """Return a short-lived address that allows reading this blob, or its snapshot, and nothing else. The answer has
        this content type, and asks to be shown, and to be saved under this name (ASCII without quotes); as the blob has
        them for None."""

    def upload_url(self, container: str, name: str, valid_for: timedelta) -> str:
        """Return a short-lived address that allows creating and writing this blob and nothing else."""


class QueueStore(Protocol):
    """Queues."""

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        """Enqueue a message to its queue, visible after the delay, which may be up to MAX_DELAY."""

    def withdraw(self, receipt: Receipt) -> bool:
        """Delete a message unless it has been received since; return whether it was there."""

    def receive(self, queue: str, limit: int, hidden_for: timedelta) -> Sequence[Received]:
        """Take up to `limit` (at most 32) visible messages and hide them from other receivers; `withdraw` deletes one.
        It is the host that receives; this is for the queues of dead letters."""

    def release(self, receipt: Receipt) -> None:
        """Make a received message visible again, unless it has been received since."""

    def facts(self, queue: str) -> QueueFacts:
        """Return the queue's length."""


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
    search: SearchIndex
    blobs: BlobStore
    queues: QueueStore
