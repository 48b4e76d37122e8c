"""Measure what an emulator killed with -9 forgot, and how long it took until every job that it still knows went on.

Azurite saves every five seconds, and its tables, queues and blobs not at the same moment; so what was written in the
last six seconds may be gone, and nothing older.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from benchmarks._verdict import ORG
from shared.domain.errors import NotFound, RostrumError
from shared.storage.ports import RESULTS, SOURCES, Storage

FORGETS_WITHIN = timedelta(seconds=6)
PATIENCE_SEC = 300.0


@dataclass(frozen=True, slots=True)
class Memory:
    """What stood in storage before its death: events of jobs as (job, number), and blobs as (container, name), each
    with its time; and the jobs that were at work or had ended a moment ago."""

    events: dict[tuple[str, int], datetime]
    blobs: dict[tuple[str, str], datetime]
    shaken: frozenset[str]


def remember(storage: Storage, job_ids: Iterable[str]) -> Memory:
    """Return the data that must survive a crash of the storage."""
    events: dict[tuple[str, int], datetime] = {}
    shaken = set[str]()
    for job_id in job_ids:
        with suppress(NotFound):
            job = storage.jobs.get(ORG, job_id).value
            history = storage.jobs.events(ORG, job_id)
            events |= {(job_id, event.sequence): event.at for event in history}
            if not job.is_final or datetime.now(UTC) - history[-1].at < 2 * FORGETS_WITHIN:
                shaken.add(job_id)
    return Memory(events, _blobs(storage), frozenset(shaken))


def lost(storage: Storage, memory: Memory, died_at: datetime) -> int:
    """Return how much of the data that was older than six seconds at the crash the storage has lost."""
    newest, missing, known = died_at - FORGETS_WITHIN, 0, dict[str, int]()
    for (job_id, number), at in memory.events.items():
        if job_id not in known:
            known[job_id] = 0
            with suppress(NotFound):
                known[job_id] = len(storage.jobs.events(ORG, job_id))
        missing += at <= newest and number > known[job_id]
    there = _blobs(storage)
    return missing + sum(at <= newest and blob not in there for blob, at in memory.blobs.items())


def seconds_until_well(storage: Storage, url: str, job_ids: Iterable[str], died_at: datetime) -> float:
    """Return the seconds from the crash until the API answers and every unfinished job that storage knows has been at
    work, or was enqueued again, since."""
    waiting = set(job_ids)
    up_at = datetime.now(UTC)
    deadline = time.monotonic() + PATIENCE_SEC
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError, RostrumError):
            waiting = {job_id for job_id in waiting if not _went_on(storage, job_id, up_at)}
            if not waiting and httpx.get(f"{url}/health", timeout=10).status_code == 200:
                break
        time.sleep(0.5)
    return (datetime.now(UTC) - died_at).total_seconds()


def _went_on(storage: Storage, job_id: str, since: datetime) -> bool:
    try:
        job = storage.jobs.get(ORG, job_id).value
    except NotFound:
        return True
    rows = [stored.value for stored in storage.step_runs.of_job(job_id)]
    signs = [at for row in rows for at in (row.heartbeat_at, row.sent_at, row.finished_at) if at is not None]
    return job.is_final or max([job.updated_at, *signs]) > since


def _blobs(storage: Storage) -> dict[tuple[str, str], datetime]:
    listed = ((container, blob) for container in (SOURCES, RESULTS) for blob in storage.blobs.listing(container, ""))
    return {(container, blob.name): blob.written_at for container, blob in listed if blob.written_at is not None}
