"""What every route gets: the services, who calls, and identifiers that may be looked up."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from shared.domain.errors import AuthNotConfigured, NotFound
from shared.pipeline.services import Services

LOCAL_ORGANISATION = "local"
"""Whose everything is while nobody has to say who they are."""

ID_PATTERN = r"^[0-9A-Za-z_-]{1,64}$"
"""What an identifier may look like; anything else could not be a key in storage."""

_ID = re.compile(ID_PATTERN)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls."""

    org_id: str


async def services_of(request: Request) -> Services:
    """The services that the application was created with."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


async def caller(services: Annotated[Services, Depends(services_of)]) -> Caller:
    """Who calls; raises AuthNotConfigured. Without authentication only the emulator's data may be reached."""
    settings = services.settings
    if settings.auth == "none" and settings.storage_is_emulator:
        return Caller(LOCAL_ORGANISATION)
    raise AuthNotConfigured("ROSTRUM_AUTH=none works only while the storage is the local emulator.")


ServicesDep = Annotated[Services, Depends(services_of)]
CallerDep = Annotated[Caller, Depends(caller)]


async def known_job_id(jobId: str) -> str:  # noqa: N803 - the name in the path
    """The path's job id; raises NotFound when it cannot be one."""
    return _checked(jobId, "job")


async def known_session_id(sessionId: str) -> str:  # noqa: N803 - the name in the path
    """The path's session id; raises NotFound when it cannot be one."""
    return _checked(sessionId, "session")


JobId = Annotated[str, Depends(known_job_id)]
SessionId = Annotated[str, Depends(known_session_id)]


async def off_loop(call: Callable[[], T]) -> T:
    """Runs a call that may block on a thread, so that the event loop goes on."""
    return await run_in_threadpool(call)


def _checked(value: str, noun: str) -> str:
    if _ID.fullmatch(value) is None:
        raise NotFound(f"There is no {noun} {value[:64]}.")
    return value
