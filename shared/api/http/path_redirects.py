"""Redirect the paths that people type: one with a slash at its end, and the API's root.

Apart from the routers, whose own redirect makes an absolute address of the `Host` that the request names.
"""

from urllib.parse import quote

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

PERMANENT, TEMPORARY = 308, 307
"""Both keep the method and the body."""

START_PAGE = "/docs"

_UNQUOTED = "/:@!$&'()*+,;=~"
"""https://www.rfc-editor.org/rfc/rfc3986#section-3.3"""


class PathRedirects:
    """Wraps the application: answers such a path with the path to use."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _redirected(scope) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        status, path = found
        query = scope["query_string"].decode("ascii")
        location = quote(path, safe=_UNQUOTED) + (f"?{query}" if query else "")
        await Response(status_code=status, headers={"Location": location})(scope, receive, send)


def _redirected(scope: Scope) -> tuple[int, str] | None:
    """Return the status and the path of the redirect, or None.

    The path begins with one slash: with two it would name another host.
    """
    root = scope.get("root_path", "").rstrip("/")
    path = scope["path"].removeprefix(root)
    if not path.strip("/"):
        return TEMPORARY, root + START_PAGE
    return (PERMANENT, f"{root}/{path.strip('/')}") if path.endswith("/") else None
