"""Define an entry of a job's event log: a snapshot of what changed, numbered without gaps."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.stage import Stage
from shared.job_status import JobStatus


class EventType(StrEnum):
    """What kind of change an event tells of."""

    STATUS = "status"
    PROGRESS = "progress"
    ERROR = "error"
    TRANSCRIPT = "transcript"
    """The text of a part of the recording can be read."""
    WARNING = "warning"
    """The recording may be no good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed, for a person: `code` is stable, `detail` one sentence, `stage` where it happened."""

    code: str
    title: str
    detail: str
    stage: Stage | None
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewText:
    """The text of one part of the recording, which can be read while the job runs."""

    start_sec: float
    end_sec: float
    words: int
    """The number of words in it; 0 where nothing was said, or the text is withheld."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyWarning:
    """A reason of the verdict that is known while the job runs."""

    code: str
    """As in the verdict; a job warns of each once."""

    start: float
    """In seconds."""

    end: float
    """In seconds."""

    text: str
    """A sentence for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """When a job is likely to be done."""

    done_at: datetime
    low: datetime
    """The early end of the range within which four jobs in five end."""
    high: datetime
    """The late end of the range."""
    jobs: int
    """How many earlier jobs the estimate was learned from, by the work of which fewest are known; 0: defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The job's state after one change."""

    job_id: str
    sequence: int
    """The number of the change, from 1."""

    type: EventType
    at: datetime
    status: JobStatus
    stage: Stage | None
    progress: float
    error: JobError | None = None
    text: NewText | None = None
    """The new text, for events of type `TRANSCRIPT`."""
    warning: EarlyWarning | None = None
    """The warning, for events of type `WARNING`."""
    estimate: Estimate | None = None
    """When the job is likely to be done, as far as that could be said."""
