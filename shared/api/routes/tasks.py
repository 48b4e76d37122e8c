"""Background jobs: what waits, runs, failed, or recurs by a cron."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BeforeValidator

from shared.api.dependencies import ReaderDep, ServicesDep, WriterDep, off_loop, organisations_of
from shared.api.http.links import Links
from shared.api.http.paging import DEFAULT_PAGE, Cursor, Limit
from shared.api.idempotency.keyed_route import IdempotentRoute
from shared.api.models.tasks import TaskPage, TaskView
from shared.api.openapi.problem_examples import NO_TASK, SERVICE_SCHEDULE, TASK_RUNNING
from shared.api.openapi.route_docs import acting, reading
from shared.domain.errors import ForeignOrigin, NotFound
from shared.pipeline.context import Services
from shared.pipeline.housekeeping.background_tasks import (
    BackgroundCall,
    CallState,
    calls_page,
    find_call,
    remove_call,
    retry_call,
)
from shared.pipeline.tasks.dispatch import MAX_ID_CHARS
from shared.storage.table import is_possible_key

router = APIRouter(prefix="/tasks", tags=["tasks"], route_class=IdempotentRoute)

_LOCATION = {"Location": {"description": "The background job.", "schema": {"type": "string"}}}

InState = Annotated[
    CallState | None,
    BeforeValidator(
        lambda given: None if given == "" else given, json_schema_input_type=CallState | Literal[""] | None
    ),
    Query(description="Only those in this state; `scheduled` are those with a cron."),
]


async def known_task_id(taskId: str) -> str:  # noqa: N803 - the name in the path
    """Return the path's task id, which its creator may have chosen; raise NotFound when it cannot be one."""
    if len(taskId) > MAX_ID_CHARS or not is_possible_key(taskId):
        raise NotFound("There is no such task.")
    return taskId


TaskId = Annotated[str, Depends(known_task_id)]


@router.get("", summary="List background jobs", responses=reading(), operation_id="listTasks")
async def list_tasks(
    request: Request,
    services: ServicesDep,
    caller: ReaderDep,
    state: InState = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> TaskPage:
    """The organisation's background jobs, newest first: webhooks, removals, scheduled submissions, and schedules with
    their cron. One that is done leaves no row, unless its id was chosen: then for an hour."""
    orgs = organisations_of(caller, services)
    page = await off_loop(partial(calls_page, services, orgs, state=state, limit=limit, cursor=cursor))
    query = {"state": state, "limit": str(limit), "cursor": page.cursor}
    return TaskPage(
        items=[_view(call, request, services) for call in page.items],
        next_link=Links.of(request, services.settings).page("/tasks", query) if page.cursor else None,
    )


@router.get("/{taskId}", summary="Get a background job", responses=reading(NO_TASK), operation_id="getTask")
async def get_task(task_id: TaskId, request: Request, services: ServicesDep, caller: ReaderDep) -> TaskView:
    """A background job with its state, its attempts, its last error and its next run."""
    orgs = organisations_of(caller, services)
    return _view(await off_loop(partial(find_call, services, orgs, task_id)), request, services)


@router.post(
    "/{taskId}/retry",
    status_code=202,
    summary="Retry a background job",
    responses={202: {"headers": _LOCATION}, **acting(NO_TASK, TASK_RUNNING)},
    operation_id="retryTask",
)
async def retry_task(
    task_id: TaskId, request: Request, response: Response, services: ServicesDep, caller: WriterDep
) -> TaskView:
    """Begins a job that failed afresh, with all its attempts; one that waits runs now."""
    orgs = organisations_of(caller, services)
    view = _view(await off_loop(partial(retry_call, services, orgs, task_id)), request, services)
    response.headers["Location"] = view.links.self
    return view


@router.delete(
    "/{taskId}",
    status_code=204,
    summary="Remove a background job",
    responses={204: {"description": "It does not run again"}, **reading(NO_TASK, SERVICE_SCHEDULE, ForeignOrigin)},
    operation_id="removeTask",
)
async def remove_task(task_id: TaskId, services: ServicesDep, caller: WriterDep) -> None:
    """Removes a background job, and its dead letter; or a schedule, whose cron then begins no further run. An attempt
    that runs is not stopped, and not repeated."""
    await off_loop(partial(remove_call, services, organisations_of(caller, services), task_id))


def _view(call: BackgroundCall, request: Request, services: Services) -> TaskView:
    is_operator = services.settings.auth == "none"
    return TaskView.of(call, Links.of(request, services.settings), is_operator=is_operator)
