"""The queues: how long they are, and putting dead letters back."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from shared.api.context import AdminDep, ReaderDep, ServicesDep, off_loop
from shared.api.described import acting, reading
from shared.api.idempotency import IdempotentRoute
from shared.api.problem_examples import NO_QUEUE
from shared.api.views import View
from shared.domain.errors import StorageFull
from shared.job_status import JobStatus
from shared.pipeline.queue_info import QueueInfo, queue_info
from shared.pipeline.requeue import requeue_dead_letters

router = APIRouter(prefix="/jobs", tags=["queues"], route_class=IdempotentRoute)


class QueueView(View):
    """A queue: messages `waiting` (everybody's, about), dead letters (`poison`), and the oldest message's age."""

    name: str
    waiting: int = Field(ge=0)
    poison: int = Field(ge=0)
    oldest_seconds: float | None = Field(ge=0)


class QueueInfoView(View):
    """All queues, and the organisation's jobs by status."""

    queues: list[QueueView]
    jobs: dict[JobStatus, int]

    @classmethod
    def of(cls, info: QueueInfo) -> "QueueInfoView":
        """The view of the queues."""
        queues = [
            QueueView(name=each.name, waiting=each.waiting, poison=each.poison, oldest_seconds=each.oldest_sec)
            for each in info.queues
        ]
        return cls(queues=queues, jobs=dict(info.jobs))


class RequeuedView(View):
    """How many dead letters were put back."""

    requeued: int = Field(ge=0)


@router.get("/queue-info", summary="Look at the queues", responses=reading(), operation_id="getQueueInfo")
async def get_queue_info(services: ServicesDep, caller: ReaderDep) -> QueueInfoView:
    """How long the queues are, how old their oldest message is, and how many jobs are in each status."""
    return QueueInfoView.of(await off_loop(partial(queue_info, services, caller.org_id)))


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
