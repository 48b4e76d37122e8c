"""What a person wants to know of the queues and of an organisation's jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.domain.message import QUEUES
from shared.domain.task import TASKS
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.storage.ports import QueueFacts

QUEUE_NAMES = (*QUEUES.values(), TASKS)
COUNTS_KEPT = timedelta(seconds=5)
"""How old the jobs' counts may be: counting reads a column of every job that the organisation has."""
MAX_KEPT = 1000


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """The queues, whose length is everybody's together, and the organisation's jobs by status.

    A queue's `poison` counts the organisation's dead letters and what lies in the queue of dead letters unread.
    """

    queues: Sequence[QueueFacts]
    jobs: Mapping[JobStatus, int]


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Each organisation's jobs by status, counted anew every few seconds at most."""

    services: Services
    _kept: dict[str, tuple[datetime, Mapping[JobStatus, int]]] = field(default_factory=dict)

    def of(self, org_id: str) -> Mapping[JobStatus, int]:
        """How many jobs are in each status, or were a moment ago."""
        now = self.services.clock()
        counted_at, counts = self._kept.get(org_id, (None, {}))
        if counted_at is None or now - counted_at >= COUNTS_KEPT:
            counts = self.services.storage.jobs.count_by_status(org_id)
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[org_id] = (now, counts)
        return counts


def queue_info(services: Services, org_id: str, job_counts: JobCounts) -> QueueInfo:
    """The queues as they are now, and the jobs as they were counted last."""
    found = [services.storage.queues.facts(name) for name in QUEUE_NAMES]
    kept = [sum(1 for _ in services.storage.dead_letters.of_queue(org_id, name)) for name in QUEUE_NAMES]
    counts = job_counts.of(org_id)
    return QueueInfo(
        queues=[replace(facts, poison=facts.poison + more) for facts, more in zip(found, kept, strict=True)],
        jobs={status: counts.get(status, 0) for status in JobStatus},
    )
