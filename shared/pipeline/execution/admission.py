"""Decide which of an organisation's jobs may begin: the oldest ones, up to a number of running jobs.

Apart from `dispatch`, which asks before it sends, because a worker asks as well: a message of a job that was to begin
later may come while the organisation's places are taken. The rows alone decide, without a counter that many workers
would write. See docs/decisions/0023-fair-turns.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby

from shared.domain.errors import RostrumError
from shared.domain.job import Job
from shared.domain.turns import ActiveJob, in_turn
from shared.pipeline.context import Services

LOOK_AHEAD = timedelta(minutes=1)
"""How long before a delayed job's time the sweep begins to look after it."""


def is_admitted(services: Services, job: Job) -> bool:
    """Return whether the job's attempt may begin: it has begun, or has one of the organisation's places."""
    if services.settings.max_running_jobs_per_org == 0 or not job.waits:
        return True
    active = services.storage.jobs.active(job.org_id)
    return any(job.job_id == admitted.job_id for admitted in _admitted(services, active))


def waiting_jobs(services: Services, org_id: str) -> Iterator[Job]:
    """Yield the organisation's jobs that are admitted and have not begun."""
    if services.settings.max_running_jobs_per_org == 0:
        return
    admitted = [each for each in _admitted(services, services.storage.jobs.active(org_id)) if each.waits]
    for each in admitted:
        job = _read(services, each)
        if job is not None and job.waits:
            yield job


def jobs_to_sweep(services: Services, active: Sequence[ActiveJob]) -> Iterator[ActiveJob]:
    """Yield the jobs that the sweep has to look at, of the index of all active ones: not those whose time is far away,
    nor those that wait for a place."""
    soon = services.clock() + LOOK_AHEAD
    by_org = groupby(sorted(active, key=lambda each: each.org_id), key=lambda each: each.org_id)
    for _, jobs in by_org:
        of_org = list(jobs)
        admitted = set(_admitted(services, of_org))
        for each in of_org:
            is_due_soon = each.begins_after(services.clock()) and not each.begins_after(soon)
            if not each.waits or each in admitted or is_due_soon:
                yield each


def _admitted(services: Services, active: Iterable[ActiveJob]) -> Iterator[ActiveJob]:
    """Yield the jobs of one organisation that have begun, and the oldest others as long as there are places.

    No job is read while there are places for all. One that is missing or unreadable takes no place.
    """
    ready, places = in_turn(active, services.clock()), services.settings.max_running_jobs_per_org
    if places == 0 or len(ready) <= places:
        yield from ready
        return
    for each in ready:
        if each.waits and places <= 0:
            return
        yield each
        job = _read(services, each)
        if job is not None and not job.is_final:
            places -= 1


def _read(services: Services, active: ActiveJob) -> Job | None:
    try:
        return services.storage.jobs.get(active.org_id, active.job_id).value
    except RostrumError:
        return None
