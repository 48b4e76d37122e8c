"""The sweep: finds what got lost between a row and its message, or died at work, and asks for it again."""

import logging
from datetime import datetime, timedelta

from shared.domain.errors import RostrumError
from shared.domain.job import Job
from shared.domain.part import Part
from shared.domain.stage import Stage, StageState
from shared.pipeline.advance import advance, follow_step
from shared.pipeline.requests import STEPS, send_step
from shared.pipeline.services import Services

log = logging.getLogger(__name__)

MAX_RESEND_PAUSE = timedelta(hours=1)
"""A message that only waits its turn in a long queue is sent again at growing intervals, up to this one."""


def sweep(services: Services) -> int:
    """Looks at every job that has not ended; returns how many messages were sent again.

    A job that cannot be swept, for whatever reason, does not keep the others from it.
    """
    resent = 0
    for job in services.storage.jobs.all_active():
        try:
            resent += _sweep_job(services, job)
        except RostrumError as error:
            log.warning("sweep failed", extra={"action": "sweep", "job_id": job.job_id, "code": error.code})
        except Exception:
            log.exception("sweep failed", extra={"action": "sweep", "job_id": job.job_id})
    return resent


def _sweep_job(services: Services, job: Job) -> int:
    advance(services, job)
    resent = 0
    for stage, progress in job.stages.items():
        planned = stage is Stage.DOWNLOAD or job.stages[Stage.DOWNLOAD].state.is_over
        if progress.state.is_over or not planned:  # before the plan, `job` does not know how many parts a stage has
            continue
        rows = services.storage.parts.of_job(job.job_id, stage)
        for stored in rows:
            if _is_lost(stored.value, services.clock(), timedelta(seconds=services.settings.stale_after_sec)):
                log.info("step sent again", extra={"action": "resend", "job_id": job.job_id, "stage": str(stage)})
                send_step(services, job, stored)
                resent += 1
        for step in STEPS[stage]:
            if any(stored.value.step is step for stored in rows):
                follow_step(services, job, stage, step)
    return resent


def _is_lost(part: Part, now: datetime, stale_after: timedelta) -> bool:
    last_sent = now - part.sent_at if part.sent_at else MAX_RESEND_PAUSE
    pause = min(stale_after * (1 << min(part.sends, 16)), max(MAX_RESEND_PAUSE, stale_after))
    if part.state is StageState.WAITING:
        return last_sent >= pause
    silent = now - (part.heartbeat_at or now)
    return part.state is StageState.RUNNING and silent >= stale_after and last_sent >= stale_after
