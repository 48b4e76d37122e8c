"""Conditional GET: entity tags, and 304 for a caller that has the present version.

https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match
"""

from starlette.requests import Request
from starlette.responses import Response


def weak_tag(version: int | str) -> str:
    """The tag of a version whose bytes may differ from one answer to the next."""
    return f'W/"{version}"'


def not_modified(request: Request, tag: str) -> Response | None:
    """The 304 that ends the request, or None when it has to be answered in full."""
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag.removeprefix("W/") not in known and known != ["*"]:
        return None
    return Response(status_code=304, headers={"ETag": tag})
