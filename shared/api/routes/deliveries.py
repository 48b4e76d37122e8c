"""Webhooks: what was delivered, delivering again, and the description of what receivers get."""

from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Annotated, Any
from zlib import crc32

from fastapi import APIRouter, Header, Request, Response

from shared.api.dependencies import JobId, ReaderDep, ServicesDep, WriterDep, off_loop
from shared.api.http.links import Links
from shared.api.idempotency.keyed_route import IdempotentRoute, ReservedDep
from shared.api.models.job_views import DeliveryView
from shared.api.models.views import View
from shared.api.openapi.route_docs import acting, reading
from shared.domain.errors import Conflict, NotFound, RedeliveryWaiting
from shared.domain.job import Job
from shared.domain.webhook import WebhookDelivery
from shared.pipeline.context import Services
from shared.pipeline.webhooks.payload import WarningPayload, WebhookPayload
from shared.pipeline.webhooks.redelivery import redeliver_webhook

router = APIRouter(prefix="/jobs/{jobId}", tags=["webhooks"], route_class=IdempotentRoute)

SHOWN_WITH_THE_JOB = 20
MAX_SHOWN = 1000


class DeliveryList(View):
    """A job's deliveries, newest first."""

    items: list[DeliveryView]


class RedeliveryView(View):
    """The webhook that is delivered again, under the identifier that it had the first time."""

    job_id: str
    webhook_id: str


@router.get(
    "/deliveries", summary="Look at a job's webhooks", responses=reading(NotFound), operation_id="listDeliveries"
)
async def list_deliveries(job_id: JobId, services: ServicesDep, caller: ReaderDep) -> DeliveryList:
    """Every POST to the job's `callbackUrl`, newest first, with what came of it; at most the latest 1,000."""
    found = await off_loop(partial(_deliveries, services, caller.org_id, job_id))
    return DeliveryList(items=[DeliveryView.model_validate(each) for each in found])


@router.post(
    "/redeliver",
    status_code=202,
    summary="Deliver a webhook again",
    responses={
        202: {"headers": {"Location": {"description": "The deliveries.", "schema": {"type": "string"}}}},
        **acting(NotFound, Conflict("The job has no callbackUrl."), RedeliveryWaiting),
    },
    operation_id="redeliverWebhook",
)
async def redeliver(
    job_id: JobId,
    request: Request,
    response: Response,
    services: ServicesDep,
    caller: WriterDep,
    reserved: ReservedDep,
) -> RedeliveryView:
    """Tells the end of a job to its `callbackUrl` once more, delivered before or not, with the same `webhook-id`.

    One redelivery of an end waits at a time.
    """
    webhook_id = await off_loop(
        partial(redeliver_webhook, services, caller.org_id, job_id, redelivery_id=reserved.resource_id)
    )
    response.headers["Location"] = Links.of(request, services.settings).job(job_id) + "/deliveries"
    return RedeliveryView(job_id=job_id, webhook_id=webhook_id)


def latest_deliveries(services: Services, job: Job) -> Sequence[WebhookDelivery] | None:
    """Return the deliveries to show with the job; None for a job without a callback address."""
    if job.callback_url is None:
        return None
    if job.attempt == 1 and not job.is_final and not job.warnings:
        return ()  # the usual case while a job is followed, and no look into storage
    found = services.storage.deliveries.of_job(job.job_id, page_size=SHOWN_WITH_THE_JOB)
    return tuple(islice(found, SHOWN_WITH_THE_JOB))


def version_with(job: Job, deliveries: Sequence[WebhookDelivery] | None) -> str:
    """Return a version that changes with the job and with the deliveries that are shown with it."""
    if not deliveries:
        return str(job.event_sequence)
    states = "".join(f"{each.delivery_id}{each.state}{each.will_retry_at}" for each in deliveries)
    return f"{job.event_sequence}-{crc32(states.encode()):08x}"


def _deliveries(services: Services, org_id: str, job_id: str) -> Sequence[WebhookDelivery]:
    services.storage.jobs.get(org_id, job_id)
    return tuple(islice(services.storage.deliveries.of_job(job_id), MAX_SHOWN))


webhooks = APIRouter(tags=["webhooks"])
"""Not served: what receivers get, for the API's description."""


RECEIVED: dict[int | str, dict[str, Any]] = {
    204: {"description": "Taken, as with any other 2xx"},
    410: {"description": "Not wanted: it is not sent again"},
    "default": {"description": "Not taken: it is sent again later"},
}
WebhookId = Annotated[str, Header(alias="webhook-id", description="The same with every delivery.")]
WebhookTimestamp = Annotated[int, Header(alias="webhook-timestamp", description="When it was sent, Unix time.")]
WebhookSignature = Annotated[
    str, Header(alias="webhook-signature", description="`v1,` and base64 of an HMAC-SHA256; several with spaces.")
]


@webhooks.post("jobEnded", summary="A job ended", status_code=204, responses=RECEIVED, operation_id="jobEnded")
def job_ended(
    body: WebhookPayload,
    webhook_id: WebhookId,
    webhook_timestamp: WebhookTimestamp,
    webhook_signature: WebhookSignature,
) -> None:
    """Sent to the `callbackUrl` when the job ends, signed as Standard Webhooks says; any 2xx means that it was taken,
    and without one it is sent again and again for a day."""


@webhooks.post(
    "recordingWarning",
    summary="A recording may be no good",
    status_code=204,
    responses=RECEIVED,
    operation_id="recordingWarning",
)
def recording_warning(
    body: WarningPayload,
    webhook_id: WebhookId,
    webhook_timestamp: WebhookTimestamp,
    webhook_signature: WebhookSignature,
) -> None:
    """Sent to the `callbackUrl` while the job runs, once for each reason, as soon as something is known to be wrong
    with the recording."""
