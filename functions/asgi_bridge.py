"""Hand a request of the Functions worker on to an ASGI application, without holding either body."""

import sys
import threading
from collections.abc import Callable

from azure.functions import HttpMethod
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.domain.errors import SettingsInvalid
from shared.wiring import services

METHODS = [str(method.value) for method in HttpMethod]

ROOT_PATH = "/api"
"""The host's route prefix, which stands in the path as the worker sees it."""

INVOCATION_HEADER = b"x-ms-invocation-id"

_SCOPE_KEYS = (
    "type",
    "asgi",
    "http_version",
    "method",
    "scheme",
    "path",
    "raw_path",
    "query_string",
    "headers",
    "client",
    "server",
)
"""The keys of the scope that belong to the request; the others belong to the worker's own application."""

_COORDINATORS = ("azure_functions_worker.http_v2", "azure_functions_runtime.http_v2")


class LazyApplication:
    """An ASGI application that is made at the first request: indexing must stay fast and touch no storage."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None

    async def get(self) -> ASGIApp:
        """Return the application.

        While it cannot be made for want of readable settings, return one that answers every request with that problem.
        """
        try:
            return self._app if self._app is not None else await run_in_threadpool(self._make_once)
        except SettingsInvalid as error:
            return _answering(error)

    def _make_once(self) -> ASGIApp:
        with self._lock:
            if self._app is None:
                self._app = self._make()
            return self._app


def make_application() -> ASGIApp:
    """Return the API over this process's services; raise SettingsInvalid."""
    from shared.api.app import create_app  # not while the app is indexed: it builds every model of the API

    return create_app(services())


def _answering(error: SettingsInvalid) -> ASGIApp:
    from shared.api.http.outer_middleware import Guard

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return Guard(fail)


class HandOn(Response):
    """A response that lets `app` answer the request it is called with."""

    def __init__(self, app: ASGIApp, invocation_id: str | None) -> None:
        super().__init__()
        self._app = app
        self._invocation_id = invocation_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        inner: Scope = {key: scope[key] for key in _SCOPE_KEYS if key in scope}
        inner["root_path"] = ROOT_PATH
        inner["headers"] = [(name, value) for name, value in scope["headers"] if name.lower() != INVOCATION_HEADER]
        try:
            await self._app(inner, receive, send)
        finally:
            _forget(self._invocation_id)


def _forget(invocation_id: str | None) -> None:
    """Free the 2 kB that the worker keeps of each request for ever; do nothing in a worker that is built otherwise."""
    for name in _COORDINATORS:
        coordinator = getattr(sys.modules.get(name), "http_coordinator", None)
        references = getattr(coordinator, "_context_references", None)
        if isinstance(references, dict):
            references.pop(invocation_id, None)
