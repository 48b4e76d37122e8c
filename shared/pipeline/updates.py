"""Change a job or a session under contention: read, change, write under the ETag, and begin again after a conflict.

Apart from storage, which tells of a conflict and leaves the answer to its caller.
"""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from shared.domain.errors import WriteConflict
from shared.domain.job import Job, spend
from shared.domain.session import Session
from shared.pipeline.context import Services
from shared.storage.ports import Stored
from shared.telemetry.cost_meter import current_meter

T = TypeVar("T")

MAX_TRIES = 30
MAX_PAUSE_SEC = 0.2


def change_job(services: Services, org_id: str, job_id: str, change: Callable[[Job], Job | None]) -> Job:
    """Apply `change` to the job as it is now and return what is stored; None from `change` leaves it as it is.

    Raises NotFound, and WriteConflict after `MAX_TRIES` conflicts.
    """

    return change_known_job(services, org_id, job_id, None, change).value


def change_known_job(
    services: Services, org_id: str, job_id: str, known: Stored[Job] | None, change: Callable[[Job], Job | None]
) -> Stored[Job]:
    """Apply `change` as `change_job` does, first to the row as the caller knows it, which spares a read.

    A `known` row that was written since is read again, and so is one that `change` leaves as it is.
    """

    def once() -> Stored[Job]:
        nonlocal known
        first, known = known, None
        if first is not None:
            with suppress(WriteConflict):
                if (changed := change(first.value)) is not None:
                    return update_job(services, first, changed)
        stored = services.storage.jobs.get(org_id, job_id)
        changed = change(stored.value)
        return stored if changed is None else update_job(services, stored, changed)

    return retry_conflicts(once, services.sleep)


def update_job(services: Services, stored: Stored[Job], changed: Job) -> Stored[Job]:
    """Write the changed job, with what its worker spent since it wrote its step's row; raise as `JobStore.update`."""
    meter = current_meter()
    if meter is None or meter.stage is None or meter.job_id != changed.job_id or not meter.is_settled:
        return services.storage.jobs.update(stored, changed)
    spent = meter.untold()
    updated = services.storage.jobs.update(stored, spend(changed, meter.stage, spent))
    meter.tell(spent)
    return updated


def change_session(services: Services, org_id: str, session_id: str, change: Callable[[Session], Session]) -> Session:
    """Apply `change` to the session as it is now and return what is stored; errors as in `change_job`."""

    def once() -> Session:
        stored = services.storage.sessions.get(org_id, session_id)
        return services.storage.sessions.update(stored, change(stored.value)).value

    return retry_conflicts(once, services.sleep)


def retry_conflicts(once: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Call `once`, which reads what it changes, until it meets no conflict; raise WriteConflict after `MAX_TRIES`."""
    for _ in range(MAX_TRIES - 1):
        try:
            return once()
        except WriteConflict:
            sleep(random.uniform(0, MAX_PAUSE_SEC))
    return once()
