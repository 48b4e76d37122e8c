"""The HTTP API as one ASGI application; knows nothing of Azure Functions, which hands requests on to it."""

from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute

from shared.api.events.hub import EventHub
from shared.api.events.stream_places import StreamPlaces
from shared.api.http.body_pace import json_pace
from shared.api.http.cross_origin import allow_origins
from shared.api.http.head_requests import HeadIsGet, allowed_methods
from shared.api.http.outer_middleware import Guard
from shared.api.http.path_redirects import PathRedirects
from shared.api.http.problems import problem_response
from shared.api.limits import Limits
from shared.api.openapi.description import DESCRIPTION, TAGS, complete
from shared.api.routes import (
    deliveries,
    docs,
    handing_over,
    health,
    imports,
    ingest,
    jobs,
    pictures,
    queues,
    removals,
    results,
    schedules,
    search,
    sessions,
    tasks,
    traces,
    transcripts,
    vocabularies,
)
from shared.api.version import VERSION
from shared.domain.errors import RostrumError
from shared.pipeline.context import Services
from shared.pipeline.housekeeping.queue_info import JobCounts

ROUTERS = (
    queues.router,  # before the jobs, whose ids its paths would be
    jobs.router,
    deliveries.router,
    traces.router,
    schedules.router,
    vocabularies.router,
    tasks.router,
    ingest.router,
    imports.router,
    sessions.router,
    results.router,
    transcripts.router,
    pictures.router,
    handing_over.router,
    search.router,
    removals.router,
    health.router,
    docs.router,
)


def create_app(services: Services, limits: Limits | None = None) -> FastAPI:
    """Return the application over these services, with the service's limits unless it is given other ones."""
    app = _bare_app()
    app.state.services = services
    app.state.limits = limits or Limits()
    app.state.event_hub = EventHub(services.storage.jobs)
    app.state.job_counts = JobCounts(services)
    app.state.stream_places = StreamPlaces(services.settings.max_event_streams_per_org)
    for kind in (RostrumError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer_problem)
    app.add_middleware(HeadIsGet)
    app.add_middleware(Guard, pace=json_pace(services.settings), telemetry=services.telemetry)
    app.add_middleware(PathRedirects)
    allow_origins(app, services.settings.browser_origins)  # outermost, so that a page can read every failure
    app.openapi = _description  # type: ignore[method-assign]
    return app


def _bare_app() -> FastAPI:
    """Return the routes and what the description says of them, without services."""
    return FastAPI(
        title="Rostrum",
        version=VERSION,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        servers=[{"url": "/api"}],
        docs_url=None,  # the page of our own, which loads nothing from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        webhooks=deliveries.webhooks,
        routes=_routes(),
    )


@cache
def _description() -> dict[str, Any]:
    """Return the API's description, the same for every application; it takes FastAPI half a second."""
    return complete(_bare_app().openapi())


@cache
def _routes() -> list[BaseRoute]:
    """Return the routes of every application, so that FastAPI analyses each route once a process (2 ms a route)."""
    root = APIRouter()
    for router in ROUTERS:
        root.include_router(router)
    return root.routes


async def _answer_problem(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        routes = [route for router in (*ROUTERS, request.app.router) for route in router.routes]
        error.headers = {"Allow": ", ".join(allowed_methods(routes, request.scope))}
    return problem_response(request, error)
