"""How long sessions are kept, and what is kept of those that were deleted."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.errors import NotFound
from shared.domain.message import StepKind
from shared.domain.options import JobOptions
from shared.domain.removal import Removal, RemovalReason
from shared.domain.stage import Stage
from shared.domain.task import TASKS
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.housekeeping.clean_up import clean_up
from shared.pipeline.housekeeping.delete_session import LOOK_AGAIN, delete_session
from shared.pipeline.jobs.submit import JobRequest, submit_session
from shared.pipeline.tasks.job_manager import job_manager
from shared.pipeline.tasks.run_task import run_task
from shared.settings import Settings, days_by_org
from shared.storage.memory_table import MemoryTable
from shared.storage.ports import RESULTS, SOURCES, WORK
from tests.unit.pipeline.mortal_house import MortalHouse
from tests.unit.pipeline.test_crashes import every_death


def configured(house: Any, **settings: Any) -> Any:
    house.services = replace(house.services, settings=house.services.settings.model_copy(update=settings))
    return house


def removals(house: Any, org_id: str = "acme") -> list[Removal]:
    return list(house.storage.removals.page(org_id, limit=100).items)


@pytest.mark.parametrize(
    ("everybody", "by_org", "job", "kept_for"),
    [
        pytest.param(None, "", None, None, id="nothing is said"),
        pytest.param(30, "", None, 30, id="for all"),
        pytest.param(None, "acme=20,globex=1", None, 20, id="for the organisation"),
        pytest.param(None, "globex=1", None, None, id="for another one"),
        pytest.param(None, "", 10, 10, id="for the job"),
        pytest.param(30, "acme=20", 10, 10, id="the job says least"),
        pytest.param(30, "acme=20", 365, 20, id="a job cannot prolong"),
        pytest.param(5, "acme=365", None, 5, id="an organisation cannot prolong"),
        pytest.param(0.5, "acme=365", None, 0.5, id="half a day"),
    ],
)
def test_the_fewest_days_count(
    house: Any, everybody: float | None, by_org: str, job: int | None, kept_for: float | None
) -> None:
    configured(house, retention_days=everybody, retention_days_by_org=by_org)
    house.submit(options={} if job is None else {"retentionDays": job})
    house.drain()
    ended = house.now
    if kept_for is None:
        house.now += timedelta(days=5000)
        clean_up(house.services)
        assert len(house.storage.sessions.page("acme", limit=10).items) == 1
        return
    for days, left in ((kept_for - 0.1, 1), (kept_for + 0.1, 0)):
        house.now = ended + timedelta(days=days)
        clean_up(house.services)
        assert len(house.storage.sessions.page("acme", limit=10).items) == left
    assert [each.reason for each in removals(house)] == [RemovalReason.RETENTION]


def test_of_a_session_s_jobs_the_latest_counts(house: Any) -> None:
    first = house.submit(options={"retentionDays": 1})
    house.drain()
    submit_session(house.services, JobRequest(org_id="acme"), first.session_id)
    house.drain()
    house.now += timedelta(days=100)
    clean_up(house.services)
    submit_session(house.services, JobRequest(org_id="acme", options=JobOptions(retention_days=7)), first.session_id)
    house.drain()
    house.now += timedelta(days=8)
    clean_up(house.services)
    assert house.storage.sessions.page("acme", limit=10).items == ()


def test_a_session_stays_until_its_job_has_ended(house: Any) -> None:
    configured(house, retention_days=1)
    house.submit(start_at=house.now + timedelta(days=3))
    house.now += timedelta(days=2)
    clean_up(house.services)
    assert len(house.storage.sessions.page("acme", limit=10).items) == 1


@pytest.mark.parametrize(
    "text", ["acme=40000", "acme", "acme=", "acme=soon", "acme=0", "=3", "acme=30;globex=2", "a b=3", "acme=-1"]
)
def test_days_that_cannot_be_read_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(
        ValidationError, match=r"organisations and their days, such as acme=30,globex=365; .* is not one"
    ):
        Settings(retention_days_by_org=text)


def test_days_that_can_be_read() -> None:
    assert days_by_org(" acme=30 , globex = 36.5,") == {"acme": 30.0, "globex": 36.5}
    assert days_by_org("") == {}
    with pytest.raises(ValidationError, match="says more than once how long acme keeps"):
        Settings(retention_days_by_org="acme=30,acme=3")
    assert Settings(retention_days_by_org="acme=30").retention_days_of("acme") == 30
    assert Settings(retention_days_by_org="acme=30").retention_days_of("globex") is None


def test_a_removal_is_recorded_with_counts_and_without_content(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted: list[tuple[str, str]] = []
    delete = MemoryTable.delete

    def noted(table: MemoryTable, partition: str, key: str, etag: str) -> None:
        deleted.append((partition, key))
        delete(table, partition, key, etag)

    job = house.submit(session_name="Secret name", metadata={"course": "Secret course"})
    [download] = house.take()
    run_step(house.services, download, Delivery("m", 1))
    for container, name in (
        (SOURCES, "talk.mp4"),
        (WORK, f"{job.job_id}/audio.wav"),
        (RESULTS, f"{job.job_id}/a.json"),
    ):
        house.storage.blobs.write(container, f"acme/{job.session_id}/{name}", b"12345", "video/mp4")
    waiting = len(house.storage.queues.waiting())
    monkeypatch.setattr(MemoryTable, "delete", noted)
    before = house.now
    delete_session(house.services, "acme", job.session_id)

    [removal] = removals(house)
    assert (removal.session_id, removal.org_id, removal.reason) == (job.session_id, "acme", RemovalReason.REQUEST)
    assert before < removal.at < (removal.finished_at or before)
    assert (removal.jobs, removal.blobs, removal.size_bytes, removal.messages) == (1, 3, 15, waiting)
    assert waiting > 0
    active_row = 1  # it is gone since the job was canceled, and not counted
    assert removal.rows == len(deleted) - 2 * active_row
    assert "Secret" not in repr(removal)
    assert removals(house, "globex") == []


def test_a_removal_that_waits_for_work_is_finished_later(house: Any) -> None:
    def deleted_meanwhile(context: Any) -> None:
        delete_session(house.services, "acme", context.session.session_id)
        [removal] = removals(house)
        assert removal.finished_at is None

    house.instead[Stage.DOWNLOAD, StepKind.PART] = deleted_meanwhile
    house.submit()
    [message] = house.take()
    try:
        run_step(house.services, message, Delivery("m", 1))
    except NotFound:
        run_step(house.services, message, Delivery("m", 2))
    house.now += LOOK_AGAIN
    run_task(house.services, job_manager, house.storage.queues.pop(TASKS), Delivery("task", 1))
    [removal] = removals(house)
    assert removal.finished_at is not None
    assert (removal.jobs, removal.reason) == (1, RemovalReason.REQUEST)


def test_death_before_every_write_leaves_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.pipeline.updates.MAX_PAUSE_SEC", 0.0)

    def act(death: int) -> bool:
        house = MortalHouse()
        job = house.submit()
        house.drain()
        for name in "abc":
            house.storage.blobs.write(RESULTS, f"acme/{job.session_id}/{job.job_id}/{name}", b"12345", "text/plain")
        there = sum(1 for where in (SOURCES, WORK, RESULTS) for _ in house.storage.blobs.listing(where, ""))
        house.fate.left = death
        died = not house.alive(lambda: delete_session(house.services, "acme", job.session_id))
        house.fate.left = None
        if died:
            clean_up(house.services)
            for task in iter(lambda: house.storage.queues.pop(TASKS), None):
                run_task(house.services, job_manager, task, Delivery("task", 1))
            if house.storage.sessions.page("acme", limit=1).items:  # died before the mark
                delete_session(house.services, "acme", job.session_id)
        [removal] = removals(house)
        assert removal.finished_at is not None
        assert removal.blobs <= there
        assert removal.jobs <= 1
        assert list(house.storage.sessions.all()) == []
        return died

    assert every_death(act) > 10


def test_records_are_kept_for_a_year(house: Any) -> None:
    job = house.submit()
    delete_session(house.services, "acme", job.session_id)
    for days, left in ((364, 1), (2, 0)):
        house.now += timedelta(days=days)
        clean_up(house.services)
        assert len(removals(house)) == left


def test_dead_letters_of_the_session_go_with_it(house: Any) -> None:
    def fail(context: Any) -> None:
        raise ValueError("again")

    house.instead[Stage.DOWNLOAD, StepKind.PART] = fail
    jobs = [house.submit(), house.submit()]
    for _ in range(8):
        house.drain()
        house.now += timedelta(minutes=10)
    letters = house.storage.dead_letters
    assert {each.value.job_id for each in letters.of_queue("acme", "downloads")} == {job.job_id for job in jobs}
    delete_session(house.services, "acme", jobs[0].session_id)
    assert [each.value.job_id for each in letters.of_queue("acme", "downloads")] == [jobs[1].job_id]
