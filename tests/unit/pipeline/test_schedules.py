"""Schedules: one task a run, wherever the tick crashes."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.errors import InvalidRequest, NotFound
from shared.domain.schedule import Schedule
from shared.domain.task import TASKS
from shared.pipeline.tasks.schedules import run_due_schedules
from shared.pipeline.tasks.sweep import sweep_tasks
from tests.support.crashing_storage import every_crash
from tests.support.task_harness import START, TaskHarness


@pytest.fixture
def host() -> TaskHarness:
    return TaskHarness()


@pytest.fixture
def calls() -> list[Any]:
    return []


@pytest.fixture
def note(host: TaskHarness, calls: list[Any]) -> Any:
    @host.jobs.job
    def note(what: str, org_id: str = "") -> None:
        calls.append((what, host.now - START))

    return note


def stored(host: TaskHarness, schedule: Schedule) -> Schedule:
    return host.storage.schedules.get(schedule.org_id, schedule.schedule_id).value


def test_a_schedule_runs_at_its_times(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    schedule = note.schedule_cron("0 */6 * * *", "x", org_id="acme")
    assert (schedule.next_run_at, schedule.last_run_at) == (START + timedelta(hours=6), None)
    host.live(timedelta(hours=19), timedelta(minutes=5))
    assert [since // timedelta(hours=1) for _, since in calls] == [6, 12, 18]
    after = stored(host, schedule)
    assert (after.last_run_at, after.next_run_at) == (START + timedelta(hours=18), START + timedelta(hours=24))


def test_the_time_zone_counts(note: Any) -> None:
    schedule = note.schedule_cron("0 0 * * *", "x", time_zone="Europe/Zurich")
    assert schedule.next_run_at == datetime(2026, 1, 1, 23, tzinfo=UTC)


def test_the_same_schedule_is_there_once(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    first = note.schedule_cron("0 0 * * *", "x", org_id="acme")
    host.now += timedelta(hours=1)
    assert note.schedule_cron(" 0 0 *  * *", org_id="acme", what="x") == first
    assert note.schedule_cron("0 0 * * *", "y", org_id="acme").schedule_id != first.schedule_id
    assert note.schedule_cron("0 0 * * *", "x", org_id="other").schedule_id != first.schedule_id
    assert note.schedule_cron("0 1 * * *", "x", org_id="acme").schedule_id != first.schedule_id
    host.live(timedelta(days=1), timedelta(minutes=5))
    assert len(calls) == 4


def test_a_schedule_with_an_id_is_changed_by_another_cron(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    daily = note.using(host.services, task_id="report")
    daily.schedule_cron("0 12 * * *", "x")
    changed = daily.schedule_cron("0 18 * * *", "y")
    assert changed.next_run_at == START + timedelta(hours=18)
    host.live(timedelta(days=1), timedelta(minutes=5))
    assert [what for what, _ in calls] == ["y"]


def test_crons_and_zones_are_checked_at_once(host: TaskHarness, note: Any) -> None:
    for cron, zone in (("0 0 31 2 *", "UTC"), ("0 0 * * *", "Mars/Olympus")):
        with pytest.raises(InvalidRequest):
            note.schedule_cron(cron, "x", time_zone=zone)
    with pytest.raises(TypeError, match="missing a required argument"):
        note.schedule_cron("0 0 * * *")
    assert "schedules" not in host.rows()


def test_runs_missed_while_the_host_was_down_are_made_up_for_by_one(
    host: TaskHarness, note: Any, calls: list[Any]
) -> None:
    schedule = note.schedule_cron("*/10 * * * *", "x")
    host.now += timedelta(days=3, minutes=5)
    host.live(timedelta(minutes=4), timedelta(minutes=1))
    assert len(calls) == 1
    after = stored(host, schedule)
    assert after.last_run_at == START + timedelta(minutes=10)
    assert after.next_run_at == START + timedelta(days=3, minutes=10)
    host.live(timedelta(minutes=10), timedelta(minutes=1))
    assert len(calls) == 2


def test_two_ticks_at_once_make_one_task(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    """Both have read the schedule before either moves it on."""
    note.schedule_cron("0 0 * * *", "x")
    host.now += timedelta(days=1)
    meeting = threading.Barrier(2, timeout=30)
    create = host.storage.tasks.create

    def create_together(task: Any) -> Any:
        meeting.wait()
        return create(task)

    host.storage.tasks.create = create_together  # type: ignore[method-assign]
    made: list[int] = []
    ticks = [threading.Thread(target=lambda: made.append(run_due_schedules(host.services))) for _ in range(2)]
    for tick in ticks:
        tick.start()
    for tick in ticks:
        tick.join(60)
    assert sorted(made) == [0, 1]
    assert len(host.storage.queues.waiting(TASKS)) == 1
    host.run_all()
    assert len(calls) == 1


def test_a_slow_tick_does_not_run_what_another_made_and_a_worker_finished(
    host: TaskHarness, note: Any, calls: list[Any]
) -> None:
    note.schedule_cron("0 0 * * *", "x")
    host.now += timedelta(days=1)
    (read,) = host.storage.schedules.due(10, 10)
    sweep_tasks(host.services)
    host.run_all()
    host.storage.schedules.due = lambda *_: iter([read])  # type: ignore[method-assign]
    assert run_due_schedules(host.services) == 0
    host.run_all()
    assert len(calls) == 1


def test_a_tick_that_crashes_before_any_write_makes_one_task() -> None:
    def scenario(crash_at: int) -> bool:
        host, ran = TaskHarness(), list[int]()
        schedule = host.jobs.job(name="work")(lambda: ran.append(1)).schedule_cron("0 0 * * *")
        host.now += timedelta(days=1)
        crashed = host.crash_point.crashes_at(crash_at, lambda: run_due_schedules(host.services))
        host.run_all()
        host.live(timedelta(hours=20), timedelta(minutes=5))
        assert len(ran) == 1
        assert stored(host, schedule).next_run_at == START + timedelta(days=2)
        assert (host.rows().get("tasks"), host.rows().get("timeindex")) == (None, 1)
        return crashed

    every_crash(scenario)


def test_making_a_schedule_may_die_too() -> None:
    def scenario(crash_at: int) -> bool:
        host, ran = TaskHarness(), list[int]()
        job = host.jobs.job(name="work")(lambda: ran.append(1))
        crashed = host.crash_point.crashes_at(crash_at, lambda: job.schedule_cron("0 0 * * *"))
        job.schedule_cron("0 0 * * *")
        host.live(timedelta(days=1, hours=1), timedelta(minutes=5))
        assert len(ran) == 1
        return crashed

    every_crash(scenario)


def test_a_broken_schedule_does_not_stop_the_others(
    host: TaskHarness, note: Any, calls: list[Any], caplog: Any
) -> None:
    broken = note.schedule_cron("0 0 * * *", "broken")
    read = host.storage.schedules.get("", broken.schedule_id)
    host.storage.schedules.update(read, read.value.evolve(time_zone="Mars/Olympus"))
    note.schedule_cron("0 0 * * *", "whole")
    host.now += timedelta(days=1)
    assert run_due_schedules(host.services) == 1
    host.run_all()
    assert [what for what, _ in calls] == ["whole"]
    assert "schedule failed" in caplog.text


def test_a_deleted_schedule_does_not_run(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    schedule = note.schedule_cron("0 0 * * *", "x")
    host.storage.schedules.delete(host.storage.schedules.get("", schedule.schedule_id))
    with pytest.raises(NotFound):
        stored(host, schedule)
    host.live(timedelta(days=2), timedelta(minutes=30))
    assert calls == []
    assert "timeindex" not in host.rows()
