"""Scheduled submissions: one job a run, and what the schedule tells of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import InvalidRequest, NotFound, StorageUnavailable
from shared.domain.schedule import Schedule
from shared.pipeline.jobs.scheduled_submission import (
    remove_schedule,
    schedule_submission,
    submission_schedule,
    submit_scheduled,
)
from shared.pipeline.registry import job_manager
from shared.wiring import services
from tests.support.crashing_storage import every_crash
from tests.support.scripted_store import instead
from tests.support.task_harness import TaskHarness

REQUEST = {
    "sourceUrl": "https://example.com/talk.mp4",
    "sessionName": "The daily talk",
    "metadata": {"room": "A 1"},
    "options": {"engine": "pocketsphinx"},
    "callbackUrl": "https://example.com/hook",
}
DAY = timedelta(days=1)
STEP = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def bound_as_before() -> Iterator[None]:
    """The manager is the process's own, and a host binds its services."""
    yield
    job_manager.bind(services)


@pytest.fixture
def host() -> TaskHarness:
    return TaskHarness(jobs=job_manager)


def keep(host: TaskHarness, schedule_id: str = "daily", **changes: Any) -> Schedule:
    request = {name: value for name, value in {**REQUEST, **changes}.items() if value is not None}
    return schedule_submission(host.services, "acme", schedule_id, "0 8 * * *", "UTC", request)


def jobs(host: TaskHarness, org_id: str = "acme") -> list[Any]:
    return list(host.storage.jobs.page(org_id, limit=100).items)


def test_a_job_a_run_as_if_it_had_been_posted(host: TaskHarness) -> None:
    keep(host)
    host.live(2 * DAY, STEP)
    latest, first = jobs(host)
    assert first.job_id > latest.job_id  # newest first
    assert first.session_id != latest.session_id
    assert (latest.options.to_json(), latest.callback_url) == (REQUEST["options"], REQUEST["callbackUrl"])
    session = host.storage.sessions.get("acme", latest.session_id).value
    assert (session.name, session.source_url) == ("The daily talk", REQUEST["sourceUrl"])
    assert session.metadata == {"room": "A 1"}
    after = submission_schedule(host.services, "acme", "daily")
    assert (after.last_job_id, after.last_error) == (latest.job_id, None)
    assert after.last_run_at == after.next_run_at - DAY
    assert {message.queue for message in host.storage.queues.waiting()} == {"downloads"}


def test_a_run_that_crashes_anywhere_makes_one_job() -> None:
    def scenario(crash_at: int) -> bool:
        host = TaskHarness(jobs=job_manager)
        keep(host)
        host.now += DAY
        crashed = host.crash_point.crashes_at(crash_at, lambda: host.live(timedelta(seconds=1)))
        host.live(timedelta(hours=2), STEP)
        assert len(jobs(host)) == 1
        assert submission_schedule(host.services, "acme", "daily").last_job_id == jobs(host)[0].job_id
        return crashed

    every_crash(scenario)


def test_a_session_is_processed_again_and_again(host: TaskHarness) -> None:
    keep(host)
    host.live(DAY, STEP)
    session_id = jobs(host)[0].session_id
    keep(host, "weekly", sourceUrl=None, sessionId=session_id)
    remove_schedule(host.services, "acme", "daily")
    host.live(2 * DAY, STEP)
    assert {job.session_id for job in jobs(host)} == {session_id}
    assert len(jobs(host)) == 3


def test_what_a_submission_would_be_refused_for_is_refused_at_once(host: TaskHarness) -> None:
    with pytest.raises(NotFound, match="session nothing"):
        keep(host, sourceUrl=None, sessionId="nothing")
    with pytest.raises(InvalidRequest, match="user name"):
        keep(host, sourceUrl="https://a:b@example.com/")
    with pytest.raises(InvalidRequest, match="does not come"):
        schedule_submission(host.services, "acme", "x", "* * */20 * 1L", "UTC", REQUEST)
    assert "schedules" not in host.rows()


def test_asking_twice_for_a_schedule_makes_one(host: TaskHarness) -> None:
    first = keep(host)
    host.now += timedelta(seconds=5)
    assert keep(host) == first


def test_a_refused_run_is_told_and_the_schedule_goes_on(host: TaskHarness) -> None:
    keep(host)
    host.live(DAY, STEP)
    (job,) = jobs(host)
    keep(host, "again", sourceUrl=None, sessionId=job.session_id)
    remove_schedule(host.services, "acme", "daily")
    host.storage.sessions.delete(host.storage.sessions.get("acme", job.session_id))
    host.live(DAY, STEP)
    after = submission_schedule(host.services, "acme", "again")
    assert after.last_error == f"There is no session {job.session_id}."
    assert after.last_job_id is None
    assert host.letters("acme") == []
    assert after.next_run_at > host.now


def test_what_may_work_later_is_tried_again(host: TaskHarness) -> None:
    keep(host)
    failures = iter([StorageUnavailable("The storage is away.")])
    create = host.storage.jobs.create

    def create_if_it_answers(job: Any) -> Any:
        for failure in failures:
            raise failure
        return create(job)

    host.services = instead(host.services, "jobs", create=create_if_it_answers)
    host.now += timedelta(hours=8)
    host.live(timedelta(seconds=1), timedelta(seconds=1))
    assert submission_schedule(host.services, "acme", "daily").last_error == "The storage is away."
    host.live(timedelta(minutes=5))
    after = submission_schedule(host.services, "acme", "daily")
    assert (len(jobs(host)), after.last_error) == (1, None)


def test_a_run_that_has_begun_when_its_schedule_is_deleted_submits_nothing(host: TaskHarness) -> None:
    keep(host)
    read = host.storage.schedules.get("acme", "daily")
    remove_schedule(host.services, "acme", "daily")
    submit_scheduled.using(host.services, task_id="late").delay(**read.value.arguments)
    host.run_all()
    assert jobs(host) == []
    with pytest.raises(NotFound):
        remove_schedule(host.services, "acme", "daily")


def test_another_organisations_schedule_is_not_found(host: TaskHarness) -> None:
    keep(host)
    for call in (submission_schedule, remove_schedule):
        with pytest.raises(NotFound):
            call(host.services, "other", "daily")


def test_a_schedule_of_anything_else_is_not_shown(host: TaskHarness) -> None:
    other = submit_scheduled.using(host.services, task_id="x").schedule_cron("0 0 * * *", "acme", "x", {})
    stored = host.storage.schedules.get("acme", other.schedule_id)
    host.storage.schedules.update(stored, stored.value.evolve(name="something_else"))
    with pytest.raises(NotFound):
        submission_schedule(host.services, "acme", "x")
