"""Serve the HTTP triggers as an ASGI application, with the types of `azurefunctions-extensions-http-fastapi`.

As in the real worker, a function gets a FastAPI request with the host's route parameters. The response that it returns
is called with (scope, receive, send), so both bodies stream.
https://learn.microsoft.com/azure/azure-functions/functions-reference-python#http-streams
"""

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, PlainTextResponse

from devhost.errors import AppError
from devhost.function_index import LoadedFunction

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger("devhost.http")
_SEGMENT = re.compile(r"^\{(\*?)(\w+)(?::(\w+))?(\?)?\}$")
_CONSTRAINTS = {None: r"[^/]+", "int": r"-?\d+", "alpha": r"[A-Za-z]+", "guid": r"[0-9A-Fa-f-]{36}"}


@dataclass(frozen=True, slots=True)
class Route:
    """One HTTP function and the paths it answers."""

    function: LoadedFunction
    pattern: re.Pattern[str]
    rank: tuple[int, ...]


class BodyTooLarge(Exception):
    """The request body passes the host's limit."""


def compile_route(function: LoadedFunction, prefix: str) -> Route:
    """Compile a route template of the host: `{name}`, `{name:int}`, `{name?}` and `{*rest}`."""
    parts, rank = [], []
    for segment in filter(None, f"{prefix}/{function.trigger.route}".split("/")):
        match = _SEGMENT.match(segment)
        if match is None:
            parts.append("/" + re.escape(segment))
            rank.append(0)
            continue
        catch_all, name, constraint, optional = match.groups()
        if constraint not in _CONSTRAINTS:
            raise AppError(f"Function {function.trigger.name}: route constraint {constraint!r} is not supported here")
        inner = f"/(?P<{name}>{'.*' if catch_all else _CONSTRAINTS[constraint]})"
        parts.append(f"(?:{inner})?" if catch_all or optional else inner)
        rank.append(2 if catch_all else 1)
    return Route(function, re.compile("^" + "".join(parts) + "/?$"), tuple(rank))


class HttpApp:
    """Finds the function for a request and lets it answer."""

    def __init__(
        self,
        functions: list[LoadedFunction],
        *,
        route_prefix: str,
        timeout_sec: float | None,
        body_limit_bytes: int,
    ) -> None:
        routes = [compile_route(function, route_prefix) for function in functions if function.trigger.kind == "http"]
        self._routes = sorted(routes, key=lambda route: route.rank)
        self._timeout_sec = timeout_sec
        self._body_limit_bytes = body_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise AppError(f"this host does not answer {scope['type']}")
        function, parameters, allowed = self._find(scope["method"], scope["path"])
        if function is None:
            await _no_function(scope["path"], allowed)(scope, receive, send)
            return
        answer = _Answer(scope, receive, send, self._body_limit_bytes)
        try:
            async with asyncio.timeout(self._timeout_sec):
                await _call(function, parameters, scope, answer)
            if answer.too_large:
                await answer.fail(413)
        except BodyTooLarge:
            await answer.fail(413)
        except TimeoutError:
            log.error("function passed functionTimeout", extra={"function": function.trigger.name})
            await answer.fail(500)
        except Exception:
            log.exception("function failed", extra={"function": function.trigger.name})
            await answer.fail(500)

    def _find(self, method: str, path: str) -> tuple[LoadedFunction | None, dict[str, str], set[str]]:
        """Return the function and its route parameters; or None, with the methods that functions at the path accept."""
        allowed = set[str]()
        for route in self._routes:
            match = route.pattern.match(path)
            if match is None:
                continue
            methods = route.function.trigger.methods
            if not methods or method in methods:
                return route.function, {k: v for k, v in match.groupdict().items() if v is not None}, allowed
            allowed.update(methods)
        return None, {}, allowed


def _no_function(path: str, allowed: set[str]) -> Response:
    if allowed:
        return Response(status_code=405, headers={"allow": ", ".join(sorted(allowed))})
    text = "Your function app is up and running." if path == "/" else ""
    return PlainTextResponse(text, status_code=200 if text else 404)


async def _call(function: LoadedFunction, parameters: dict[str, str], scope: Scope, answer: "_Answer") -> None:
    headers = [*scope["headers"], (b"x-ms-invocation-id", str(uuid.uuid4()).encode())]
    inner = {**scope, "headers": headers, "path_params": parameters}
    answer.check_declared_length()
    request = Request(inner, answer.receive, answer.send)
    if function.is_async:
        result = await function.call(**{function.parameter: request})
    else:
        result = await asyncio.to_thread(function.call, **{function.parameter: request})
    response = result if isinstance(result, Response) else JSONResponse(jsonable_encoder(result))
    await response(inner, answer.receive, answer.send)


class _Answer:
    """Counts the request's body and knows whether the response has begun."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, body_limit_bytes: int) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._limit = body_limit_bytes
        self._read = 0
        self._started = False
        self.too_large = False

    def check_declared_length(self) -> None:
        declared = dict(self._scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit:
            self.too_large = True
            raise BodyTooLarge

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            self.too_large = True
            raise BodyTooLarge
        return message

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if self.too_large and not self._started:
            return  # the app made its own answer of our BodyTooLarge; the host's answer is 413
        self._started = True
        await self._send(message)

    async def fail(self, status: int) -> None:
        """Answer with the bare status, or break the connection when a response is already under way."""
        if self._started:
            raise ConnectionAbortedError("the response broke off")
        await Response(status_code=status, headers={"connection": "close"})(self._scope, self._receive, self._send)
