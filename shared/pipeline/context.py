"""What the use cases need from outside, handed in: storage, settings, clock, identifiers, and the stages' work."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.domain.job import Job
from shared.domain.message import StageMessage, StepKind
from shared.domain.session import Session
from shared.domain.stage import Stage
from shared.settings import Settings
from shared.storage.ports import Storage


class ContinueLater(Exception):
    """The step has used up its invocation and goes on in a new one, from what it has stored."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a queue's message to a worker."""

    message_id: str
    dequeue_count: int
    """Which delivery of the message this is, as the host counts them from 1."""

    caller_retries: bool = False
    """Whether the caller wants to be told of a failure and delivers the message again itself; otherwise a new message
    is sent after a rest."""

    @property
    def owner(self) -> str:
        """Return the name under which the delivery claims a row."""
        return f"{self.message_id}:{self.dequeue_count}"

    def follows(self, owner: str | None) -> bool:
        """Return whether the owner was an earlier delivery of the same message."""
        return (owner or "").partition(":")[0] == self.message_id


@dataclass(frozen=True, slots=True)
class StepContext:
    """One step at work: `report(fraction)` notes progress from 0 to 1 and raises when the work is to stop;
    `confirm()` asks storage, and raises unless the step is still wanted and in this delivery's hands: to be called
    before what it made is shown; `began_at` is when this attempt at the job, or the doing again of what was lost, came
    to the step; `elapsed_sec()` is the invocation's age, for steps that can go on in another one."""

    services: "Services"
    message: StageMessage
    job: Job
    session: Session
    began_at: datetime
    report: Callable[[float], None]
    confirm: Callable[[], None]
    elapsed_sec: Callable[[], float]

    def work_blob(self, name: str) -> str:
        """The full name of one of this job's blobs in containers `work` and `results`."""
        return job_blob(self.job, name)


def job_blob(job: Job, name: str) -> str:
    """Where a job's file stands in containers `work` and `results`."""
    return blob_name(job.org_id, job.session_id, job.job_id, name)


def blob_name(org_id: str, session_id: str, job_id: str, name: str) -> str:
    """The same by the job's identifiers."""
    return f"{org_id}/{session_id}/{job_id}/{name}"


class StepWork(Protocol):
    """The real work of one step; must give the same blobs however often it runs."""

    def __call__(self, context: StepContext, /) -> None:
        """Raises FinalError when trying again cannot help."""


@dataclass(frozen=True, slots=True)
class Services:
    """Handed to every use case by the composition root, and by tests with the in-memory storage. `results` names the
    files that each stage leaves in container `results`, whatever the recording; a stage without an entry is not held
    to any."""

    storage: Storage
    settings: Settings
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    work: Mapping[tuple[Stage, StepKind], StepWork]
    results: Mapping[Stage, Sequence[str]] = field(default_factory=dict)
