"""Routes that honour `Idempotency-Key`: a request that is repeated with its key is served once.

The first 2xx answer is kept for 24 hours and replayed, marked `Idempotency-Replayed: true`. A key belongs to an
organisation and a path. With another body it is refused (422 `idempotency_key_reused`), and so is a repetition while
the first request is still served (409 `idempotency_key_in_use`). Other answers are not kept: after a request was
refused (4xx) the key is free, and after a failure (5xx) it is free for the same request.

The header follows https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import Depends
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from shared.api.auth.caller import Scope
from shared.api.dependencies import ServicesDep, authenticate, limits_of, off_loop, services_of
from shared.api.http.body_pace import import_pace
from shared.api.http.links import Links
from shared.api.http.problems import problem_of
from shared.api.idempotency.fingerprint import body_fingerprint, form_fingerprint
from shared.api.idempotency.replay import REPLAYED, replayed
from shared.api.idempotency.subject import subject_of
from shared.domain.errors import InvalidRequest
from shared.domain.idempotency import Answer, IdempotencyRecord, Reserved
from shared.domain.text import LongText
from shared.pipeline.jobs.idempotency import Claim, claim_key, require_same, reserve

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

HEADER = "Idempotency-Key"
MAX_KEY_CHARS = 255
MAX_OTHER_FIELDS_BYTES = 1024**2
"""A generous bound on the bytes of a form beside the recording."""

_KEPT_HEADERS = ("content-type", "location", "operation-location", "retry-after")
_KEY = re.compile(rf"[!-~]{{1,{MAX_KEY_CHARS}}}")

_KEY_DOCS = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Makes it safe to send the request again: for 24 hours the same key gives the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS, "pattern": "^[!-~]+$"},
}
_REPLAYED_DOCS = {
    "description": "`true` when this is the answer to an earlier request with the same key.",
    "schema": {"type": "string", "enum": ["true"]},
}


class IdempotentRoute(APIRoute):
    """A route that honours the header on POST; the body has to be short enough to be held."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "POST" in (options.get("methods") or ()):
            options = {**options, **_described(options)}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        if "POST" not in (self.methods or ()):
            return handle

        async def once(request: Request) -> Response:
            return await (self._once(request, handle) if HEADER in request.headers else handle(request))

        return once

    async def fingerprint(self, request: Request) -> str | None:
        """Return the fingerprint of the body, or None when the endpoint will call `Claim.settle` with it."""
        return body_fingerprint(request.url.query, await request.body())

    async def short_body(self, request: Request) -> bytes:
        """Return the body where it is short enough to be held."""
        return await request.body()

    async def check_repeated(self, request: Request, record: IdempotencyRecord) -> None:
        """Raise IdempotencyKeyReused unless the request is the one that the record belongs to.

        To be called for a request with a fingerprint that was not known before.
        """

    async def _once(self, request: Request, handle: Handler) -> Response:
        services = await services_of(request)
        caller = await authenticate(request, services)
        for scope in self._scopes():
            caller.require(Scope(scope))
        route, key = request.scope["path"], _key(request)
        fingerprint = await self.fingerprint(request)
        claimed = await off_loop(partial(claim_key, services, caller.org_id, route, key, fingerprint))
        if isinstance(claimed, IdempotencyRecord):
            await self.check_repeated(request, claimed)
            assert claimed.answer is not None
            return replayed(claimed.answer, Links.of(request, services.settings).base)
        request.state.claim = claimed
        return await _serve(request, handle, claimed, await self.short_body(request))

    def _scopes(self) -> Iterator[str]:
        """Return the scopes that the endpoint requires: only a caller that could have had the first answer gets the
        replay.
        """
        for dependency in self.dependant.dependencies:
            yield from dependency.own_oauth_scopes or ()


class StreamedRoute(IdempotentRoute):
    """The same for a multipart body that is read as it arrives: the endpoint has to call `Claim.settle` with the
    fingerprint of the form before it makes anything of it."""

    async def fingerprint(self, request: Request) -> str | None:
        return None

    async def short_body(self, request: Request) -> bytes:
        return b""

    async def check_repeated(self, request: Request, record: IdempotencyRecord) -> None:
        services = await services_of(request)
        at_most_bytes = services.settings.max_source_bytes + MAX_OTHER_FIELDS_BYTES
        pace = import_pace(services.settings)
        require_same(record, await form_fingerprint(request, at_most_bytes, pace) or "none")


def claim_of(request: Request) -> Claim | None:
    """Return the claim under which the request is served, or None if it came without a key."""
    claim = getattr(request.state, "claim", None)
    return claim if isinstance(claim, Claim) else None


async def reserved_ids(request: Request, services: ServicesDep) -> Reserved:
    """Return the ids for what the request creates: the same ones when it is repeated with its key, else new ones."""
    claim = claim_of(request)
    return claim.reserved if claim else reserve(services)


ReservedDep = Annotated[Reserved, Depends(reserved_ids)]


async def _serve(request: Request, handle: Handler, claim: Claim, said: bytes) -> Response:
    try:
        async with _renewed(claim, (await limits_of(request)).renew_claim_every_sec):
            response = await handle(request)
    except Exception as error:
        await off_loop(partial(claim.release, nothing_made=problem_of(error).status < 500))
        raise
    if not 200 <= response.status_code < 300:
        await off_loop(partial(claim.release, nothing_made=response.status_code < 500))
        return response
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    body = LongText(bytes(response.body).decode())
    base = Links.of(request, (await services_of(request)).settings).base
    answer = Answer(status=response.status_code, headers=headers, body=body, base=base)
    about = subject_of(request.path_params, said, bytes(response.body))
    await off_loop(partial(claim.finish, answer, about))
    return response


@asynccontextmanager
async def _renewed(claim: Claim, every_sec: float) -> AsyncIterator[None]:
    """Renew the claim periodically until the block ends."""
    over = asyncio.Event()

    async def renew() -> None:
        while not over.is_set():
            try:
                async with asyncio.timeout(every_sec):
                    await over.wait()
            except TimeoutError:
                await off_loop(claim.renew)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        over.set()
        await renewing


def _key(request: Request) -> str:
    keys = request.headers.getlist(HEADER)
    if len(keys) != 1 or _KEY.fullmatch(keys[0]) is None:
        raise InvalidRequest(
            f"The header {HEADER} must be given once and have 1 to {MAX_KEY_CHARS} visible ASCII characters."
        )
    return keys[0]


def _described(options: dict[str, Any]) -> dict[str, Any]:
    """Return the route's description with the header, and with the mark of a replay."""
    extra = options.get("openapi_extra") or {}
    success = str(options.get("status_code") or 200)
    return {
        "openapi_extra": {
            **extra,
            "parameters": [*extra.get("parameters", ()), _KEY_DOCS],
            "responses": {**extra.get("responses", {}), success: {"headers": {REPLAYED: _REPLAYED_DOCS}}},
        },
    }
