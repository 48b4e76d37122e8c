"""List the records of deleted sessions: when, why, and how much there was."""

from datetime import datetime
from functools import partial

from fastapi import APIRouter, Request
from pydantic import Field

from shared.api.dependencies import AdminDep, ServicesDep, off_loop
from shared.api.http.links import Links
from shared.api.http.paging import DEFAULT_PAGE, Cursor, Limit
from shared.api.models.views import View
from shared.api.openapi.route_docs import reading
from shared.domain.removal import RemovalReason

router = APIRouter(prefix="/removals", tags=["sessions"])


class RemovalView(View):
    """A session that was deleted. `finishedAt` is null while something is at work on it; the counts are of what was
    deleted by then."""

    removal_id: str
    session_id: str
    org_id: str
    reason: RemovalReason = Field(description="Whether a caller asked for it, or the session's time was over.")
    at: datetime
    finished_at: datetime | None
    jobs: int = Field(ge=0)
    blobs: int = Field(ge=0)
    size_bytes: int = Field(ge=0, description="Of the blobs.")
    rows: int = Field(ge=0, description="Of tables.")
    messages: int = Field(ge=0, description="That waited in queues.")


class RemovalPage(View):
    """Some removals, newest first; `nextLink` leads to the next page and is missing on the last."""

    items: list[RemovalView]
    next_link: str | None = Field(default=None, exclude_if=lambda link: link is None)


@router.get("", summary="List deleted sessions", responses=reading(), operation_id="listRemovals")
async def list_removals(
    request: Request, services: ServicesDep, caller: AdminDep, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> RemovalPage:
    """The organisation's sessions that were deleted, newest first: when, why, and how much there was. Nothing of their
    content is kept, and this only for a time."""
    page = await off_loop(partial(services.storage.removals.page, caller.org_id, limit=limit, cursor=cursor))
    links = Links.of(request, services.settings)
    query = {"limit": str(limit), "cursor": page.cursor}
    return RemovalPage(
        items=[RemovalView.model_validate(removal) for removal in page.items],
        next_link=links.page("/removals", query) if page.cursor else None,
    )
