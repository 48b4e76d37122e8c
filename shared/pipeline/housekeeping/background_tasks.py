"""List, retry and remove background jobs: tasks, and the schedules that create them.

Apart from `shared.pipeline.tasks`, which runs them, because it also deletes dead letters and knows which schedules the
service keeps for itself.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from heapq import nsmallest

from shared.domain.errors import Conflict, NotFound, RostrumError
from shared.domain.schedule import Schedule
from shared.domain.task import SERVICE, TASKS, Task, TaskState, queue_of_task
from shared.pipeline.context import Services
from shared.pipeline.housekeeping.clean_up import CLEAN_UP_ID
from shared.pipeline.tasks.dispatch import restart_task, send_task
from shared.pipeline.updates import retry_conflicts
from shared.storage.cursor import decode_cursor, first_page
from shared.storage.ports import Page, Stored

_CURSOR_KIND = "tasks"

_LATEST_MS = 10**14
"""Later than any creation, in milliseconds: what is left until then sorts newest first."""


class CallState(StrEnum):
    """Where a background job's call stands; a schedule is always `scheduled`."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SCHEDULED = "scheduled"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundCall:
    """A task, or a schedule of tasks."""

    task_id: str
    org_id: str
    name: str
    """The background job's registered name."""

    state: CallState
    attempts: int
    last_error: str | None
    error_is_internal: bool
    """Whether the last error's text is for operators only."""

    created_at: datetime
    next_run_at: datetime | None
    """When the next attempt may begin, or the schedule's next run; None when there will be none."""

    last_run_at: datetime | None
    """The cron's time of the schedule's latest run."""

    finished_at: datetime | None
    cron: str | None
    time_zone: str | None

    @classmethod
    def of_task(cls, task: Task) -> "BackgroundCall":
        """Return a task as a call."""
        return cls(
            task_id=task.task_id,
            org_id=task.org_id,
            name=task.name,
            state=CallState(task.state),
            attempts=task.attempts,
            last_error=task.last_error,
            error_is_internal=task.error_code in (None, RostrumError.code),
            created_at=task.created_at,
            next_run_at=task.due_at if task.state is TaskState.WAITING else None,
            last_run_at=None,
            finished_at=task.finished_at,
            cron=None,
            time_zone=None,
        )

    @classmethod
    def of_schedule(cls, schedule: Schedule) -> "BackgroundCall":
        """Return a schedule as a call that recurs."""
        return cls(
            task_id=schedule.schedule_id,
            org_id=schedule.org_id,
            name=schedule.name,
            state=CallState.SCHEDULED,
            attempts=0,
            last_error=schedule.last_error,
            error_is_internal=False,
            created_at=schedule.created_at,
            next_run_at=schedule.next_run_at,
            last_run_at=schedule.last_run_at,
            finished_at=None,
            cron=schedule.cron,
            time_zone=schedule.time_zone,
        )


def calls_page(
    services: Services, org_ids: Sequence[str], *, state: CallState | None, limit: int, cursor: str | None = None
) -> Page[BackgroundCall]:
    """Return the calls of these organisations, newest first; memory holds one page, however many there are."""
    after = decode_cursor(_CURSOR_KIND, cursor)
    keyed = ((_key(call), call) for call in _calls(services, org_ids, state))
    following = ((key, call) for key, call in keyed if key > after)
    return first_page(_CURSOR_KIND, nsmallest(limit + 1, following, key=lambda each: each[0]), limit)


def find_call(services: Services, org_ids: Sequence[str], task_id: str) -> BackgroundCall:
    """Return the task or the schedule with this id; raise NotFound, also for another organisation's."""
    with suppress(NotFound):
        return BackgroundCall.of_task(_task(services, org_ids, task_id).value)
    return BackgroundCall.of_schedule(_schedule(services, org_ids, task_id).value)


def retry_call(services: Services, org_ids: Sequence[str], task_id: str) -> BackgroundCall:
    """Begin a failed task afresh, or make a waiting one due now.

    Raises:
        NotFound: There is no such task.
        Conflict: The task is running or done, or it is a schedule.
    """
    return BackgroundCall.of_task(retry_conflicts(partial(_retry, services, org_ids, task_id), services.sleep))


def remove_call(services: Services, org_ids: Sequence[str], task_id: str) -> None:
    """Delete a task with its dead letter, or a schedule, so that no further attempt or run begins.

    An attempt that is running is not stopped; it is not repeated.

    Raises:
        NotFound: There is no such task.
        Conflict: The service keeps this schedule for itself.
    """
    retry_conflicts(partial(_remove, services, org_ids, task_id), services.sleep)


def _retry(services: Services, org_ids: Sequence[str], task_id: str) -> Task:
    try:
        stored = _task(services, org_ids, task_id)
    except NotFound:
        _schedule(services, org_ids, task_id)
        raise Conflict("A schedule has no attempt to repeat; it runs at its next time.") from None
    if stored.value.state is TaskState.WAITING:
        return send_task(services, stored, due_at=services.clock()).value
    if stored.value.state is not TaskState.FAILED:
        raise Conflict(f"Only a task that failed or waits can be retried; this one is {stored.value.state}.")
    restarted = restart_task(services, stored).value
    _drop_letter(services, stored.value)
    return restarted


def _remove(services: Services, org_ids: Sequence[str], task_id: str) -> None:
    try:
        stored = _task(services, org_ids, task_id)
    except NotFound:
        schedule = _schedule(services, org_ids, task_id)
        if schedule.value.schedule_id == CLEAN_UP_ID and schedule.value.org_id == SERVICE:
            raise Conflict("The service keeps this schedule for itself, and would create it again.") from None
        services.storage.schedules.delete(schedule)
        return
    services.storage.tasks.delete(stored)
    _drop_letter(services, stored.value)


def _drop_letter(services: Services, task: Task) -> None:
    """Delete the dead letter of a task that is no longer failed; after a crash before it, the letter has no point."""
    letters = services.storage.dead_letters
    for queue in {queue_of_task(task.name), TASKS}:  # an earlier release kept those of every job under `tasks`
        with suppress(NotFound):
            letters.delete(letters.get(task.org_id, queue, task.letter_id or ""))


def _calls(services: Services, org_ids: Sequence[str], state: CallState | None) -> Iterator[BackgroundCall]:
    if state is not CallState.SCHEDULED:
        states = tuple(TaskState) if state is None else (TaskState(state),)
        yield from map(BackgroundCall.of_task, services.storage.tasks.of_organisations(org_ids, states))
    if state in (None, CallState.SCHEDULED):
        for org_id in org_ids:
            yield from map(BackgroundCall.of_schedule, services.storage.schedules.of_organisation(org_id))


def _key(call: BackgroundCall) -> str:
    return f"{_LATEST_MS - int(call.created_at.timestamp() * 1000):014d}:{call.task_id}"


def _task(services: Services, org_ids: Sequence[str], task_id: str) -> Stored[Task]:
    stored = services.storage.tasks.get(task_id)
    if stored.value.org_id not in org_ids:
        raise NotFound(f"There is no task {task_id}.")
    return stored


def _schedule(services: Services, org_ids: Sequence[str], task_id: str) -> Stored[Schedule]:
    for org_id in org_ids:
        with suppress(NotFound):
            return services.storage.schedules.get(org_id, task_id)
    raise NotFound(f"There is no task {task_id}.")
