"""Build requests and read answers: pure functions, shared by the synchronous and the asynchronous client.

Knows nothing of sending, waiting or files.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from pathlib import PurePosixPath
from ssl import SSLContext
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

import httpx
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from rostrum_client.errors import RostrumApiError, UnexpectedAnswer
from rostrum_client.values import from_json

T = TypeVar("T")

TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed a little later."""

IN_USE = "idempotency_key_in_use"
"""The code of the 409 that says that an earlier try of the same request is still being worked on."""

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to send.

    An `address` that begins with a slash is the API's, and gets the token. Any other address is complete, belongs to
    another server, and does not get it.
    """

    method: str
    address: str
    body: Any = None
    content: bytes | None = None
    files: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_sec: float | None = None

    @property
    def is_for_api(self) -> bool:
        """Return whether the request goes to Rostrum itself."""
        return self.address.startswith("/")


def get(*path: str, headers: Mapping[str, str] | None = None, **query: Any) -> Request:
    """Return a GET of the API; `query` in snake_case, without parameters that are None."""
    return Request(method="GET", address=_address(path, query), headers=headers or {})


def post(*path: str, key: str | None = None, body: Any = None, files: Any = None, **query: Any) -> Request:
    """Return a POST of the API, with one key over all its tries, so that it takes effect once."""
    headers = {"Idempotency-Key": key or uuid4().hex}
    return Request(method="POST", address=_address(path, query), body=body, files=files, headers=headers)


def put(*path: str, body: Any, headers: Mapping[str, str] | None = None) -> Request:
    """Return a PUT of the API."""
    return Request(method="PUT", address=_address(path, {}), body=body, headers=headers or {})


def patch(*path: str, body: Any, headers: Mapping[str, str]) -> Request:
    """Return a PATCH of the API, with the header that makes it take effect once."""
    return Request(method="PATCH", address=_address(path, {}), body=body, headers=headers)


def delete(*path: str, timeout_sec: float | None = None) -> Request:
    """Return a DELETE of the API."""
    return Request(method="DELETE", address=_address(path, {}), timeout_sec=timeout_sec)


def body(**fields: Any) -> dict[str, Any]:
    """Return a JSON body from the fields that have a value, in camelCase; a time without a zone is local."""
    return {to_camel(name): _plain(value) for name, value in fields.items() if value is not None}


def base_address(url: str) -> str:
    """Return the API's address without a slash at its end; raise ValueError."""
    if not urlsplit(url).hostname or urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"base_url has to be an http(s) address, not {url!r}")
    return url.rstrip("/")


def is_reached_by_proxy(url: str) -> bool:
    """Return whether a proxy may help: it cannot reach this machine's loopback."""
    return urlsplit(url).hostname not in LOOPBACK_HOSTS


@cache
def tls_context(trust_env: bool) -> SSLContext:
    """Return the trusted certificate authorities, read once a process: 19 CPU ms, nearly all of what a client costs.

    With `trust_env`, the environment may name them (SSL_CERT_FILE, SSL_CERT_DIR).
    """
    return httpx.create_ssl_context(trust_env=trust_env)


def build(http: httpx.Client | httpx.AsyncClient, base: str, request: Request, token: str | None) -> httpx.Request:
    """Return the request as httpx sends it."""
    headers = dict(request.headers)
    if request.is_for_api and token:
        headers["Authorization"] = f"Bearer {token}"
    return http.build_request(
        request.method,
        base + request.address if request.is_for_api else request.address,
        json=request.body,
        content=request.content,
        files=request.files,
        headers=headers,
        timeout=httpx.USE_CLIENT_DEFAULT if request.timeout_sec is None else request.timeout_sec,
    )


def read(kind: type[T], response: httpx.Response, text: str | None = None) -> T:
    """Return the answer, or a piece of it, as a value; raise UnexpectedAnswer when it has another shape."""
    try:
        return from_json(kind, response.content if text is None else text)
    except ValidationError as error:
        name = getattr(kind, "__name__", str(kind)).lower()
        raise UnexpectedAnswer(
            f"{origin(response.request.url)} answered with something that is no {name} of Rostrum's:"
            f" is this the right address? ({error.error_count()} fields differ)"
        ) from error


def next_page(request: Request, next_link: str | None) -> Request | None:
    """Return the request for the next page.

    Only the link's query is taken: behind a proxy its host may be another one, which must not get the token.
    """
    if not next_link:
        return None
    path = request.address.partition("?")[0]
    return Request(method="GET", address=f"{path}?{urlsplit(next_link).query}", headers=request.headers)


def may_pass(response: httpx.Response) -> bool:
    """Return whether the same request may succeed a little later."""
    if response.status_code == HTTPStatus.CONFLICT:
        return _problem(response.content).get("code") == IN_USE
    return response.status_code in TRY_AGAIN


def raise_for_problem(response: httpx.Response) -> None:
    """Raise RostrumApiError unless the answer is a success, a redirect or 304; the body must have been read."""
    if response.status_code < HTTPStatus.BAD_REQUEST:
        return
    problem = _problem(response.content)
    try:
        phrase = HTTPStatus(response.status_code).phrase
    except ValueError:
        phrase = f"HTTP status {response.status_code}"
    errors = problem.get("errors")
    raise RostrumApiError(
        code=str(problem.get("code") or f"http_{response.status_code}"),
        title=str(problem.get("title") or phrase),
        detail=str(problem.get("detail") or ""),
        status=response.status_code,
        errors=[error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else (),
        trace_id=problem.get("traceId"),
        retryable=bool(problem.get("retryable")),
        retry_after_sec=retry_after_sec(response.headers),
    )


def retry_after_sec(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the header `Retry-After` in seconds from now: it is a number or an HTTP date (RFC 9110, 10.2.3)."""
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


def artefact(session_id: str, name: str, job_id: str | None = None) -> Request | None:
    """Return the request for an artefact by its name in the sidecar, None where the API serves none.

    Without `job_id` it is the one of the latest job that made it.
    """
    path = PurePosixPath(name)
    if path.parent.name == "sprites":
        return get("sessions", session_id, "sprites", path.name, job_id=job_id)
    if path.suffix == ".jpg" and path.parent.name == "slides":
        return get("sessions", session_id, "slides", path.name, job_id=job_id)
    if name == "quality.json":
        return get("sessions", session_id, "results", "quality", job_id=job_id)
    if name == "slides.json":
        return get("sessions", session_id, "results", "slides", job_id=job_id)
    if path.suffix in (".jpg", ".jpeg"):
        return get("sessions", session_id, "thumbnails", path.name, job_id=job_id)
    if path.stem == "transcript" and path.suffix in (".json", ".vtt", ".srt", ".txt", ".html"):
        return get("sessions", session_id, "results", "transcript", format=path.suffix[1:], job_id=job_id)
    if name == "words.vtt":
        return get("sessions", session_id, "results", "transcript", format="words", job_id=job_id)
    if name == "podcast-chapters.json":
        return get("sessions", session_id, "results", "chapters", format="podcast", job_id=job_id)
    if name == "instructor-tracking.json":
        return get("sessions", session_id, "results", "instructor-tracking", job_id=job_id)
    if name == "peaks.json":
        return get("sessions", session_id, "results", "peaks", job_id=job_id)
    if name == "track-plot.json":
        return get("sessions", session_id, "results", "track-plot", job_id=job_id)
    if name in ("track-heatmap.png", "track-x.png"):
        return get("sessions", session_id, "pictures", name, job_id=job_id)
    if name == "instructor-by-segment.json":
        return get("sessions", session_id, "results", "instructor-by-segment", job_id=job_id)
    if name in ("chapters.json", "chapters.vtt"):
        return get("sessions", session_id, "results", "chapters", format=path.suffix[1:], job_id=job_id)
    if name == "sidecar.json":
        return get("sessions", session_id, "sidecar", job_id=job_id)
    return None


def rendition(session_id: str, name: str, job_id: str | None) -> Request | None:
    """Return the request for the address in storage of a video or sound that a job made, None where it is none."""
    if name not in ("track-overlay.mp4", "follow.mp4", "rendition.mp4", "audio.m4a"):
        return None
    return get("sessions", session_id, "renditions", name, job_id=job_id)


def origin(url: httpx.URL) -> str:
    """Return the scheme, host and port of the address."""
    return f"{url.scheme}://{url.netloc.decode()}"


def _problem(content: bytes) -> Mapping[str, Any]:
    try:
        problem = json.loads(content)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _address(path: Sequence[str], query: Mapping[str, Any]) -> str:
    asked = {to_camel(name): _plain(value) for name, value in query.items() if value is not None}
    asked = {name: str(value).lower() if isinstance(value, bool) else value for name, value in asked.items()}
    return "".join(f"/{quote(each, safe='')}" for each in path) + (f"?{urlencode(asked)}" if asked else "")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return dict(value) if isinstance(value, Mapping) else value
