"""Addresses of the API's own resources: absolute where their beginning is known, else relative.

The `Host` of a request is what the caller wrote. A front end or a cache may pass on any, so that an address made of it
may lead a client that follows it, with its token, to another server.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from starlette.requests import Request

from shared.settings import Settings


class Links:
    """Makes addresses under one base."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")

    @classmethod
    def of(cls, request: Request, settings: Settings) -> "Links":
        """Return links under `settings.public_url`; without it under the address that the request came to while the
        storage is the emulator, and under the path alone elsewhere.

        Behind a local front end that speaks TLS the request itself is plain HTTP: `X-Forwarded-Proto` names the scheme.
        """
        if settings.public_url:
            return cls(settings.public_url)
        if not settings.storage_is_emulator:
            return cls(str(request.scope.get("root_path", "")))
        scheme = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
        base = request.base_url
        return cls(str(base.replace(scheme=scheme) if scheme in ("http", "https") else base))

    @property
    def base(self) -> str:
        """Return what every link begins with."""
        return self._base

    def job(self, job_id: str) -> str:
        """Return the address of a job."""
        return f"{self._base}/jobs/{job_id}"

    def job_status(self, job_id: str) -> str:
        """Return the address of a job's status alone."""
        return f"{self.job(job_id)}/status"

    def job_events(self, job_id: str) -> str:
        """Return the address of a job's event stream."""
        return f"{self.job(job_id)}/events"

    def session(self, session_id: str) -> str:
        """Return the address of a session."""
        return f"{self._base}/sessions/{session_id}"

    def schedule(self, schedule_id: str) -> str:
        """Return the address of a schedule."""
        return f"{self._base}/schedules/{schedule_id}"

    def task(self, task_id: str) -> str:
        """Return the address of a background job."""
        return f"{self._base}/tasks/{quote(task_id, safe='')}"

    def page(self, path: str, query: Mapping[str, str | None]) -> str:
        """Return the address of a page of a list."""
        return f"{self._base}{path}?{urlencode({name: value for name, value in query.items() if value is not None})}"
