"""Submit jobs and follow them."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from shared.api.dependencies import Caller, JobId, ReaderDep, ServicesDep, WriterDep, off_loop
from shared.api.events.hub import EventHub
from shared.api.events.stream import EVENT_SCHEMA, event_stream
from shared.api.events.stream_places import StreamPlaces
from shared.api.http.conditional import NOT_MODIFIED, not_modified, weak_tag
from shared.api.http.links import Links
from shared.api.http.paging import DEFAULT_PAGE, Active, Cursor, Limit, OfSession, Status
from shared.api.http.trace import trace_of
from shared.api.idempotency.keyed_route import IdempotentRoute, ReservedDep
from shared.api.models.accepted import HEADER_DOCS, accepted
from shared.api.models.job_views import JobPage, JobStatusView, JobView
from shared.api.models.requests import SubmitJob
from shared.api.openapi.problem_examples import JOB_REFUSED, NO_SESSION, UPLOAD_EXPIRED
from shared.api.openapi.route_docs import acting, reading, writing
from shared.api.routes.deliveries import latest_deliveries, version_with
from shared.domain.errors import (
    Conflict,
    ForeignOrigin,
    NotFound,
    StorageFull,
    TooManyStreams,
    UploadIncomplete,
)
from shared.domain.job import Job
from shared.pipeline.context import Services
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.jobs.submit import JobRequest, retry_job, submit_session, submit_url
from shared.pipeline.jobs.uploads import commit_upload

router = APIRouter(tags=["jobs"], route_class=IdempotentRoute)

REFUSED = (NO_SESSION, UPLOAD_EXPIRED, UploadIncomplete, *JOB_REFUSED, StorageFull)
"""Why a recording may not be accepted."""


@router.post(
    "/jobs",
    status_code=202,
    summary="Submit a recording",
    responses={202: {"headers": HEADER_DOCS}, **writing(*REFUSED)},
    operation_id="submitJob",
)
async def submit_job(
    body: SubmitJob,
    request: Request,
    response: Response,
    services: ServicesDep,
    caller: WriterDep,
    reserved: ReservedDep,
) -> JobView:
    """Takes a recording by its address, an announced upload, or a session that is there, and starts a job over it.

    The same is offered as `POST /downloader`, its older name.
    """
    start_at = body.begins_at(services.clock())
    job_request = body.job_request(caller.org_id, trace_of(request).traceparent, reserved, start_at)
    job = await off_loop(partial(_submit, services, job_request, body))
    return accepted(request, response, services, job)


router.add_api_route(
    "/downloader",
    submit_job,
    methods=["POST"],
    status_code=202,
    summary="Submit a recording (older name)",
    responses={202: {"headers": HEADER_DOCS}, **writing(*REFUSED)},
    operation_id="submitDownload",
)


@router.get("/jobs", summary="List jobs", responses=reading(), operation_id="listJobs")
async def list_jobs(
    request: Request,
    services: ServicesDep,
    caller: ReaderDep,
    active: Active = None,
    status: Status = None,
    session_id: OfSession = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> JobPage:
    """Jobs that fit all that is asked, newest first. Pages do not shift while jobs are added."""
    page = await off_loop(
        partial(
            services.storage.jobs.page,
            caller.org_id,
            limit=limit,
            cursor=cursor,
            session_id=session_id,
            active=active,
            status=status,
        )
    )
    links = Links.of(request, services.settings)
    query = {
        "active": None if active is None else str(active).lower(),
        "status": status,
        "sessionId": session_id,
        "limit": str(limit),
        "cursor": page.cursor,
    }
    return JobPage(
        items=[JobView.of(job, links) for job in page.items],
        next_link=links.page("/jobs", query) if page.cursor else None,
    )


@router.get(
    "/jobs/{jobId}",
    summary="Get a job",
    responses=NOT_MODIFIED | reading(NotFound),
    operation_id="getJob",
    response_model=JobView,
)
async def get_job(
    job_id: JobId, request: Request, response: Response, services: ServicesDep, caller: ReaderDep
) -> JobView | Response:
    """The whole job, with its webhooks' latest deliveries, and an `ETag`; answers 304 to `If-None-Match` while nothing
    changed."""
    job = await _job(services, caller, job_id)
    deliveries = await off_loop(partial(latest_deliveries, services, job))
    tag = weak_tag(version_with(job, deliveries))
    response.headers["ETag"] = tag
    links = Links.of(request, services.settings)
    return not_modified(request, tag) or JobView.of(job, links, deliveries, with_cost=True)


@router.get(
    "/jobs/{jobId}/status",
    summary="Get a job's status",
    responses=NOT_MODIFIED | reading(NotFound),
    operation_id="getJobStatus",
    response_model=JobStatusView,
)
async def get_job_status(
    job_id: JobId, request: Request, response: Response, services: ServicesDep, caller: ReaderDep
) -> JobStatusView | Response:
    """The job's status, stage, progress and error, with an `ETag` as for the whole job."""
    job = await _job(services, caller, job_id)
    tag = weak_tag(job.event_sequence)
    response.headers["ETag"] = tag
    return not_modified(request, tag) or JobStatusView.of(job)


@router.get(
    "/jobs/{jobId}/events",
    summary="Follow a job",
    responses={
        200: {"description": "Server-Sent Events", "content": {"text/event-stream": {"schema": EVENT_SCHEMA}}},
        204: {"description": "The job has ended and there is nothing after `Last-Event-ID`"},
        **reading(NotFound, TooManyStreams),
    },
    operation_id="followJob",
    response_class=Response,
)
async def follow_job(
    job_id: JobId,
    request: Request,
    services: ServicesDep,
    caller: ReaderDep,
    last_event_id: Annotated[str, Header(alias="Last-Event-ID", max_length=20)] = "",
    last_event_id_query: Annotated[
        str, Query(alias="lastEventId", max_length=20, description="For clients that cannot set the header.")
    ] = "",
) -> Response:
    """The job's history after `Last-Event-ID` and then what happens, as Server-Sent Events.

    `event:` is `status`, `progress` or `error`, `id:` a sequence without gaps, `data:` the job's state. The stream ends
    after a final status, and by itself after a few minutes: come again with the last `id`, as browsers do.
    """
    known = last_event_id or last_event_id_query
    after = int(known) if known.isdecimal() else 0
    hub: EventHub = request.app.state.event_hub
    places: StreamPlaces = request.app.state.stream_places
    return await event_stream(hub, places, services, caller.org_id, job_id, after)


@router.post(
    "/jobs/{jobId}/retry",
    status_code=202,
    summary="Try a job again",
    responses={
        202: {"headers": HEADER_DOCS},
        **acting(
            NotFound,
            Conflict("Only a job in ERROR or CANCELED can be tried again; this one is DONE."),
            *JOB_REFUSED,
            StorageFull,
        ),
    },
    operation_id="retryJob",
)
async def retry(
    job_id: JobId, request: Request, response: Response, services: ServicesDep, caller: WriterDep
) -> JobView:
    """Begins the next attempt of a job in ERROR or CANCELED, from the stage that failed; finished parts are kept."""
    job = await off_loop(partial(retry_job, services, caller.org_id, job_id))
    return accepted(request, response, services, job)


@router.delete(
    "/jobs/{jobId}",
    status_code=202,
    summary="Cancel a job",
    responses=reading(NotFound, Conflict, ForeignOrigin),
    operation_id="cancelJob",
)
async def cancel(job_id: JobId, request: Request, services: ServicesDep, caller: WriterDep) -> JobView:
    """Ends a job: at once while no worker runs a step of it, otherwise within seconds. Nothing unfinished is left."""
    job = await off_loop(partial(cancel_job, services, caller.org_id, job_id))
    return JobView.of(job, Links.of(request, services.settings))


async def _job(services: Services, caller: Caller, job_id: str) -> Job:
    return (await off_loop(partial(services.storage.jobs.get, caller.org_id, job_id))).value


def _submit(services: Services, request: JobRequest, body: SubmitJob) -> Job:
    if body.source_url is not None:
        return submit_url(services, request, body.source_url)
    if body.upload_id is not None:
        return commit_upload(services, request, body.upload_id)
    assert body.session_id is not None
    return submit_session(services, request, body.session_id)
