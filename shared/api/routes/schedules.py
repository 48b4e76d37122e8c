"""Schedules: recordings that are submitted at every time of a cron."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from shared.api.dependencies import ReaderDep, ServicesDep, WriterDep, checked_id, off_loop
from shared.api.http.links import Links
from shared.api.http.paging import DEFAULT_PAGE, Cursor, Limit
from shared.api.idempotency.keyed_route import IdempotentRoute, ReservedDep
from shared.api.models.schedules import CreateSchedule, SchedulePage, ScheduleView
from shared.api.openapi.problem_examples import JOB_REFUSED, NO_SCHEDULE, NO_SESSION, TOO_MANY_SCHEDULES
from shared.api.openapi.route_docs import reading, writing
from shared.domain.errors import ForeignOrigin, StorageFull
from shared.pipeline.jobs.scheduled_submission import SUBMIT, remove_schedule, schedule_submission, submission_schedule

router = APIRouter(prefix="/schedules", tags=["schedules"], route_class=IdempotentRoute)

_LOCATION = {"Location": {"description": "The schedule.", "schema": {"type": "string"}}}


async def known_schedule_id(scheduleId: str) -> str:  # noqa: N803 - the name in the path
    """Return the path's schedule id; raise NotFound when it cannot be one."""
    return checked_id(scheduleId, "schedule")


ScheduleId = Annotated[str, Depends(known_schedule_id)]


@router.post(
    "",
    status_code=201,
    summary="Create a schedule",
    responses={
        201: {"headers": _LOCATION},
        **writing(NO_SESSION, TOO_MANY_SCHEDULES, *JOB_REFUSED, StorageFull),
    },
    operation_id="createSchedule",
)
async def create_schedule(
    body: CreateSchedule,
    request: Request,
    response: Response,
    services: ServicesDep,
    caller: WriterDep,
    reserved: ReservedDep,
) -> ScheduleView:
    """Submits a recording at every time of the cron in the time zone, one job a run.

    Runs that were missed while the service was down are made up for by one. When clocks go forward, a time that does
    not exist runs right after the gap; when they go back, a time that comes twice runs once, unless the cron runs every
    hour or minute.
    """
    schedule = await off_loop(
        partial(
            schedule_submission,
            services,
            caller.org_id,
            reserved.resource_id,
            body.cron,
            body.time_zone,
            body.job.kept(),
        )
    )
    view = ScheduleView.of(schedule, Links.of(request, services.settings))
    response.headers["Location"] = view.links.self
    return view


@router.get("", summary="List schedules", responses=reading(), operation_id="listSchedules")
async def list_schedules(
    request: Request, services: ServicesDep, caller: ReaderDep, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> SchedulePage:
    """The organisation's schedules, newest first, each with its next and its last run."""
    page = await off_loop(partial(services.storage.schedules.page, caller.org_id, SUBMIT, limit=limit, cursor=cursor))
    links = Links.of(request, services.settings)
    query = {"limit": str(limit), "cursor": page.cursor}
    return SchedulePage(
        items=[ScheduleView.of(schedule, links) for schedule in page.items],
        next_link=links.page("/schedules", query) if page.cursor else None,
    )


@router.get("/{scheduleId}", summary="Get a schedule", responses=reading(NO_SCHEDULE), operation_id="getSchedule")
async def get_schedule(
    schedule_id: ScheduleId, request: Request, services: ServicesDep, caller: ReaderDep
) -> ScheduleView:
    """A schedule with its next and its last run."""
    schedule = await off_loop(partial(submission_schedule, services, caller.org_id, schedule_id))
    return ScheduleView.of(schedule, Links.of(request, services.settings))


@router.delete(
    "/{scheduleId}",
    status_code=204,
    summary="Delete a schedule",
    responses=reading(NO_SCHEDULE, ForeignOrigin),
    operation_id="deleteSchedule",
)
async def delete_schedule(schedule_id: ScheduleId, services: ServicesDep, caller: WriterDep) -> None:
    """No further run begins; the jobs of earlier runs stay."""
    await off_loop(partial(remove_schedule, services, caller.org_id, schedule_id))
