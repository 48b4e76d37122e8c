"""Webhooks' deliveries: kept, changed, read newest first, and deleted with their job."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.webhook import DeliveryState, WebhookDelivery
from shared.storage.ports import Storage

NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, UTC)
Make = Callable[..., WebhookDelivery]


@pytest.fixture
def make(org: str) -> Make:
    """`make(3)` is older than `make(2)`."""

    def make(number: int = 0, job_id: str = "job") -> WebhookDelivery:
        return WebhookDelivery(
            delivery_id=f"{number:04d}",
            job_id=f"{org}-{job_id}",
            webhook_id="msg_job_1",
            attempt=1,
            task_id="webhook-job-1",
            number=1,
            url="https://example.org/hook?a='b'",
            sent_at=NOW,
        )

    return make


def test_every_field_comes_back_as_it_was(storage: Storage, make: Make) -> None:
    sending = make(1)
    storage.deliveries.keep(sending)
    failed = make(0).evolve(
        state=DeliveryState.FAILED,
        status_code=503,
        error="The server answered 503.",
        duration_sec=0.25,
        will_retry_at=NOW + timedelta(seconds=5),
    )
    storage.deliveries.keep(failed)
    assert list(storage.deliveries.of_job(sending.job_id)) == [failed, sending]


def test_keeping_a_delivery_again_changes_it(storage: Storage, make: Make) -> None:
    storage.deliveries.keep(make())
    delivered = make().evolve(state=DeliveryState.DELIVERED, status_code=204, duration_sec=1.0)
    storage.deliveries.keep(delivered)
    assert list(storage.deliveries.of_job(delivered.job_id)) == [delivered]


def test_newest_first_over_pages_and_no_other_jobs(storage: Storage, make: Make) -> None:
    kept = [make(number) for number in range(5)]
    for delivery in [*reversed(kept), make(0, "another")]:
        storage.deliveries.keep(delivery)
    assert list(storage.deliveries.of_job(kept[0].job_id, page_size=2)) == kept


def test_they_go_with_their_job(storage: Storage, make: Make) -> None:
    other = make(0, "another")
    for delivery in (make(0), make(1), other):
        storage.deliveries.keep(delivery)
    storage.deliveries.delete_of(make().job_id)
    storage.deliveries.delete_of(make().job_id)
    assert list(storage.deliveries.of_job(make().job_id)) == []
    assert list(storage.deliveries.of_job(other.job_id)) == [other]
