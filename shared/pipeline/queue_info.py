"""What a person wants to know of the queues and of an organisation's jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.domain.message import QUEUES
from shared.domain.task import TASKS
from shared.job_status import JobStatus
from shared.pipeline.services import Services
from shared.storage.ports import QueueFacts

QUEUE_NAMES = (*QUEUES.values(), TASKS)


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """The queues, whose length is everybody's together, and the organisation's jobs by status.

    A queue's `poison` counts the organisation's dead letters and what lies in the queue of dead letters unread.
    """

    queues: Sequence[QueueFacts]
    jobs: Mapping[JobStatus, int]


def queue_info(services: Services, org_id: str) -> QueueInfo:
    """The queues and jobs as they are now."""
    found = [services.storage.queues.facts(name) for name in QUEUE_NAMES]
    kept = [sum(1 for _ in services.storage.dead_letters.of_queue(org_id, name)) for name in QUEUE_NAMES]
    counts = services.storage.jobs.count_by_status(org_id)
    return QueueInfo(
        queues=[replace(facts, poison=facts.poison + more) for facts, more in zip(found, kept, strict=True)],
        jobs={status: counts.get(status, 0) for status in JobStatus},
    )
