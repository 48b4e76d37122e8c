"""Keep schedules, and create a task of each that is due.

The task of a run has an id made of the schedule's and the run's time, and is written before the schedule moves on to
its next time. Two ticks at once, or one that crashes in between, make one task.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from shared.domain.errors import RostrumError, WriteConflict
from shared.domain.schedule import Schedule
from shared.domain.task import Task
from shared.pipeline.context import Services
from shared.pipeline.tasks.cron import next_run
from shared.pipeline.tasks.dispatch import create_task
from shared.pipeline.updates import retry_conflicts
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

MAX_RUNS_A_TICK = 200
MAX_RUNS_A_TICK_PER_ORG = 25
"""More schedules of an organisation wait for the next ticks; other organisations do not wait for them."""


def keep_schedule(
    services: Services,
    *,
    schedule_id: str | None,
    org_id: str,
    name: str,
    arguments: Mapping[str, Any],
    cron: str,
    time_zone: str,
) -> Schedule:
    """Return the schedule of these calls; create it unless it is there, and change the one that has the given id.

    Without an id it gets one made of everything else, so that the same schedule is never there twice. Raises
    InvalidRequest.
    """
    cron = " ".join(cron.split())
    now = services.clock()
    schedule = Schedule(
        schedule_id=schedule_id or _fingerprint(org_id, name, arguments, cron, time_zone),
        org_id=org_id,
        name=name,
        arguments=arguments,
        cron=cron,
        time_zone=time_zone,
        next_run_at=next_run(cron, time_zone, now),
        created_at=now,
    )
    try:
        return services.storage.schedules.create(schedule).value
    except WriteConflict:
        return retry_conflicts(partial(_change, services, schedule), services.sleep)


def run_due_schedules(services: Services) -> int:
    """Create one task of every due schedule, however many runs it missed; return how many were created.

    A schedule that cannot be run is logged and skipped.
    """
    runs = 0
    for stored in services.storage.schedules.due(MAX_RUNS_A_TICK, MAX_RUNS_A_TICK_PER_ORG):
        facts = {"action": "schedule", "schedule_id": stored.value.schedule_id, "org_id": stored.value.org_id}
        try:
            _run(services, stored)
            runs += 1
        except WriteConflict:
            log.info("schedule skipped: another tick runs it", extra=facts)
        except RostrumError as error:
            log.warning("schedule failed", extra={**facts, "code": error.code, "detail": error.detail})
        except Exception:
            log.exception("schedule failed", extra=facts)
    return runs


def run_id(schedule: Schedule) -> str:
    """Return the id of the task for the schedule's next run."""
    return f"{schedule.schedule_id}-{schedule.next_run_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _run(services: Services, stored: Stored[Schedule]) -> None:
    schedule, now = stored.value, services.clock()
    following = next_run(schedule.cron, schedule.time_zone, now)
    task = Task(
        task_id=run_id(schedule),
        once=True,
        org_id=schedule.org_id,
        name=schedule.name,
        arguments=schedule.arguments,
        created_at=now,
        due_at=now,
    )
    create_task(services, task)
    moved = schedule.evolve(next_run_at=following, last_run_at=schedule.next_run_at)
    services.storage.schedules.update(stored, moved)


def _change(services: Services, wanted: Schedule) -> Schedule:
    stored = services.storage.schedules.get(wanted.org_id, wanted.schedule_id)
    there = stored.value
    if _content(there) == _content(wanted):
        return there
    asked = there.evolve(
        name=wanted.name,
        arguments=wanted.arguments,
        cron=wanted.cron,
        time_zone=wanted.time_zone,
        next_run_at=_earliest(there, wanted),
    )
    return services.storage.schedules.update(stored, asked).value


def _earliest(there: Schedule, wanted: Schedule) -> datetime:
    same_times = (there.cron, there.time_zone) == (wanted.cron, wanted.time_zone)
    return there.next_run_at if same_times else wanted.next_run_at


def _content(schedule: Schedule) -> tuple[str, Mapping[str, Any], str, str]:
    return schedule.name, schedule.arguments, schedule.cron, schedule.time_zone


def _fingerprint(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
