"""Conditional GET: entity tags, and 304 for a caller that has the present version.

https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Nothing has changed since the given `ETag`"}}
"""How a route that answers so is described."""

_OPAQUE_TAG = re.compile(r'"[!#-~\x80-\xff]*"')


def weak_tag(version: int | str) -> str:
    """Return the tag of a version; its bytes may differ from one answer to the next."""
    return f'W/"{version}"'


def tags_in(header: str) -> list[str]:
    """Return the strong tags of an `If-Match` header; weak ones never match there.

    https://www.rfc-editor.org/rfc/rfc9110#name-if-match
    """
    return [tag[0] for tag in _OPAQUE_TAG.finditer(header) if not header[: tag.start()].endswith("W/")]


def held_tags(header: str | None) -> list[str] | None:
    """Return the tags that the caller of an `If-Match` header holds, `*` for any; None without the header."""
    if header is None:
        return None
    return ["*"] if header.strip() == "*" else tags_in(header)


def not_modified(request: Request, tag: str, headers: Mapping[str, str] | None = None) -> Response | None:
    """Return the 304 that ends the request, or None when it has to be answered in full.

    The 304 carries those headers that the full answer would have too. Tags are compared weakly, as the standard asks of
    `If-None-Match`.
    """
    given = ",".join(request.headers.getlist("if-none-match"))
    if given.strip() != "*" and tag.removeprefix("W/") not in _OPAQUE_TAG.findall(given):
        return None
    return Response(status_code=304, headers={**(headers or {}), "ETag": tag})


def tagged(request: Request, view: BaseModel) -> Response:
    """Return the view as JSON, tagged with a digest of it; or the 304."""
    body = view.model_dump_json(by_alias=True).encode()
    tag = weak_tag(sha256(body).hexdigest()[:32])
    return not_modified(request, tag) or Response(body, media_type="application/json", headers={"ETag": tag})
