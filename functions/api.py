"""The door of HTTP: one function for every path, which hands the request on to the FastAPI application.

Both bodies stream. Why it is so, and not `AsgiFunctionApp`: docs/decisions/0006-http.md.
"""

import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request, Response

from functions.asgi_bridge import METHODS, HandOn, application

blueprint = func.Blueprint()


@blueprint.route(route="{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def api(req: Request) -> Response:
    """Any request under `/api`; `/api/openapi.json` describes them."""
    return HandOn(await application(), req.headers.get("x-ms-invocation-id"))
