"""Define what the use cases are handed: services, the delivery of a message, and the context of a running step.

Apart from all rooms, because each of them uses it.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.domain.job import Job
from shared.domain.message import StageMessage, StepKind
from shared.domain.quality.payload import Reason
from shared.domain.session import Session
from shared.domain.stage import Stage
from shared.domain.target_limit import TargetLimit
from shared.settings import Settings
from shared.storage.ports import Storage
from shared.telemetry.telemetry import OFF, Telemetry
from shared.warm_models import IdleRelease


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
    """A running step, as its work sees it."""

    services: "Services"
    """Services with writes of blobs that raise when the lease was lost."""

    message: StageMessage
    job: Job
    session: Session
    began_at: datetime
    """When the first attempt at the step began, in this attempt at the job or since its results were lost."""

    report: Callable[[float], None]
    """Notes the progress, from 0 to 1; raises when the work is to stop."""

    confirm: Callable[[], None]
    """Renews the lease, and raises when it was lost or the step is not wanted any more; called before results are
    shown."""

    elapsed_sec: Callable[[], float]
    """Returns the invocation's age, for steps that can go on in another one."""

    send_next: Callable[[Job], None]
    """Sends the messages of steps that may begin now that the job is as given; the sweep does it, too."""
    warn: Callable[[Sequence[Reason]], None]
    """Tells reasons of the verdict as soon as they are known, each once a job, however often the step runs."""

    def work_blob(self, name: str) -> str:
        """Return the full name of one of this job's blobs in containers `work` and `results`."""
        return job_blob(self.job, name)


def job_blob(job: Job, name: str) -> str:
    """Return the full name of a job's file in containers `work` and `results`."""
    return blob_name(job.org_id, job.session_id, job.job_id, name)


def blob_name(org_id: str, session_id: str, job_id: str, name: str) -> str:
    """Return the full name of a job's file by the job's identifiers."""
    return f"{org_id}/{session_id}/{job_id}/{name}"


class StepWork(Protocol):
    """The real work of one step; idempotent: it writes the same blobs however often it runs."""

    def __call__(self, context: StepContext, /) -> None:
        """Do the work; raise FinalError when trying again cannot help."""


@dataclass(frozen=True, slots=True)
class Services:
    """What every use case is handed by the composition root, and by tests with the in-memory storage."""

    storage: Storage
    settings: Settings
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    """Returns a new identifier; newer ones sort first."""

    work: Mapping[tuple[Stage, StepKind], StepWork]
    """The work of every step."""

    results: Mapping[Stage, Sequence[str]] = field(default_factory=dict)
    """The files that each stage writes to container `results` for every recording; a stage without an entry is not held
    to any."""

    webhook_limit: TargetLimit = field(default_factory=TargetLimit)
    """When webhooks may be sent, as this process knows it."""

    telemetry: Telemetry = OFF
    """What the service tells of its work to collectors."""

    models: IdleRelease = field(default_factory=IdleRelease)
    """Releases this process's models when no step has run for a while."""

    sleep: Callable[[float], None] = time.sleep
    """Waits so many seconds between two tries of a write."""

    start_thread: Callable[[threading.Thread], None] = threading.Thread.start
    """Starts a thread that renews a lease; where no clock runs by itself, no interval ends, and it need not start."""
