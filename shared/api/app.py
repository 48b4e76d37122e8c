"""The HTTP API as one ASGI application; knows nothing of Azure Functions, which hands requests on to it."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.api.described import PROBLEM_SCHEMA
from shared.api.event_hub import EventHub
from shared.api.guard import Guard
from shared.api.methods import HeadIsGet, allowed_methods
from shared.api.problems import problem_response
from shared.api.routes import (
    deliveries,
    docs,
    health,
    imports,
    ingest,
    jobs,
    queues,
    results,
    schedules,
    search,
    sessions,
)
from shared.api.version import VERSION
from shared.domain.errors import RostrumError
from shared.pipeline.services import Services

DESCRIPTION = """Rostrum turns a recording of a talk into a transcript, the instructor's track, scenes and thumbnails.

Submit a recording, follow the job, fetch the results. Failures are problem details (RFC 9457) with a stable `code`.

A POST may be sent again with the same `Idempotency-Key` and the same body: for 24 hours it gets the first answer,
marked `Idempotency-Replayed`. Only answers of success are kept, so that a request that was refused can be corrected."""

ROUTERS = (
    queues.router,  # before the jobs, whose ids its paths would be
    jobs.router,
    deliveries.router,
    schedules.router,
    ingest.router,
    imports.router,
    sessions.router,
    results.router,
    search.router,
    health.router,
    docs.router,
)


def create_app(services: Services) -> FastAPI:
    """The application over these services."""
    app = FastAPI(
        title="Rostrum",
        version=VERSION,
        description=DESCRIPTION,
        servers=[{"url": "/api"}],
        docs_url=None,  # the page of our own, which loads nothing from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        webhooks=deliveries.webhooks,
    )
    app.state.services = services
    app.state.event_hub = EventHub(services.storage.jobs)
    for router in ROUTERS:
        app.include_router(router)
    for kind in (RostrumError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer_problem)
    app.add_middleware(HeadIsGet)
    app.add_middleware(Guard)
    _describe_problems(app)
    return app


async def _answer_problem(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        routes = [route for router in (*ROUTERS, request.app.router) for route in router.routes]
        error.headers = {"Allow": ", ".join(allowed_methods(routes, request.scope))}
    return problem_response(request, error)


def _describe_problems(app: FastAPI) -> None:
    """Adds the schema that the routes' problems refer to."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        schema = describe()
        schema["components"]["schemas"].setdefault("Problem", PROBLEM_SCHEMA)
        return schema

    app.openapi = described  # type: ignore[method-assign]
