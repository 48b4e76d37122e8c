"""The queues: how long they are, and putting dead letters back."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import Field

from shared.api.dependencies import AdminDep, ReaderDep, ServicesDep, off_loop
from shared.api.idempotency.keyed_route import IdempotentRoute
from shared.api.models.views import View
from shared.api.openapi.described import acting, reading
from shared.api.openapi.problem_examples import NO_QUEUE
from shared.domain.errors import StorageFull
from shared.job_status import JobStatus
from shared.pipeline.housekeeping.requeue import JobCounts, QueueInfo, queue_info, requeue_dead_letters

router = APIRouter(prefix="/jobs", tags=["queues"], route_class=IdempotentRoute)


class QueueView(View):
    """A queue, which all organisations share."""

    name: str
    waiting: int = Field(
        ge=0,
        description="About how many messages the queue holds, everybody's: those that wait, those of jobs that begin "
        "later or are tried again later, and those that somebody is at work on.",
    )
    poison: int = Field(
        ge=0, description="The organisation's dead letters, and everybody's that were not put in order yet."
    )
    oldest_seconds: float | None = Field(
        ge=0, description="The age of the oldest message that waits to be taken now; null without one."
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


class RequeuedView(View):
    """How many dead letters were put back."""

    requeued: int = Field(ge=0)


@router.get("/queue-info", summary="Look at the queues", responses=reading(), operation_id="getQueueInfo")
async def get_queue_info(request: Request, services: ServicesDep, caller: ReaderDep) -> QueueInfoView:
    """How long the queues are, how old their oldest message is, and how many jobs are in each status."""
    job_counts: JobCounts = request.app.state.job_counts
    return QueueInfoView.of(await off_loop(partial(queue_info, services, caller.org_id, job_counts)))


@router.post(
    "/poison/{queue}/requeue",
    summary="Put dead letters back",
    responses=acting(NO_QUEUE, StorageFull),
    operation_id="requeueDeadLetters",
)
async def requeue(
    queue: Annotated[str, Path(description="A queue's name, as queue-info tells it.", examples=["transcriptions"])],
    services: ServicesDep,
    caller: AdminDep,
) -> RequeuedView:
    """Tries again what was given up: a job that ended in ERROR for it begins its next attempt, a background job's task
    begins afresh. Letters of jobs that were deleted, or tried again since, are dropped and not counted."""
    return RequeuedView(requeued=await off_loop(partial(requeue_dead_letters, services, caller.org_id, queue)))
