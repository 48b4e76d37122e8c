"""Report on the queues as one organisation sees them: its own work that waits, its dead letters, its jobs.

An organisation's work is counted on its rows. A storage queue knows only how many messages it holds of all
organisations together, which is told to a caller who runs the service.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.domain.job import Job
from shared.domain.message import QUEUES
from shared.domain.stage import Stage, StageState
from shared.domain.task import SERVICE, TaskState, queue_of_task
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.pipeline.housekeeping.requeue import QUEUE_NAMES
from shared.storage.ports import QueueFacts

COUNTS_KEPT = timedelta(seconds=5)
"""Greatest age of the jobs' counts: counting reads a column of every job that the organisation has."""

MAX_KEPT = 1000


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """The queues, and jobs by status.

    For an organisation, `waiting` is about how many of its steps or tasks wait or are being worked on, `poison` the
    number of its dead letters, and `oldest_sec` for how long the oldest one that could begin has been waiting.
    """

    queues: Sequence[QueueFacts]
    jobs: Mapping[JobStatus, int]


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Each organisation's jobs by status, counted anew every few seconds at most."""

    services: Services
    _kept: dict[str, tuple[datetime, Mapping[JobStatus, int]]] = field(default_factory=dict)

    def of(self, org_id: str) -> Mapping[JobStatus, int]:
        """Return the number of jobs in each status, at most `COUNTS_KEPT` old."""
        now = self.services.clock()
        counted_at, counts = self._kept.get(org_id, (None, {}))
        if counted_at is None or now - counted_at >= COUNTS_KEPT:
            counts = self.services.storage.jobs.count_by_status(org_id)
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[org_id] = (now, counts)
        return counts


def queue_info(services: Services, org_ids: Sequence[str], job_counts: JobCounts) -> QueueInfo:
    """Return what these organisations have in the queues, as their rows tell now; the whole queues if the service is
    among them. Jobs by status are as they were counted last.
    """
    now, storage = services.clock(), services.storage
    waiting, since = dict.fromkeys(QUEUE_NAMES, 0), dict[str, datetime]()

    def add(queue: str, count: int, waits_since: datetime | None) -> None:
        waiting[queue] += count
        if waits_since is not None and waits_since <= now:
            since[queue] = min(since.get(queue, now), waits_since)

    jobs = dict.fromkeys(JobStatus, 0)
    for org_id in org_ids:
        for job in storage.jobs.unfinished(org_id):
            for stage, count, waits_since in _work_of(job):
                add(QUEUES[stage], count, waits_since)
        for status, count in job_counts.of(org_id).items():
            jobs[status] += count
    for task in storage.tasks.of_organisations(org_ids, (TaskState.WAITING, TaskState.RUNNING)):
        add(queue_of_task(task.name), 1, task.due_at if task.state is TaskState.WAITING else None)
    letters = {
        queue: sum(1 for org_id in org_ids for _ in storage.dead_letters.of_queue(org_id, queue))
        for queue in QUEUE_NAMES
    }
    queues = [
        QueueFacts(
            name=queue,
            waiting=waiting[queue],
            poison=letters[queue],
            oldest_sec=(now - since[queue]).total_seconds() if queue in since else None,
        )
        for queue in QUEUE_NAMES
    ]
    if SERVICE in org_ids:
        whole = [storage.queues.facts(queue) for queue in QUEUE_NAMES]
        queues = [replace(facts, poison=facts.poison + letters[facts.name]) for facts in whole]
    return QueueInfo(queues, jobs)


def _work_of(job: Job) -> Iterator[tuple[Stage, int, datetime | None]]:
    """Yield for each stage that may begin how many of its steps are left, and since when it waits to begin."""
    for stage, progress in job.stages.items():
        if progress.state.is_over or not job.may_begin(stage):
            continue
        waits_since = None
        if progress.state is StageState.WAITING:
            before = job.stage_before(stage)
            ready_at = job.stages[before].finished_at if before else job.start_at
            waits_since = job.updated_at if job.attempt > 1 else ready_at or job.created_at
        yield stage, max(1, progress.parts - progress.parts_done), waits_since
