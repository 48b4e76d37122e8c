"""Declare the stores of what is to be done once: tasks, schedules, deliveries of webhooks, requests with a key."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Protocol

from shared.domain.idempotency import IdempotencyRecord
from shared.domain.schedule import Schedule
from shared.domain.task import Task, TaskState
from shared.domain.webhook import WebhookDelivery
from shared.storage.ports.stored import Page, Stored


class TaskStore(Protocol):
    """Background jobs' calls."""

    def create(self, task: Task) -> Stored[Task]:
        """Insert the task; raise WriteConflict when the id is taken, and InvalidRequest when the arguments are longer
        than a row can hold (32,768 characters of JSON)."""

    def get(self, task_id: str) -> Stored[Task]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[Task], task: Task) -> Stored[Task]:
        """Replace the task; raise WriteConflict when it was changed since it was read,
        NotFound when it is missing."""

    def delete(self, stored: Stored[Task]) -> None:
        """Delete the task if it is there; raise WriteConflict when it was changed since it was read."""

    def of_organisations(self, org_ids: Collection[str], states: Collection[TaskState] = ...) -> Iterator[Task]:
        """Return the tasks of these organisations in these states, by id; one query over the rows of all tasks, of
        which those of other organisations stay in the table."""

    def to_look_at(self, limit: int) -> Iterator[Stored[Task]]:
        """Yield the running tasks without a `look_at`, then those with a `look_at` that has come, up to `limit`, the
        longest due first; each as it is when taken."""


class ScheduleStore(Protocol):
    """Background jobs' calls that recur."""

    def create(self, schedule: Schedule) -> Stored[Schedule]:
        """Insert the schedule; raise WriteConflict when the organisation has one with this id, and InvalidRequest when
        the arguments are longer than a row can hold."""

    def get(self, org_id: str, schedule_id: str) -> Stored[Schedule]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[Schedule], schedule: Schedule) -> Stored[Schedule]:
        """Replace the schedule; raise WriteConflict when it was changed since it was read, NotFound."""

    def delete(self, stored: Stored[Schedule]) -> None:
        """Delete the schedule if it is there; raise WriteConflict when it was changed since it was read."""

    def page(self, org_id: str, name: str, *, limit: int, cursor: str | None = None) -> Page[Schedule]:
        """Return an organisation's schedules of the job with this name, by id; cursors as for jobs."""

    def of_organisation(self, org_id: str) -> Iterator[Schedule]:
        """Return all schedules of an organisation, of every background job, by id."""

    def due(self, limit: int, limit_per_org: int) -> Iterator[Stored[Schedule]]:
        """Yield the schedules that are due, the longest due first, each as it is when taken.

        They are up to `limit`, and up to `limit_per_org` of each organisation.
        """


class DeliveryStore(Protocol):
    """Webhooks' deliveries."""

    def keep(self, delivery: WebhookDelivery) -> None:
        """Write the delivery, in place of what was known of it."""

    def of_job(self, job_id: str, *, page_size: int = 100) -> Iterator[WebhookDelivery]:
        """Return a job's deliveries, newest first, fetched `page_size` at a time as they are asked for."""

    def delete_of(self, job_id: str) -> int:
        """Delete all deliveries of a job; return their number."""


class IdempotencyStore(Protocol):
    """Requests that came with an idempotency key."""

    def claim(self, record: IdempotencyRecord) -> Stored[IdempotencyRecord]:
        """Insert the record; raise WriteConflict when its organisation has used the key on its route already."""

    def get(self, org_id: str, route: str, key: str) -> Stored[IdempotencyRecord]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[IdempotencyRecord], record: IdempotencyRecord) -> Stored[IdempotencyRecord]:
        """Replace the record; raise WriteConflict when it was changed or deleted since it was read."""

    def delete(self, stored: Stored[IdempotencyRecord]) -> None:
        """Delete the record if it is there; raise WriteConflict when it was changed since it was read."""

    def about(self, org_id: str, ids: Collection[str]) -> Iterator[Stored[IdempotencyRecord]]:
        """Return the organisation's records of requests that are about one of these sessions, jobs or uploads, or
        make one of them."""

    def expired(self, now: datetime) -> Iterator[Stored[IdempotencyRecord]]:
        """Return every organisation's records that have expired; read them all."""

    def drop_unreadable(self, before: datetime) -> int:
        """Delete every organisation's records that cannot be read and were last written before that time; return their
        number."""
