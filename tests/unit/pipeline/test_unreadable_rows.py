"""One row among good ones that cannot be read: sweep, tick, clean-up and lists give every good one its turn."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from shared.api.app import create_app
from shared.domain.errors import NotFound, UnreadableRow
from shared.domain.job import Job
from shared.domain.message import QUEUES, StageMessage
from shared.domain.options import JobOptions
from shared.domain.stage import Stage, StageState
from shared.domain.task import TASKS
from shared.pipeline.context import Delivery, Services
from shared.pipeline.execution.run_step import run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.housekeeping.clean_up import clean_up
from shared.pipeline.housekeeping.delete_session import delete_session
from shared.pipeline.jobs.submit import JobRequest, submit_url
from shared.pipeline.tasks.schedules import keep_schedule, run_due_schedules
from shared.pipeline.tasks.sweep import sweep_tasks
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.memory_table import MemoryTable
from shared.storage.ports import SOURCES, WORK
from shared.storage.table import Value
from tests.support.api_client import ApiClient

ORG = "local"

BAD_ROWS: list[dict[str, Value | None]] = [
    {"schemaVersion": 99},
    {"createdAt": "soon"},
    {"orgId": None},
]

every_bad_row = pytest.mark.parametrize("bad", BAD_ROWS, ids=lambda bad: next(iter(bad)))


class SpoiltStorage:
    """Services over an in-memory storage with rows that a test can spoil."""

    def __init__(self, **settings: Any) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.table = cache(lambda name: MemoryTable(self.tick))
        self.storage = MemoryStorage(self.tick, self.table)
        numbers = iter(range(1_000_000, 0, -1))
        self.services = Services(
            storage=self.storage,
            settings=Settings.model_validate({"AzureWebJobsStorage": "UseDevelopmentStorage=true", **settings}),
            clock=self.tick,
            new_id=lambda: f"id{next(numbers):07}",
            work={},
        )

    def tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def submit(self) -> Job:
        request = JobRequest(org_id=ORG, options=JobOptions.from_json({}))
        return submit_url(self.services, request, "https://example.com/talk.mp4")

    def spoil(self, table: str, part_of_key: str, bad: Mapping[str, Value | None]) -> None:
        for row in list(self.table(table).scan_partitions("")):
            if part_of_key in row.key:
                columns = {name: value for name, value in {**row.columns, **bad}.items() if value is not None}
                self.table(table).upsert(replace(row, columns=columns))

    def session_keys(self) -> list[tuple[str, str]]:
        return list(self.storage.sessions.keys())

    def messages(self) -> list[StageMessage]:
        return list(iter(lambda: self.storage.queues.pop(*QUEUES.values()), None))


@pytest.fixture
def spoilt() -> SpoiltStorage:
    return SpoiltStorage()


def skipped(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the tables of the rows that were logged as skipped."""
    return [record.table for record in caplog.records if record.message == "row skipped"]  # type: ignore[attr-defined]


@every_bad_row
def test_the_sweep_sends_the_lost_messages_of_all_other_jobs(
    spoilt: SpoiltStorage, bad: dict[str, Value | None], caplog: pytest.LogCaptureFixture
) -> None:
    submitted = [spoilt.submit() for _ in range(3)]
    assert len(spoilt.messages()) == 3  # and they are lost
    spoilt.spoil("jobs", submitted[1].job_id, bad)
    spoilt.now += timedelta(hours=1)
    assert sweep(spoilt.services) == 2
    assert {message.job_id for message in spoilt.messages()} == {submitted[0].job_id, submitted[2].job_id}
    sweep(spoilt.services)
    assert skipped(caplog) == ["jobs"]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("bad", [{"schemaVersion": 99}, {"state": "asleep"}, {"stage": None}], ids=str)
def test_the_sweep_leaves_a_job_alone_with_a_step_that_cannot_be_read(
    spoilt: SpoiltStorage, bad: dict[str, Value | None], caplog: pytest.LogCaptureFixture
) -> None:
    submitted = [spoilt.submit() for _ in range(3)]
    assert len(spoilt.messages()) == 3
    (step,) = spoilt.table("parts").scan(submitted[1].job_id)
    spoilt.table("parts").upsert(
        replace(step, columns={name: value for name, value in {**step.columns, **bad}.items() if value is not None})
    )
    before = spoilt.table("parts").get(step.partition, step.key)
    spoilt.now += timedelta(hours=1)
    assert sweep(spoilt.services) == 2
    assert {message.job_id for message in spoilt.messages()} == {submitted[0].job_id, submitted[2].job_id}
    sweep(spoilt.services)
    assert skipped(caplog) == ["parts"]
    assert len(caplog.records) == 1
    assert spoilt.table("parts").get(step.partition, step.key) == before
    assert spoilt.storage.jobs.get(ORG, submitted[1].job_id).value.stages[Stage.DOWNLOAD].state is StageState.WAITING


def test_parts_are_not_merged_before_all_can_be_read(harness: Any) -> None:
    """A part that is at work, and whose row cannot be read, counts neither as done nor as one that is not there."""
    named = cache(lambda name: MemoryTable(harness._tick))
    harness.storage = MemoryStorage(harness._tick, named)
    harness.services = replace(harness.services, storage=harness.storage)
    harness.parts = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1}
    job = harness.submit()
    for message in harness.take():
        run_step(harness.services, message, Delivery("download", 1))
    row = named("parts").get(job.job_id, "transcription-part-00001")
    named("parts").upsert(replace(row, columns={**row.columns, "state": "asleep"}))
    for message in harness.take():
        with pytest.raises(UnreadableRow):
            run_step(harness.services, message, Delivery(f"{message.stage}-{message.part}", 1))
    assert harness.ran[Stage.TRANSCRIPTION, "part", 0] == 1
    assert not any(step == "merge" for _, step, _ in harness.ran)
    sweep(harness.services)
    assert harness.take() == []
    named("parts").upsert(row)  # it can be read again
    harness.now += timedelta(hours=2)
    sweep(harness.services)
    harness.drain()
    assert harness.job(job).status == "DONE"
    assert {run: number for run, number in harness.ran.items() if number != 1} == {}


@every_bad_row
def test_the_clean_up_deletes_all_other_sessions_past_their_time(bad: dict[str, Value | None]) -> None:
    spoilt = SpoiltStorage(retention_days=1)
    submitted = [spoilt.submit() for _ in range(4)]
    blobs = spoilt.storage.blobs
    for job in submitted:
        row = spoilt.table("jobs").get(ORG, job.job_id)
        spoilt.table("jobs").upsert(replace(row, columns={**row.columns, "status": "CANCELED"}))
        blobs.write(SOURCES, f"{ORG}/{job.session_id}/talk.mp4", b"x", "video/mp4")
        blobs.write(WORK, f"{ORG}/{job.session_id}/{job.job_id}/audio.wav", b"x", "audio/wav")
    spoilt.spoil("sessions", submitted[1].session_id, bad)
    spoilt.spoil("jobs", submitted[2].job_id, bad)
    spoilt.now += timedelta(days=30)
    clean_up(spoilt.services)
    left = {key for _, key in spoilt.session_keys()}
    kept = {submitted[1].session_id, submitted[2].session_id}
    assert left == kept
    for container in (SOURCES, WORK):  # a session or job that cannot be read keeps its files
        assert {blob.name.split("/")[1] for blob in blobs.listing(container, "")} == kept


@every_bad_row
def test_a_tick_runs_all_other_schedules(spoilt: SpoiltStorage, bad: dict[str, Value | None]) -> None:
    for name in ("a", "b", "c"):
        keep_schedule(
            spoilt.services, schedule_id=name, org_id=ORG, name=name, arguments={}, cron="* * * * *", time_zone="UTC"
        )
    spoilt.spoil("schedules", "b", bad if "orgId" not in bad else {"cron": None})
    spoilt.now += timedelta(minutes=5)
    assert run_due_schedules(spoilt.services) == 2
    assert {row.columns["name"] for row in spoilt.table("tasks").scan_partitions("")} == {"a", "c"}


@every_bad_row
def test_the_sweep_of_tasks_sends_all_others(spoilt: SpoiltStorage, bad: dict[str, Value | None]) -> None:
    for name in ("a", "b", "c"):
        keep_schedule(
            spoilt.services, schedule_id=name, org_id=ORG, name=name, arguments={}, cron="* * * * *", time_zone="UTC"
        )
    spoilt.now += timedelta(minutes=5)
    sweep_tasks(spoilt.services)
    while spoilt.storage.queues.pop(TASKS) is not None:
        pass
    spoilt.spoil("tasks", "b-", bad if "orgId" not in bad else {"name": None})
    for row in list(spoilt.table("schedules").scan_partitions("")):
        spoilt.table("schedules").delete(row.partition, row.key, row.etag)
    spoilt.now += timedelta(hours=1)
    assert sweep_tasks(spoilt.services) == 2


@every_bad_row
@pytest.mark.parametrize(("path", "table", "key"), [("/jobs", "jobs", "jobId"), ("/sessions", "sessions", "sessionId")])
def test_lists_show_all_others_page_by_page(
    spoilt: SpoiltStorage, bad: dict[str, Value | None], path: str, table: str, key: str
) -> None:
    submitted = [spoilt.submit() for _ in range(5)]
    ids = [job.job_id if table == "jobs" else job.session_id for job in reversed(submitted)]
    spoilt.spoil(table, ids[1], bad)
    with ApiClient(create_app(spoilt.services), base_url="http://api.localhost") as client:
        shown, following = [], f"{path}?limit=2"
        while following:
            answer = client.get(following)
            assert answer.status_code == 200
            shown.append([item[key] for item in answer.json()["items"]])
            following = answer.json().get("nextLink")
        assert shown == [[ids[0], ids[2]], [ids[3], ids[4]]]
        one = client.get(f"{path}/{ids[1]}")
    if "schemaVersion" in bad:
        assert (one.status_code, one.json()["code"], one.json()["retryable"]) == (503, "transient_failure", True)
    else:
        assert (one.status_code, one.json()["code"], one.json()["retryable"]) == (500, "unreadable_row", False)


def test_a_session_with_an_unreadable_job_can_be_deleted(spoilt: SpoiltStorage) -> None:
    job = spoilt.submit()
    spoilt.spoil("jobs", job.job_id, {"status": "SIDEWAYS"})
    delete_session(spoilt.services, ORG, job.session_id)
    with pytest.raises(NotFound):
        spoilt.storage.jobs.get(ORG, job.job_id)
    assert spoilt.session_keys() == []


def test_the_log_names_the_row(spoilt: SpoiltStorage, caplog: pytest.LogCaptureFixture) -> None:
    job = spoilt.submit()
    spoilt.spoil("jobs", job.job_id, {"status": "SIDEWAYS"})
    with caplog.at_level(logging.WARNING):
        sweep(spoilt.services)
    (record,) = caplog.records
    told = {name: getattr(record, name) for name in ("action", "table", "partition", "key", "reason")}
    assert told == {
        "action": "skip_row",
        "table": "jobs",
        "partition": ORG,
        "key": job.job_id,
        "reason": f"The row {job.job_id} of jobs cannot be read: column status cannot be read.",
    }
