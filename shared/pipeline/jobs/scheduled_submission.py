"""Submit a recording at every time of a cron, as `POST /jobs` would.

Apart from the schedules of tasks, which know nothing of recordings.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from shared.domain.errors import Conflict, InvalidRequest, NotFound, RostrumError
from shared.domain.ids import newest_first_id
from shared.domain.job import Job
from shared.domain.options import JobOptions
from shared.domain.schedule import Schedule
from shared.domain.task import Task
from shared.pipeline.context import Services
from shared.pipeline.jobs.submit import JobRequest, check_source_url, submit_session, submit_url, validate_request
from shared.pipeline.jobs.vocabularies import terms_for
from shared.pipeline.tasks.job_manager import job_manager
from shared.pipeline.tasks.schedules import keep_schedule
from shared.pipeline.updates import retry_conflicts
from shared.storage.table import utf16_units

log = logging.getLogger(__name__)

SUBMIT = "submit_scheduled"
MAX_SCHEDULES = 100
"""Of one organisation, or a few more when several are made at the same moment."""
MAX_REQUEST_UNITS = 30_000
"""Of the request as JSON: it has to fit into a row with the schedule's name."""


def schedule_submission(
    services: Services, org_id: str, schedule_id: str, cron: str, time_zone: str, request: Mapping[str, Any]
) -> Schedule:
    """Keep a schedule of submissions; the same id again returns the schedule that is there.

    `request` has the fields of `POST /jobs` by their names there, with `sourceUrl` or `sessionId`. A request that a
    submission would refuse is refused now.

    Raises:
        InvalidRequest: The request is too long, or its address is not allowed.
        NotFound: There is no such session.
        Conflict: The organisation has the largest number of schedules.
        RostrumError: As `submit_url`.
    """
    _refuse_too_long(request)
    options = JobOptions.from_json(request["options"])
    validate_request(services, options, request.get("callbackUrl"))
    terms_for(services, org_id, options)
    if "sourceUrl" in request:
        check_source_url(request["sourceUrl"])
    else:
        services.storage.sessions.get(org_id, request["sessionId"])
    _refuse_too_many(services, org_id, schedule_id)
    return keep_schedule(
        services,
        schedule_id=schedule_id,
        org_id=org_id,
        name=SUBMIT,
        arguments=submit_scheduled.arguments(org_id, schedule_id, dict(request)),
        cron=cron,
        time_zone=time_zone,
    )


def submission_schedule(services: Services, org_id: str, schedule_id: str) -> Schedule:
    """Return a schedule of submissions; raise NotFound, also for a schedule of anything else."""
    schedule = services.storage.schedules.get(org_id, schedule_id).value
    if schedule.name != SUBMIT:
        raise NotFound(f"There is no schedule {schedule_id}.")
    return schedule


def remove_schedule(services: Services, org_id: str, schedule_id: str) -> None:
    """Delete a schedule of submissions, so that no further run begins; raise NotFound."""
    submission_schedule(services, org_id, schedule_id)

    def once() -> None:
        services.storage.schedules.delete(services.storage.schedules.get(org_id, schedule_id))

    retry_conflicts(once, services.sleep)


@job_manager.job(name=SUBMIT)
def submit_scheduled(services: Services, task: Task, org_id: str, schedule_id: str, request: dict[str, Any]) -> None:
    """Submit a schedule's recording, and store the outcome on the schedule.

    Idempotent: a task that runs twice submits once. A retryable error is raised, as in any background job.
    """
    try:
        services.storage.schedules.get(org_id, schedule_id)
    except NotFound:
        log.info("schedule is missing", extra={"action": "ignore", "schedule_id": schedule_id, "org_id": org_id})
        return
    try:
        job = _submit(services, task, org_id, request)
    except RostrumError as error:
        _note(services, org_id, schedule_id, last_error=error.detail)
        if error.retryable:
            raise
        log.warning("scheduled submission refused", extra={"schedule_id": schedule_id, "code": error.code})
        return
    _note(services, org_id, schedule_id, last_job_id=job.job_id, last_error=None)


def _refuse_too_long(request: Mapping[str, Any]) -> None:
    units = utf16_units(json.dumps(request, ensure_ascii=False))
    if units > MAX_REQUEST_UNITS:
        raise InvalidRequest(
            f"The job, with its metadata and options, has {units} characters as JSON; a schedule can keep at most "
            f"{MAX_REQUEST_UNITS}."
        )


def _refuse_too_many(services: Services, org_id: str, schedule_id: str) -> None:
    there = services.storage.schedules.page(org_id, SUBMIT, limit=MAX_SCHEDULES).items
    if len(there) >= MAX_SCHEDULES and schedule_id not in {schedule.schedule_id for schedule in there}:
        raise Conflict(f"The organisation has {MAX_SCHEDULES} schedules, which is the most; delete one first.")


def _submit(services: Services, task: Task, org_id: str, request: Mapping[str, Any]) -> Job:
    job_request = JobRequest(
        org_id=org_id,
        session_name=request.get("sessionName"),
        metadata=request.get("metadata", {}),
        options=JobOptions.from_json(request.get("options", {})),
        callback_url=request.get("callbackUrl"),
        job_id=_id_for(task, "job"),
        session_id=_id_for(task, "session"),
    )
    if "sourceUrl" in request:
        return submit_url(services, job_request, request["sourceUrl"])
    return submit_session(services, job_request, request["sessionId"])


def _id_for(task: Task, what: str) -> str:
    """Return an identifier that is the same for the same task, so that a second run finds what the first made."""
    digest = int.from_bytes(hashlib.sha256(f"{task.task_id}:{what}".encode()).digest())
    return newest_first_id(task.created_at, lambda bits: digest >> (256 - bits))


def _note(services: Services, org_id: str, schedule_id: str, **changes: Any) -> None:
    def once() -> None:
        stored = services.storage.schedules.get(org_id, schedule_id)
        services.storage.schedules.update(stored, stored.value.evolve(**changes))

    try:
        retry_conflicts(once, services.sleep)
    except NotFound:
        return  # deleted meanwhile
