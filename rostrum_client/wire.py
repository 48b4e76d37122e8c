"""How requests are put and answers are read: pure functions, shared by every client whatever its colour.

Knows nothing of sending, waiting or files.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

import httpx

from rostrum_client.errors import RostrumApiError, UploadFailed

TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same safe request may succeed a little later."""

NOT_ACCEPTED = frozenset({429, 503})
"""Statuses that say that nothing was done, so that even a POST may be sent again."""


def raise_for_problem(response: httpx.Response) -> None:
    """Raise RostrumApiError unless the answer is a success or 304; the body must have been read."""
    if response.is_success or response.status_code == HTTPStatus.NOT_MODIFIED:
        return
    problem = _problem(response.content)
    try:
        phrase = HTTPStatus(response.status_code).phrase
    except ValueError:
        phrase = f"HTTP status {response.status_code}"
    raise RostrumApiError(
        code=str(problem.get("code") or f"http_{response.status_code}"),
        title=str(problem.get("title") or phrase),
        detail=_detail(problem),
        status=response.status_code,
    )


def _problem(body: bytes) -> Mapping[str, Any]:
    try:
        problem = json.loads(body)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _detail(problem: Mapping[str, Any]) -> str:
    """The problem's detail, with the first validation errors where there are any (RFC 9457 extension `errors`)."""
    detail = str(problem.get("detail") or "")
    errors = problem.get("errors")
    if isinstance(errors, list):
        told = [f"{error.get('pointer', '')}: {error.get('detail', '')}" for error in errors if isinstance(error, dict)]
        told = [each for each in told if each not in detail]  # Rostrum's own detail names the first ones already
        return " ".join(filter(None, [detail, f"({'; '.join(told[:3])})" if told else ""]))
    return detail


def retry_after_sec(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The header `Retry-After` in seconds from now: it is a number or an HTTP date (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def body_without_nones(**fields: Any) -> dict[str, Any]:
    """A JSON body from the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def artefact_path(session_id: str, name: str) -> str | None:
    """The endpoint that serves an artefact, None where there is none. `name` is as in the sidecar."""
    session = f"/sessions/{quote(session_id, safe='')}"
    path = PurePosixPath(name)
    if path.suffix in (".jpg", ".jpeg"):
        return f"{session}/thumbnails/{quote(path.name, safe='')}"
    if path.stem == "transcript" and path.suffix in (".json", ".vtt", ".srt", ".txt"):
        return f"{session}/results/transcript?format={path.suffix[1:]}"
    if name == "instructor-tracking.json":
        return f"{session}/results/instructor-tracking"
    if name == "sidecar.json":
        return f"{session}/sidecar"
    return None


def block_id(index: int) -> str:
    """A block's id: all of a blob's ids must have the same length before encoding (Put Block)."""
    return base64.b64encode(f"{index:08d}".encode()).decode()


def block_url(upload_url: str, identifier: str) -> str:
    """Where Put Block sends one block: the SAS address plus the block's id."""
    return _with_query(upload_url, comp="block", blockid=identifier)


def block_list_url(upload_url: str) -> str:
    """Where Put Block List commits the blocks."""
    return _with_query(upload_url, comp="blocklist")


def block_list(identifiers: Sequence[str]) -> bytes:
    """The body of Put Block List: the blocks in the order of the file."""
    latest = "".join(f"<Latest>{escape(identifier)}</Latest>" for identifier in identifiers)
    return f'<?xml version="1.0" encoding="utf-8"?><BlockList>{latest}</BlockList>'.encode()


def raise_for_storage(response: httpx.Response) -> None:
    """Raise UploadFailed unless storage took what was sent."""
    if response.is_success:
        return
    reason = response.headers.get("x-ms-error-code") or f"HTTP status {response.status_code}"
    hint = (
        " The upload's address may have expired: start again." if response.status_code == HTTPStatus.FORBIDDEN else ""
    )
    raise UploadFailed(f"Storage refused a block of the file ({reason}).{hint}")


def _with_query(url: str, **added: str) -> str:
    """The signed address stays as it is, byte for byte: parameters are only appended."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(added)}"
