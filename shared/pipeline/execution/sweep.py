"""The sweep: finds what got lost between a row and its message, or died at work, and asks for it again."""

import logging
from datetime import datetime, timedelta

from shared.domain.errors import RostrumError
from shared.domain.job import Job
from shared.pipeline.context import Services
from shared.pipeline.execution.advance import resume
from shared.pipeline.execution.dispatch import send_step
from shared.pipeline.execution.lost_blobs import has_its_needs
from shared.pipeline.lease import stale_after

log = logging.getLogger(__name__)

LOOK_AHEAD = timedelta(minutes=1)
"""How long before a delayed job's time the sweep begins to look after it."""

BUDGET = timedelta(seconds=10)
"""How long one run looks at jobs. The timer calls every 15 s, and dead letters have their turn after it."""


def sweep(services: Services) -> int:
    """Looks at the jobs that have not ended; returns how many messages were sent again.

    The jobs come in random order, so that each has its turn even where there are more than one run can look at, and two
    runs at once seldom meet. A job that cannot be swept, for whatever reason, does not keep the others from it.
    """
    resent, until = 0, services.clock() + BUDGET
    for job in services.storage.jobs.all_active():
        if _begins_later(job, services.clock()):
            continue
        try:
            resent += _sweep_job(services, job)
        except RostrumError as error:
            log.warning("sweep failed", extra={"action": "sweep", "job_id": job.job_id, "code": error.code})
        except Exception:
            log.exception("sweep failed", extra={"action": "sweep", "job_id": job.job_id})
        if services.clock() >= until:
            log.warning("the sweep looks at the rest of the jobs next time", extra={"action": "sweep"})
            break
    return resent


def _begins_later(job: Job, now: datetime) -> bool:
    """Whether the job's time is so far away that there is nothing to look after yet."""
    if job.start_at is None or job.started_at is not None or job.cancel_requested:
        return False
    return job.start_at - now > LOOK_AHEAD


def _sweep_job(services: Services, job: Job) -> int:
    rows, resent = resume(services, job), 0
    if not job.is_runnable:
        return resent
    for stored in rows:
        part = stored.value.in_attempt(job.attempt)
        if part.blocked and not has_its_needs(rows, part):
            continue
        if part.is_lost(services.clock(), stale_after(services)):
            log.info("step sent again", extra={"action": "resend", "job_id": job.job_id, "stage": str(part.stage)})
            send_step(services, job, stored)
            resent += 1
    return resent
