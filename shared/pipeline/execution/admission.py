"""Decide which of an organisation's jobs may begin: the oldest ones, up to a number of running jobs.

Apart from `dispatch`, which asks before it sends, because a worker asks as well: a message of a job that was to begin
later may come while the organisation's places are taken. The rows alone decide, without a counter that many workers
would write. See docs/decisions/0023-fair-turns.md.
"""

from collections.abc import Iterator
from datetime import datetime

from shared.domain.errors import RostrumError
from shared.domain.job import Job
from shared.pipeline.context import Services


def is_admitted(services: Services, job: Job) -> bool:
    """Return whether the job may begin: it has begun, or is among the organisation's oldest active jobs."""
    limit = services.settings.max_running_jobs_per_org
    if limit == 0 or job.started_at is not None or job.attempt > 1:
        return True
    return any(job.job_id == admitted for admitted in _admitted_ids(services, job.org_id, limit))


def waiting_jobs(services: Services, org_id: str) -> Iterator[Job]:
    """Yield the organisation's jobs that are admitted and have not begun."""
    limit = services.settings.max_running_jobs_per_org
    if limit == 0:
        return
    for job_id in list(_admitted_ids(services, org_id, limit)):
        job = _read(services, org_id, job_id)
        if job is not None and job.started_at is None and job.is_runnable and not _begins_later(job, services.clock()):
            yield job


class TurnsOfSweep:
    """What `is_admitted` says during one sweep, asked once for each organisation: with many waiting jobs the sweep
    would ask storage for each of them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._admitted: dict[str, frozenset[str]] = {}

    def has_turn(self, job: Job) -> bool:
        """Return whether the sweep has to look at the job; it has not at one that waits for its turn."""
        limit = self._services.settings.max_running_jobs_per_org
        if limit == 0 or job.started_at is not None or job.attempt > 1 or not job.is_runnable:
            return True
        if job.org_id not in self._admitted:
            self._admitted[job.org_id] = frozenset(_admitted_ids(self._services, job.org_id, limit))
        return job.job_id in self._admitted[job.org_id]


def _admitted_ids(services: Services, org_id: str, limit: int) -> Iterator[str]:
    """Yield the oldest active jobs, up to `limit` without those that begin later. No job is read while there are not
    more than `limit`."""
    oldest_first = sorted(services.storage.jobs.active_sequences(org_id), reverse=True)  # newer identifiers sort first
    if len(oldest_first) <= limit:
        yield from oldest_first
        return
    places = limit
    for job_id in oldest_first:
        yield job_id
        job = _read(services, org_id, job_id)
        if job is not None and not job.is_final and not _begins_later(job, services.clock()):
            places -= 1
        if places == 0:
            return


def _begins_later(job: Job, now: datetime) -> bool:
    return job.started_at is None and job.start_at is not None and job.start_at > now


def _read(services: Services, org_id: str, job_id: str) -> Job | None:
    """Return the job; None when it is missing or cannot be read, and then it takes no place."""
    try:
        return services.storage.jobs.get(org_id, job_id).value
    except RostrumError:
        return None
