"""The queues: what the organisation has in them, and its dead letters: list, remove, put back."""

from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field

from shared.api.dependencies import AdminDep, ReaderDep, ServicesDep, checked_id, off_loop, organisations_of
from shared.api.http.links import Links
from shared.api.http.paging import DEFAULT_PAGE, Cursor, Limit
from shared.api.idempotency.keyed_route import IdempotentRoute
from shared.api.models.views import View
from shared.api.openapi.problem_examples import NO_DEAD_LETTER, NO_QUEUE
from shared.api.openapi.route_docs import acting, reading
from shared.domain.dead_letter import DeadLetter
from shared.domain.errors import ForeignOrigin, StorageFull
from shared.domain.task import SERVICE
from shared.job_status import JobStatus
from shared.pipeline.housekeeping.dead_letter_list import dead_letters_page, remove_dead_letter
from shared.pipeline.housekeeping.queue_info import JobCounts, QueueInfo, queue_info
from shared.pipeline.housekeeping.requeue import requeue_dead_letters

router = APIRouter(prefix="/jobs", tags=["queues"], route_class=IdempotentRoute)


class QueueView(View):
    """The organisation's share of a queue."""

    name: str
    waiting: int = Field(
        ge=0,
        description="About how many steps, or background jobs, the organisation has there: those that wait, those of "
        "jobs that begin later or are tried again later, and those that a worker is at work on.",
    )
    poison: int = Field(ge=0, description="The organisation's dead letters.")
    oldest_seconds: float | None = Field(
        ge=0, description="How long the oldest one that could begin now has been waiting; null without one."
    )


class QueueInfoView(View):
    """All queues, and the organisation's jobs by status."""

    queues: list[QueueView]
    jobs: dict[JobStatus, int] = Field(description="Counted anew every 5 seconds at most.")

    @classmethod
    def of(cls, info: QueueInfo) -> "QueueInfoView":
        """Return the view of the queues."""
        queues = [
            QueueView(name=each.name, waiting=each.waiting, poison=each.poison, oldest_seconds=each.oldest_sec)
            for each in info.queues
        ]
        return cls(queues=queues, jobs=dict(info.jobs))


class DeadLetterView(View):
    """A message that was given up. One that cannot be read belongs to no organisation: then `orgId` is null."""

    letter_id: str
    queue: str
    org_id: str | None
    job_id: str | None
    task_id: str | None
    reason: str
    at: datetime
    body: str | None = Field(
        description="The message as text; null, with tokens, for one that belongs to no organisation: it may hold "
        "what is another's."
    )

    @classmethod
    def of(cls, letter: DeadLetter, *, is_operator: bool) -> "DeadLetterView":
        """Return the view of a dead letter; an operator sees the content of every one."""
        is_shown = is_operator or letter.org_id != SERVICE
        return cls(
            letter_id=letter.letter_id,
            queue=letter.queue,
            org_id=letter.org_id or None,
            job_id=letter.job_id,
            task_id=letter.task_id,
            reason=letter.reason,
            at=letter.at,
            body=letter.body if is_shown else None,
        )


class DeadLetterPage(View):
    """Some dead letters, newest first; `nextLink` leads to the next page and is missing on the last."""

    items: list[DeadLetterView]
    next_link: str | None = Field(default=None, exclude_if=lambda link: link is None)


class RequeuedView(View):
    """How many dead letters were put back."""

    requeued: int = Field(ge=0)


async def known_letter_id(letterId: str) -> str:  # noqa: N803 - the name in the path
    """Return the path's dead letter id; raise NotFound when it cannot be one."""
    return checked_id(letterId, "dead letter")


LetterId = Annotated[str, Depends(known_letter_id)]
QueueName = Annotated[str, Path(description="A queue's name, as queue-info tells it.", examples=["transcriptions"])]


@router.get("/queue-info", summary="Look at the queues", responses=reading(), operation_id="getQueueInfo")
async def get_queue_info(request: Request, services: ServicesDep, caller: ReaderDep) -> QueueInfoView:
    """What the organisation has in each queue, how long the oldest of it waits, and how many of its jobs are in each
    status. Nothing of other organisations is counted."""
    counts: JobCounts = request.app.state.job_counts
    orgs = organisations_of(caller, services)
    return QueueInfoView.of(await off_loop(partial(queue_info, services, orgs, counts)))


@router.get("/poison/{queue}", summary="List dead letters", responses=reading(NO_QUEUE), operation_id="listDeadLetters")
async def list_dead_letters(
    queue: QueueName,
    request: Request,
    services: ServicesDep,
    caller: AdminDep,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> DeadLetterPage:
    """The organisation's dead letters of a queue, and messages that cannot be read, newest first."""
    orgs = (caller.org_id, SERVICE)
    page = await off_loop(partial(dead_letters_page, services, orgs, queue, limit=limit, cursor=cursor))
    is_operator = services.settings.auth == "none"
    query = {"limit": str(limit), "cursor": page.cursor}
    links = Links.of(request, services.settings)
    return DeadLetterPage(
        items=[DeadLetterView.of(letter, is_operator=is_operator) for letter in page.items],
        next_link=links.page(f"/jobs/poison/{queue}", query) if page.cursor else None,
    )


@router.post(
    "/poison/{queue}/requeue",
    summary="Put dead letters back",
    responses=acting(NO_QUEUE, StorageFull),
    operation_id="requeueDeadLetters",
)
async def requeue(
    queue: QueueName,
    services: ServicesDep,
    caller: AdminDep,
) -> RequeuedView:
    """Tries again what was given up: a job that ended in ERROR for it begins its next attempt, a background job's task
    begins afresh. Letters of jobs that were deleted, or tried again since, are dropped and not counted."""
    return RequeuedView(requeued=await off_loop(partial(requeue_dead_letters, services, caller.org_id, queue)))


@router.delete(
    "/poison/{queue}/{letterId}",
    status_code=204,
    summary="Remove a dead letter",
    responses={204: {"description": "It is not there any more"}, **reading(NO_DEAD_LETTER, ForeignOrigin)},
    operation_id="removeDeadLetter",
)
async def delete_dead_letter(queue: QueueName, letter_id: LetterId, services: ServicesDep, caller: AdminDep) -> None:
    """Removes a dead letter for good, with its background job. A job that ended in ERROR for it can be retried."""
    await off_loop(partial(remove_dead_letter, services, (caller.org_id, SERVICE), queue, letter_id))
