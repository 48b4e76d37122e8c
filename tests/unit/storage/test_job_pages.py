"""Pages of jobs: complete and stable while jobs are added anywhere, and never dearer than they need to be."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.job import Job, new_job
from shared.domain.options import JobOptions
from shared.job_status import JobStatus
from shared.storage.job_table import FEW, JobTable
from shared.storage.memory_table import MemoryTable
from shared.storage.table import Row

NOW = datetime(2026, 1, 1, tzinfo=UTC)

ids = st.text("-09AZ_az", min_size=1, max_size=4)
sessions, statuses = st.sampled_from("st"), st.sampled_from(JobStatus)
made = st.tuples(ids, sessions, statuses)
filters = st.fixed_dictionaries(
    {},
    optional={"session_id": sessions, "status": statuses, "active": st.booleans()},
)


def clock() -> datetime:
    return NOW


def add(store: JobTable, job_id: str, session_id: str = "s", status: JobStatus = JobStatus.CREATED) -> Job:
    created = new_job(
        job_id=job_id,
        session_id=session_id,
        org_id="org",
        now=NOW,
        options=JobOptions(),
        callback_url=None,
        traceparent=None,
    )
    stored = store.create(created)
    return store.update(stored, replace(created, status=status, event_sequence=2)).value


def fits(job: Job, session_id: str | None = None, status: JobStatus | None = None, active: bool | None = None) -> bool:
    return session_id in (None, job.session_id) and status in (None, job.status) and active in (None, not job.is_final)


@pytest.mark.parametrize("few", [2, FEW])
@given(
    old=st.lists(made, max_size=20, unique_by=lambda one: one[0]),
    added=st.lists(st.lists(made, max_size=3), max_size=10),
    query=filters,
    limit=st.integers(1, 4),
)
def test_each_old_job_appears_once_while_jobs_are_added(
    few: int, old: list[Any], added: list[list[Any]], query: dict[str, Any], limit: int
) -> None:
    store = JobTable(MemoryTable(clock), MemoryTable(clock), MemoryTable(clock), clock, few=few)
    there = {one[0]: add(store, *one) for one in old}
    expected = sorted(job_id for job_id, job in there.items() if fits(job, **query))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = store.page("org", limit=limit, cursor=cursor, **query)
        assert all(fits(job, **query) for job in page.items)
        assert len(page.items) == limit or page.cursor is None
        seen += [job.job_id for job in page.items]
        if page.cursor is None:
            break
        cursor = page.cursor
        for one in added.pop() if added else []:
            if one[0] not in there:
                there[one[0]] = add(store, *one)
    assert [job_id for job_id in seen if job_id in {one[0] for one in old}] == expected
    assert seen == sorted(set(seen))


class CountedTable(MemoryTable):
    """Counts what is read, row by row."""

    def __init__(self) -> None:
        super().__init__(clock)
        self.read: Counter[str] = Counter()

    def get(self, partition: str, key: str) -> Row:
        self.read["gets"] += 1
        return super().get(partition, key)

    def scan(self, partition: str, **options: Any) -> Iterator[Row]:
        self.read["scans"] += 1
        for row in super().scan(partition, **options):
            self.read["rows"] += 1
            yield row


@pytest.fixture(scope="module")
def many() -> tuple[CountedTable, JobTable]:
    """A session of many jobs, another of few, and the count of what is read of them."""
    table = CountedTable()
    store = JobTable(table, MemoryTable(clock), MemoryTable(clock), clock)
    for number in range(300):
        rare = {50: JobStatus.ERROR, 100: JobStatus.TRANSCRIBED}
        add(store, f"{number:03}", "many", rare.get(number, (JobStatus.DONE, JobStatus.CREATED)[number % 2]))
    for number in range(3):
        add(store, f"few{number}", "few")
    return table, store


@pytest.mark.parametrize(
    ("query", "found", "costs"),
    [
        pytest.param({}, 10, {"scans": 1, "rows": 11}, id="all"),
        pytest.param({"active": True}, 10, {"gets": 11}, id="active"),
        pytest.param({"active": False}, 10, {"scans": 1, "rows": 11}, id="ended"),
        pytest.param({"status": JobStatus.ERROR}, 1, {"scans": 1, "rows": 1}, id="a rare status"),
        pytest.param({"status": JobStatus.TRANSCRIBED}, 1, {"scans": 1, "rows": 1}, id="a rare status of the active"),
        pytest.param({"status": JobStatus.TRANSCRIBED, "active": True}, 1, {"scans": 1, "rows": 1}, id="rare, active"),
        pytest.param({"status": JobStatus.TRANSCRIBED, "active": False}, 0, {}, id="contradiction"),
        pytest.param({"session_id": "many"}, 10, {"gets": 11}, id="session"),
        pytest.param({"session_id": "many", "status": JobStatus.ERROR}, 1, {"scans": 1, "rows": 1}, id="rare there"),
        pytest.param({"session_id": "many", "active": False}, 10, {"scans": 1, "rows": 11}, id="ended of the session"),
        pytest.param({"session_id": "few", "active": True}, 3, {"gets": 3}, id="a session of few"),
        pytest.param({"session_id": "none", "status": JobStatus.DONE}, 0, {}, id="no session"),
    ],
)
def test_a_page_costs_what_it_shows(
    many: tuple[CountedTable, JobTable], query: dict[str, Any], found: int, costs: dict[str, int]
) -> None:
    table, store = many
    table.read.clear()
    page = store.page("org", limit=10, **query)
    assert len(page.items) == found
    assert +table.read == costs
