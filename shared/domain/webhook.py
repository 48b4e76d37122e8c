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
    """The outcome of a POST."""

    status_code: int | None = None
    """The server's status; None when it did not answer."""

    error: str | None = None
    """Why the server did not accept it, in a sentence; None when it did."""

    is_hopeless: bool = False
    """Whether it is not to be tried again."""

    retry_after: timedelta | None = None
    """The pause that the server asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """One POST of the end of a job's attempt."""

    delivery_id: str
    job_id: str
    webhook_id: str
    """The same for all deliveries of the end of one attempt."""

    attempt: int
    """The job's attempt that ended."""

    task_id: str
    """The task that delivers."""

    number: int
    """Which of the task's deliveries this is, from 1."""

    url: str
    sent_at: datetime
    state: DeliveryState = DeliveryState.SENDING
    status_code: int | None = None
    """The server's status, if it answered."""

    error: str | None = None
    """Why a failed delivery failed, in a sentence."""

    duration_sec: float | None = None
    will_retry_at: datetime | None = None
    """When the task delivers again; None when this was its last delivery."""

    @property
    def was_last(self) -> bool:
        """Return whether its task gave up with it."""
        return self.state is DeliveryState.FAILED and self.will_retry_at is None

    def evolve(self, **changes: Any) -> "WebhookDelivery":
        """Return the delivery with some fields changed."""
        return replace(self, **changes)
