"""The door of HTTP: one function for every path, which hands the request on to the FastAPI application.

Both bodies stream. Why it is so, and not `AsgiFunctionApp`: docs/decisions/0006-http.md.
"""

import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request, Response

from functions.asgi_bridge import METHODS, HandOn, LazyApplication, make_application


def make_blueprint(application: LazyApplication) -> func.Blueprint:
    """Return the trigger of HTTP over this application."""
    made = func.Blueprint()

    @made.route(route="{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
    async def api(req: Request) -> Response:
        """Answer any request under `/api`; `/api/openapi.json` describes them."""
        return HandOn(await application.get(), req.headers.get("x-ms-invocation-id"))

    return made


blueprint = make_blueprint(LazyApplication(make_application))
