"""HEAD wherever GET is, and what else an address takes; neither of which the routers do by themselves.

https://www.rfc-editor.org/rfc/rfc9110#name-head
"""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_EVENTS = "/events"
"""The end of addresses whose answer has no end, so that asking for its head alone makes no sense."""


class HeadIsGet:
    """Wraps the application: a HEAD is answered as the GET would be, up to where its body begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"].endswith(_EVENTS):
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                await send({"type": "http.response.body", "body": b""})
                raise _HeadSent  # nothing of the body is read from storage

        try:
            await self._app({**scope, "method": "GET"}, receive, send_head)
        except _HeadSent:
            return


def allowed_methods(routes: Iterable[BaseRoute], scope: Scope) -> list[str]:
    """Return every method that is accepted at the scope's path: those of the first route that matches it, and of other
    routes
    with the very same pattern. A route with an id in that place is another address.
    """
    fitting = [route for route in routes if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE]
    methods = {method for route in fitting if route.path == fitting[0].path for method in route.methods or ()}
    if "GET" in methods and not scope["path"].endswith(_EVENTS):
        methods.add("HEAD")
    return sorted(methods)


class _HeadSent(Exception):
    """Stop the code that makes a response when its head is all that was asked for."""
