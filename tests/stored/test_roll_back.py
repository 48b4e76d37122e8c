"""An earlier package takes over from a later one: what that one added is passed over, and nothing else is lost.

The rows and messages are those of commit e4b8643, with what a later release might have added.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from shared.domain.errors import RowOfLaterRelease
from shared.domain.message import StageMessage
from shared.domain.task import TASK_QUEUES, TaskMessage
from shared.pipeline.execution.sweep import sweep
from shared.settings import Settings
from shared.storage.memory_table import MemoryTable
from shared.storage.table import Row
from shared.storage.upgrade import UPGRADES, VERSION_COLUMN
from shared.wiring import build_services
from tests.stored.new_host import ORG
from tests.stored.stored_copy import KEYS, StoredCopy, read_copy
from tests.stored.test_stored_columns import REWRITE

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ADDED = {"addedLater": "by a later release", "alsoAddedLater": 7}


def changed_rows(table: MemoryTable, changes: dict[str, Any]) -> None:
    """A later release has written every row of the table."""
    for row in list(table.scan_partitions("")):
        table.upsert(Row(row.partition, row.key, {**row.columns, **changes}))


@pytest.mark.parametrize("name", REWRITE)
def test_a_column_that_a_later_release_added_is_passed_over(name: str) -> None:
    copy, table = StoredCopy("localhost:80"), cache(lambda _: MemoryTable(lambda: NOW))
    storage = copy.in_memory(lambda: NOW, table)
    changed_rows(table(name), ADDED)
    rows = copy.rows(name)
    for row in rows:
        REWRITE[name](storage, dict(row))

    after = {(row.partition, row.key): row.columns for row in table(name).scan_partitions("")}
    for row in rows:
        written = after[str(row[KEYS[0]]), str(row[KEYS[1]])]
        expected = {column: value for column, value in row.items() if column not in (*KEYS, VERSION_COLUMN)}
        assert {column: written.get(column) for column in expected} == expected


def test_a_job_of_a_later_schema_waits_as_it_is_and_keeps_no_other_one_waiting() -> None:
    copy, table = StoredCopy("localhost:80"), cache(lambda _: MemoryTable(lambda: NOW))
    taken_at = copy.taken_at
    storage = copy.in_memory(lambda: taken_at + timedelta(minutes=5), table)
    later, sent = copy.names["half transcribed"]["jobId"], copy.names["unsent"]["jobId"]
    for row in list(table("jobs").scan_partitions("")):
        if row.columns["jobId"] == later:
            version = {VERSION_COLUMN: len(UPGRADES["jobs"]) + 2}
            table("jobs").upsert(Row(row.partition, row.key, {**row.columns, **version}))
    before = [row for row in table("jobs").scan_partitions("") if row.columns["jobId"] == later]

    sent_before = sum(run.value.sends for run in storage.step_runs.of_job(sent))
    services = build_services(Settings.model_validate({}), storage)
    sweep(services)

    with pytest.raises(RowOfLaterRelease):
        storage.jobs.get(ORG, later)
    assert [row for row in table("jobs").scan_partitions("") if row.columns["jobId"] == later] == before
    assert sum(run.value.sends for run in storage.step_runs.of_job(sent)) > sent_before


def test_messages_in_flight_are_read_with_what_a_later_release_added() -> None:
    messages = read_copy()["messages"]
    assert {message["queue"] for message in messages} >= {"downloads", "transcriptions", "tasks"}
    for message in messages:
        kind = TaskMessage if message["queue"].removesuffix("-poison") in TASK_QUEUES else StageMessage
        body = base64.b64decode(message["text"])
        added = json.dumps({**json.loads(body), **ADDED}).encode()
        assert kind.from_bytes(added) == kind.from_bytes(body)
