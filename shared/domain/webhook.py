"""One delivery of a webhook: the news of a job's end, told to the job's callback address, and what came of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class DeliveryState(StrEnum):
    """What came of a delivery; one whose process died is `sending` until the next one begins."""

    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a POST: the server's status, or why there is none. `error` is None when the server accepted it;
    `is_hopeless` when it is not to be tried again; `retry_after` is what the server asked for."""

    status_code: int | None = None
    error: str | None = None
    is_hopeless: bool = False
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """One POST of the end of a job's `attempt` to `url`.

    `webhook_id` is the same for all deliveries of that end. `task_id` names the background job that delivers, and
    `number` counts its deliveries from 1. A failed delivery has an `error`, in a sentence, and the server's
    `status_code` if it answered; `will_retry_at` is None when it was the task's last.
    """

    delivery_id: str
    job_id: str
    webhook_id: str
    attempt: int
    task_id: str
    number: int
    url: str
    sent_at: datetime
    state: DeliveryState = DeliveryState.SENDING
    status_code: int | None = None
    error: str | None = None
    duration_sec: float | None = None
    will_retry_at: datetime | None = None

    @property
    def was_last(self) -> bool:
        """Whether its task gave up with it."""
        return self.state is DeliveryState.FAILED and self.will_retry_at is None

    def evolve(self, **changes: Any) -> "WebhookDelivery":
        """The delivery with some fields changed."""
        return replace(self, **changes)
