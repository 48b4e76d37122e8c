"""Every column that commit e4b8643 wrote is read and written by the code of today under its name.

A column that is not read takes its default, and the application may heal what follows from that: no job would show it.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from shared.storage.memory_table import MemoryTable
from shared.storage.ports import Storage
from shared.storage.upgrade import VERSION_COLUMN
from tests.stored.new_host import ORG
from tests.stored.stored_copy import KEYS, StoredCopy

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def _jobs(storage: Storage, row: dict[str, Any]) -> None:
    stored = storage.jobs.get(ORG, row["jobId"])
    storage.jobs.update(stored, stored.value)


def _parts(storage: Storage, row: dict[str, Any]) -> None:
    for stored in storage.step_runs.of_job(row["jobId"]):
        storage.step_runs.update(stored, stored.value)


def _sessions(storage: Storage, row: dict[str, Any]) -> None:
    stored = storage.sessions.get(ORG, row["sessionId"], even_deleted=True)
    storage.sessions.update(stored, stored.value)


def _uploads(storage: Storage, row: dict[str, Any]) -> None:
    stored = storage.uploads.get(ORG, row["uploadId"])
    storage.uploads.update(stored, stored.value)


def _tasks(storage: Storage, row: dict[str, Any]) -> None:
    stored = storage.tasks.get(row["taskId"])
    storage.tasks.update(stored, stored.value)


def _schedules(storage: Storage, row: dict[str, Any]) -> None:
    stored = storage.schedules.get(row["orgId"], row["scheduleId"])
    storage.schedules.update(stored, stored.value)


def _removals(storage: Storage, row: dict[str, Any]) -> None:
    stored = storage.removals.get(ORG, row["removalId"])
    storage.removals.update(stored, stored.value)


def _idempotency(storage: Storage, row: dict[str, Any]) -> None:
    stored = storage.idempotency.get(ORG, row["route"], row["key"])
    storage.idempotency.update(stored, stored.value)


def _deliveries(storage: Storage, row: dict[str, Any]) -> None:
    for delivery in storage.deliveries.of_job(row["jobId"]):
        storage.deliveries.keep(delivery)


def _deadletters(storage: Storage, row: dict[str, Any]) -> None:
    for stored in storage.dead_letters.of_queue(row["orgId"], row["queue"]):
        storage.dead_letters.keep(stored.value)


REWRITE: dict[str, Callable[[Storage, dict[str, Any]], None]] = {
    "jobs": _jobs,
    "parts": _parts,
    "sessions": _sessions,
    "uploads": _uploads,
    "tasks": _tasks,
    "schedules": _schedules,
    "removals": _removals,
    "idempotency": _idempotency,
    "deliveries": _deliveries,
    "deadletters": _deadletters,
}
"""Reads a table's row through its store, and writes it back unchanged."""


@pytest.mark.parametrize("name", REWRITE)
def test_a_row_that_is_read_and_written_back_is_as_it_was(name: str) -> None:
    copy, table = StoredCopy("localhost:80"), cache(lambda _: MemoryTable(lambda: NOW))
    storage = copy.in_memory(lambda: NOW, table)
    rows = copy.rows(name)
    assert rows
    before = {key: row.etag for key, row in _rows(table(name))}
    for row in rows:
        REWRITE[name](storage, dict(row))
    after = dict(_rows(table(name)))
    for row in rows:
        key = str(row[KEYS[0]]), str(row[KEYS[1]])
        expected = {column: row[column] for column in row if column not in (*KEYS, VERSION_COLUMN)}
        assert after[key].etag != before[key], "the row was not written"
        written = after[key].columns  # it may have columns that were added since
        assert {column: written.get(column) for column in expected} == expected


def _rows(table: MemoryTable) -> Iterator[tuple[tuple[str, str], Any]]:
    return (((row.partition, row.key), row) for row in table.scan_partitions(""))
