"""The API's answers as typed values."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Generic, TypeVar

from rostrum_client.files import Engine, Media, Reason
from rostrum_client.values import value

T = TypeVar("T")

FINAL_STATUSES = frozenset({"DONE", "ERROR", "CANCELED"})


@value
class JobError:
    """Why a job ended in ERROR."""

    code: str
    title: str
    detail: str = ""
    stage: str | None = None
    retryable: bool = False


@value
class StepFailure:
    """A failed attempt at a step: the `attempt`-th in the job's `job_attempt`."""

    code: str
    title: str
    detail: str = ""
    stage: str
    step: str
    part: int = 0
    attempt: int = 1
    job_attempt: int = 1
    at: datetime
    retryable: bool = False


@value
class StageStatus:
    """How far one stage is; `reason` says why it was skipped or failed."""

    state: str
    progress: float = 0.0
    parts: int = 1
    parts_done: int = 0
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    reason: str | None = None


@value
class Delivery:
    """One try to tell the job's end to its `callback_url`; `webhook_id` is the same for all tries of one end."""

    delivery_id: str
    webhook_id: str
    attempt: int = 1
    number: int = 1
    url: str | None = None
    state: str
    status_code: int | None = None
    error: str | None = None
    duration_sec: float | None = None
    sent_at: datetime | None = None
    will_retry_at: datetime | None = None


@value
class Redelivery:
    """The webhook that is delivered again."""

    job_id: str
    webhook_id: str


@value
class Span:
    """One span of a job's trace; `started_at` is None where only the end is known."""

    span_id: str
    parent_id: str | None = None
    name: str
    part: int | None = None
    attempt: int = 1
    outcome: str
    detail: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    links: tuple[str, ...] = ()


@value
class Trace:
    """A job's request, its attempts, and every attempt at its steps."""

    trace_id: str
    spans: tuple[Span, ...]


@value
class Estimate:
    """When a job is likely to be done, learned from `jobs` earlier ones (0: defaults); four in five end within the
    range."""

    done_at: datetime
    low: datetime
    high: datetime
    jobs: int = 0


@value
class Job:
    """One run of the pipeline over a session."""

    job_id: str
    session_id: str
    org_id: str | None = None
    status: str
    stage: str | None = None
    progress: float = 0.0
    stages: Mapping[str, StageStatus] = field(default_factory=dict)
    attempt: int = 1
    cancel_requested: bool = False
    error: JobError | None = None
    failures: tuple[StepFailure, ...] = ()
    warnings: tuple[Reason, ...] = ()
    """Why the recording may be no good, as far as it is known while the job runs."""
    options: Mapping[str, Any] = field(default_factory=dict)
    callback_url: str | None = None
    deliveries: tuple[Delivery, ...] = ()
    created_at: datetime
    updated_at: datetime
    start_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    estimate: Estimate | None = None
    """When it is likely to be done, as of `updated_at`; None where that would be a guess."""

    @property
    def is_final(self) -> bool:
        """Return whether the job has ended."""
        return self.status in FINAL_STATUSES


@value
class JobState:
    """A job's status alone."""

    job_id: str
    status: str
    stage: str | None = None
    progress: float = 0.0
    error: JobError | None = None


@value
class JobEvent:
    """A change of a job; `sequence` counts from 1 without gaps.

    `start`, `end` and `words` are set where the text of this part of the recording can be read now, `warning` where the
    recording may be no good.
    """

    job_id: str
    sequence: int
    at: datetime
    status: str
    stage: str | None = None
    progress: float = 0.0
    error: JobError | None = None
    start: float | None = None
    end: float | None = None
    words: int | None = None
    warning: Reason | None = None

    @property
    def is_final(self) -> bool:
        """Return whether the job had ended at this event."""
        return self.status in FINAL_STATUSES


@value
class Queue:
    """A queue: messages that wait, dead letters, and the age of the oldest message in seconds."""

    name: str
    waiting: int = 0
    poison: int = 0
    oldest_seconds: float | None = None


@value
class QueueInfo:
    """The queues, and how many jobs there are in each status."""

    queues: tuple[Queue, ...] = ()
    jobs: Mapping[str, int] = field(default_factory=dict)


@value
class Removal:
    """A session that was deleted, by `request` or by `retention`; the counts are of what was deleted by now, and
    `finished_at` is None while something is at work on it."""

    removal_id: str
    session_id: str
    reason: str
    at: datetime
    finished_at: datetime | None = None
    jobs: int = 0
    blobs: int = 0
    size_bytes: int = 0
    rows: int = 0
    messages: int = 0


@value
class Requeued:
    """How many dead letters were put back."""

    requeued: int


@value
class JobReference:
    """A job and its session, without the rest."""

    job_id: str
    session_id: str


@value
class Upload:
    """Where the blocks of a file go."""

    upload_id: str
    upload_url: str
    block_size_bytes: int
    expires_at: datetime | None = None


@value
class Session:
    """A recording and which of its results exist; `jobs` are the latest, and only known of a session got by its id."""

    session_id: str
    session_name: str | None = None
    source_url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    latest_job_id: str | None = None
    media: Media | None = None
    has_transcript: bool = False
    has_instructor_tracking_result: bool = False
    has_sidecar: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    jobs: tuple[Job, ...] = ()


@value
class ExpectedStage:
    """The planned work of a stage: so many parts, or none for the `reason`."""

    parts: int | None = None
    invocations: int | None = None
    reason: str | None = None


@value
class Plan:
    """The plan of a job; `problem` says why it would be refused or fail."""

    stages: Mapping[str, ExpectedStage] = field(default_factory=dict)
    invocations: int | None = None
    engine: Engine | None = None
    problem: JobError | None = None


@value
class Probe(Media):
    """The facts about a recording, and the plan of a job over it."""

    plan: Plan


@value
class VocabularySummary:
    """A vocabulary without its terms."""

    name: str
    term_count: int = 0
    updated_at: datetime | None = None


@value
class Vocabulary:
    """Names and terms that recordings may have."""

    name: str
    terms: tuple[str, ...] = ()
    updated_at: datetime | None = None
    etag: str | None = None
    """The tag of these terms, for `put_vocabulary`."""


@value
class TranscriptVersion:
    """A version of a transcript; `changed_words` counts from the version before."""

    version: int
    created_at: datetime | None = None
    by: str | None = None
    state: str = "auto"
    changed_words: int = 0
    kind: str = ""
    etag: str | None = None
    """The tag for the next edit, where the version was just made."""


@value
class Review:
    """How far a transcript is corrected."""

    state: str
    at: datetime | None = None
    by: str | None = None


@value
class SearchHit:
    """Where words were said, or stood on a slide, as `source` says (`speech` or `slide`).

    `start` and `end` are in seconds, `highlights` the characters of the snippet that were meant, from the first up to
    but without the second.
    """

    session_id: str
    session_name: str | None = None
    job_id: str | None = None
    source: str = "speech"
    start: float
    end: float
    snippet: str
    highlights: tuple[tuple[int, int], ...] = ()
    score: float = 0.0


@value
class Schedule:
    """A job that is submitted again and again; `last_error` says why the latest run was not accepted."""

    schedule_id: str
    cron: str
    time_zone: str | None = None
    job: Mapping[str, Any] = field(default_factory=dict)
    next_run_at: datetime | None = None
    last_run_at: datetime | None = None
    last_job_id: str | None = None
    last_error: str | None = None
    created_at: datetime | None = None


@value
class Task:
    """A background job: a call that runs once, or a schedule of calls, which has a `cron` and the state `scheduled`.
    `next_run_at` is None when there will be no further attempt."""

    task_id: str
    name: str
    state: str
    attempts: int = 0
    last_error: str | None = None
    created_at: datetime | None = None
    next_run_at: datetime | None = None
    last_run_at: datetime | None = None
    finished_at: datetime | None = None
    cron: str | None = None
    time_zone: str | None = None


@value
class DeadLetter:
    """A message that was given up; `org_id` is None for one that cannot be read."""

    letter_id: str
    queue: str
    reason: str
    at: datetime
    org_id: str | None = None
    job_id: str | None = None
    task_id: str | None = None
    body: str | None = None


@value
class Health:
    """Whether the API and its storage answer."""

    status: str
    version: str = ""
    storage: str = ""


@value
class Page(Generic[T]):
    """Some items of a list, and where more are."""

    items: tuple[T, ...]
    next_link: str | None = None
