"""Dependencies of every route: the services, the caller, and ids that may be looked up."""

import re
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from starlette.concurrency import run_in_threadpool

from shared.api.auth.caller import Caller as Caller
from shared.api.auth.caller import Scope
from shared.api.auth.identity import Identity
from shared.api.auth.local_only import refuse_foreign
from shared.api.limits import Limits
from shared.domain.errors import NotFound
from shared.domain.task import SERVICE
from shared.pipeline.context import Services

ID_PATTERN = r"^[0-9A-Za-z_-]{1,64}$"
"""The pattern of an id; another text cannot be a key in storage."""

_ID = re.compile(ID_PATTERN)

T = TypeVar("T")


async def services_of(request: Request) -> Services:
    """Return the services that the application was created with."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


async def limits_of(request: Request) -> Limits:
    """Return the limits that the application was created with."""
    limits = request.app.state.limits
    assert isinstance(limits, Limits)
    return limits


async def authenticate(request: Request, services: Services) -> Caller:
    """Return the caller, determined and counted once a request; raise what `Identity.caller_of` and `refuse_foreign`
    raise.
    """
    known = getattr(request.state, "caller", None)
    if isinstance(known, Caller):
        return known
    state = request.app.state
    if not hasattr(state, "identity"):
        state.identity = Identity(services.settings)
    identity = state.identity
    assert isinstance(identity, Identity)
    who = await identity.caller_of(request.headers.get("authorization"))
    if services.settings.auth == "none":
        refuse_foreign(request, services.settings.public_url, services.settings.browser_origins)
    request.state.caller = who
    return who


_BEARER = HTTPBearer(
    scheme_name="bearer",
    bearerFormat="JWT",
    description="A JSON Web Token with `org_id` and `scopes`: `jobs:read`, `jobs:write`, `admin`.",
    auto_error=False,
)
"""Only describes: `authenticate` reads the header itself."""

ServicesDep = Annotated[Services, Depends(services_of)]
LimitsDep = Annotated[Limits, Depends(limits_of)]


async def caller(
    request: Request,
    services: ServicesDep,
    needed: SecurityScopes,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Caller:
    """Return the caller; raise what `authenticate` raises, and InsufficientScope."""
    who = await authenticate(request, services)
    for scope in needed.scopes:
        who.require(Scope(scope))
    return who


ReaderDep = Annotated[Caller, Security(caller, scopes=[Scope.READ.value])]
WriterDep = Annotated[Caller, Security(caller, scopes=[Scope.WRITE.value])]
AdminDep = Annotated[Caller, Security(caller, scopes=[Scope.ADMIN.value])]


async def known_job_id(jobId: str) -> str:  # noqa: N803 - the name in the path
    """Return the path's job id; raise NotFound when it cannot be one."""
    return checked_id(jobId, "job")


async def known_session_id(sessionId: str) -> str:  # noqa: N803 - the name in the path
    """Return the path's session id; raise NotFound when it cannot be one."""
    return checked_id(sessionId, "session")


def organisations_of(caller: Caller, services: Services) -> tuple[str, ...]:
    """Return the organisations with background jobs and dead letters that the caller looks after.

    Without authentication the caller is who runs the service, and looks after its own as well.
    """
    return (caller.org_id, SERVICE) if services.settings.auth == "none" else (caller.org_id,)


JobId = Annotated[str, Depends(known_job_id)]
SessionId = Annotated[str, Depends(known_session_id)]


async def off_loop(call: Callable[[], T]) -> T:
    """Run a call that may block on a thread, so that the event loop goes on."""
    return await run_in_threadpool(call)


def checked_id(value: str, noun: str) -> str:
    """Return the id from a path; raise NotFound, with the noun, when it cannot be one."""
    if _ID.fullmatch(value) is None:
        raise NotFound(f"There is no {noun} {value[:64]}.")
    return value
