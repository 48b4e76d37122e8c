"""Sessions: the list, one with its jobs, and where its recording can be played from."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from shared.api.dependencies import ReaderDep, ServicesDep, SessionId, WriterDep, off_loop
from shared.api.http.conditional import NOT_MODIFIED, tagged
from shared.api.http.links import Links
from shared.api.http.paging import DEFAULT_PAGE, Cursor, Limit
from shared.api.http.trace import trace_of
from shared.api.idempotency.keyed_route import IdempotentRoute, ReservedDep
from shared.api.models.accepted import HEADER_DOCS, accepted
from shared.api.models.job_views import JobView
from shared.api.models.requests import ProcessSession
from shared.api.models.session_views import SessionDetail, SessionPage, SessionView
from shared.api.openapi.problem_examples import BEING_MADE, JOB_REFUSED, NO_SESSION, STILL_AT_WORK
from shared.api.openapi.route_docs import reading, writing
from shared.domain.errors import ChecksumMismatch, ForeignOrigin, StorageFull
from shared.domain.job import Job
from shared.domain.session import Session
from shared.pipeline.context import Services
from shared.pipeline.housekeeping.delete_results import delete_results
from shared.pipeline.housekeeping.delete_session import delete_session
from shared.pipeline.jobs.results import audio_url, media_url, playable_url
from shared.pipeline.jobs.submit import JobRequest, submit_session

router = APIRouter(prefix="/sessions", tags=["sessions"], route_class=IdempotentRoute)

JOBS_SHOWN = 20
MEDIA = {None: media_url, "playable": playable_url, "audio": audio_url}
"""How the address of each form is found."""
Rendition = Annotated[
    Literal["playable", "audio"] | None, Query(description="Which form of the recording; as it came unless given.")
]
MEDIA_LOCATION = {"Location": {"description": "The recording in storage.", "schema": {"type": "string"}}}


@router.get("", summary="List sessions", responses=reading(), operation_id="listSessions")
async def list_sessions(
    request: Request, services: ServicesDep, caller: ReaderDep, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> SessionPage:
    """The organisation's sessions, newest first."""
    page = await off_loop(partial(services.storage.sessions.page, caller.org_id, limit=limit, cursor=cursor))
    links = Links.of(request, services.settings)
    query = {"limit": str(limit), "cursor": page.cursor}
    return SessionPage(
        items=[SessionView.of(session, links) for session in page.items],
        next_link=links.page("/sessions", query) if page.cursor else None,
    )


@router.get(
    "/{sessionId}",
    summary="Get a session",
    responses=NOT_MODIFIED | reading(NO_SESSION),
    operation_id="getSession",
    response_model=SessionDetail,
)
async def get_session(session_id: SessionId, request: Request, services: ServicesDep, caller: ReaderDep) -> Response:
    """A session with what is known of its recording, and its latest jobs, with an `ETag`; answers 304 to
    `If-None-Match` while nothing of it changed."""
    session, jobs = await off_loop(partial(_with_jobs, services, caller.org_id, session_id))
    return tagged(request, SessionDetail.with_jobs(session, jobs, Links.of(request, services.settings)))


@router.post(
    "/{sessionId}/process",
    status_code=202,
    summary="Process a recording again",
    responses={
        202: {"headers": HEADER_DOCS},
        **writing(NO_SESSION, *JOB_REFUSED, StorageFull),
    },
    operation_id="processSession",
)
async def process_session(
    session_id: SessionId,
    request: Request,
    response: Response,
    services: ServicesDep,
    caller: WriterDep,
    reserved: ReservedDep,
    body: ProcessSession | None = None,
) -> JobView:
    """A new job over the stored recording, with other options if they are given. What earlier jobs made stays, and can
    be had with `?jobId=` from the results."""
    body = body or ProcessSession()
    job_request = JobRequest(
        org_id=caller.org_id,
        options=body.options.to_domain(),
        callback_url=body.callback_url,
        traceparent=trace_of(request).traceparent,
        start_at=body.begins_at(services.clock()),
        job_id=reserved.job_id,
    )
    job = await off_loop(partial(submit_session, services, job_request, session_id))
    return accepted(request, response, services, job)


@router.delete(
    "/{sessionId}",
    status_code=204,
    summary="Delete a session",
    responses={204: {"description": "Nothing can be seen of it any more"}, **reading(NO_SESSION, ForeignOrigin)},
    operation_id="deleteSession",
)
async def remove_session(session_id: SessionId, services: ServicesDep, caller: WriterDep) -> None:
    """Deletes the recording, its jobs and everything they made, for good. Jobs that are at work are stopped first; what
    they hold is deleted within seconds."""
    await off_loop(partial(delete_session, services, caller.org_id, session_id))


@router.delete(
    "/{sessionId}/results",
    status_code=204,
    summary="Delete a session's results",
    responses={
        204: {"description": "Nothing that jobs derived is left"},
        **reading(NO_SESSION, STILL_AT_WORK, ForeignOrigin),
    },
    operation_id="deleteResults",
)
async def remove_results(session_id: SessionId, services: ServicesDep, caller: WriterDep) -> None:
    """Deletes what jobs derived from the recording: results, intermediate files, and what the search finds. The
    recording and the jobs stay, and `POST …/process` makes new results. While a job runs: 409."""
    await off_loop(partial(delete_results, services, caller.org_id, session_id))


@router.get(
    "/{sessionId}/media",
    summary="Play the recording",
    status_code=302,
    responses={
        302: {"description": "A short-lived address that allows reading", "headers": MEDIA_LOCATION},
        **reading(NO_SESSION, BEING_MADE, ChecksumMismatch),
    },
    operation_id="getMedia",
    response_class=RedirectResponse,
)
async def get_media(
    session_id: SessionId, services: ServicesDep, caller: ReaderDep, rendition: Rendition = None
) -> RedirectResponse:
    """Leads to the recording in storage, for a while; ranges are served there. `rendition=playable` leads to a video
    that every browser plays: the one that a job made, or the recording itself if it is one. `rendition=audio` leads to
    the sound alone, at the loudness of podcasts and with chapters."""
    url = await off_loop(partial(MEDIA[rendition], services, caller.org_id, session_id))
    return RedirectResponse(url, status_code=302, headers={"Cache-Control": "no-store"})


def _with_jobs(services: Services, org_id: str, session_id: str) -> tuple[Session, list[Job]]:
    session = services.storage.sessions.get(org_id, session_id).value
    return session, list(services.storage.jobs.page(org_id, limit=JOBS_SHOWN, session_id=session_id).items)
