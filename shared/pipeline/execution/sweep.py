"""Sweep jobs: move each on, and enqueue again the steps that lost their message or their worker."""

import logging
from datetime import timedelta
from functools import partial

from shared.domain.errors import NotFound, RostrumError, RowOfLaterRelease, UnreadableRow
from shared.domain.job import Job
from shared.pipeline.context import Services
from shared.pipeline.execution.admission import jobs_to_sweep
from shared.pipeline.execution.advance import advance
from shared.pipeline.execution.dispatch import actions_of

log = logging.getLogger(__name__)

BUDGET = timedelta(seconds=10)
"""How long one run looks at jobs. The timer calls every 15 s, and dead letters have their turn after it."""


def sweep(services: Services) -> int:
    """Move on the jobs that have not ended; return how many messages were sent.

    The jobs come in random order, so that each has its turn even where there are more than one run can look at, and two
    runs at once seldom meet. A job that cannot be swept is logged and skipped. So is one
    with a step that cannot be read: what that step has done is not known.
    """
    sent, until = 0, services.clock() + BUDGET
    for job in services.storage.jobs.all_active(partial(jobs_to_sweep, services)):
        try:
            sent += _look_at(services, job)
        except (UnreadableRow, RowOfLaterRelease):
            pass  # storage has logged it, once for many sweeps; the job is left alone
        except RostrumError as error:
            log.warning("sweep failed", extra={"action": "sweep", "job_id": job.job_id, "code": error.code})
        except Exception:
            log.exception("sweep failed", extra={"action": "sweep", "job_id": job.job_id})
        if services.clock() >= until:
            log.warning("the sweep looks at the rest of the jobs next time", extra={"action": "sweep"})
            break
    return sent


def _look_at(services: Services, job: Job) -> int:
    """Move the job on where there is something to do, by its row as it is then; return how many messages were sent.

    Most jobs lack nothing: looking at one of them costs the query for its steps.
    """
    if not actions_of(services, job):
        return 0
    try:
        current = services.storage.jobs.get(job.org_id, job.job_id).value
    except NotFound:  # deleted meanwhile
        return 0
    return advance(services, current)
