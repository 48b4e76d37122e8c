"""Tell any caller whether the API and its storage answer."""

import logging

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Response

from shared.api.auth.caller import LOCAL_ORGANISATION
from shared.api.dependencies import LimitsDep, ServicesDep
from shared.api.models.views import View
from shared.api.version import VERSION
from shared.domain.errors import TransientError
from shared.pipeline.context import Services

router = APIRouter(tags=["health"])
log = logging.getLogger(__name__)


class HealthView(View):
    """Whether the API and its storage answer."""

    status: str
    version: str
    storage: str


@router.get(
    "/health",
    summary="Ask whether the API works",
    responses={503: {"model": HealthView, "description": "The storage does not answer"}},
    operation_id="health",
)
async def health(response: Response, services: ServicesDep, limits: LimitsDep) -> HealthView:
    """`{"status": "ok", …}`, or 503 when the storage does not answer within a few seconds."""
    answers = await _storage_answers(services, limits.storage_answers_within_sec)
    if not answers:
        response.status_code = 503
    response.headers["Cache-Control"] = "no-store"
    words = ("ok", "ok") if answers else ("unavailable", "unavailable")
    return HealthView(status=words[0], version=VERSION, storage=words[1])


async def _storage_answers(services: Services, within_sec: float) -> bool:
    with anyio.move_on_after(within_sec):
        try:
            await run_sync(lambda: services.storage.jobs.page(LOCAL_ORGANISATION, limit=1), abandon_on_cancel=True)
        except TransientError as error:
            log.warning("storage does not answer", extra={"action": "health", "detail": error.detail})
            return False
        return True
    return False
