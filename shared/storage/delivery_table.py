"""Webhooks' deliveries in table `deliveries`: a job's partition, newest first."""

from collections.abc import Iterator

from shared.domain.webhook import WebhookDelivery
from shared.storage.rows import Rows
from shared.storage.table import Table


class DeliveryTable:
    """A `DeliveryStore`."""

    def __init__(self, deliveries: Table) -> None:
        self._deliveries = Rows(
            deliveries, "deliveries", WebhookDelivery, lambda one: (one.job_id, one.delivery_id), "delivery"
        )

    def keep(self, delivery: WebhookDelivery) -> None:
        self._deliveries.upsert(delivery)

    def of_job(self, job_id: str, *, page_size: int = 100) -> Iterator[WebhookDelivery]:
        return (stored.value for _, stored in self._deliveries.scan(job_id, page_size=page_size))

    def delete_of(self, job_id: str) -> int:
        return self._deliveries.clear(job_id)
