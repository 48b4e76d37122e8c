"""Background jobs' tasks, schedules and dead letters: rows, conditional writes, pages and the index by time."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.dead_letter import DeadLetter
from shared.domain.errors import InvalidRequest, NotFound, WriteConflict
from shared.domain.schedule import Schedule
from shared.domain.task import Task, TaskState
from shared.storage.dead_letter_table import DeadLetterTable
from shared.storage.ports import Storage
from shared.storage.schedule_table import ScheduleTable
from shared.storage.table import Table
from shared.storage.task_table import TaskTable
from shared.storage.time_index import DANGLING_AFTER

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO = datetime(2026, 1, 1, 12, tzinfo=UTC)

NewTable = Callable[[], Table]


def make_task(number: int = 0, look_at: datetime | None = None) -> Task:
    return Task(
        task_id=f"task-{number}", name="work", org_id="acme", created_at=LONG_AGO, due_at=LONG_AGO, look_at=look_at
    )


def make_schedule(number: int = 0, org_id: str = "acme", next_run_at: datetime = LONG_AGO) -> Schedule:
    return Schedule(
        schedule_id=f"schedule-{number}",
        org_id=org_id,
        name="work",
        arguments={"number": number},
        cron="0 0 * * *",
        time_zone="Europe/Zurich",
        next_run_at=next_run_at,
        created_at=LONG_AGO,
    )


@pytest.fixture
def tasks(new_table: NewTable) -> TaskTable:
    return TaskTable(new_table(), new_table(), lambda: NOW)


@pytest.fixture
def schedules(new_table: NewTable) -> ScheduleTable:
    return ScheduleTable(new_table(), new_table(), lambda: NOW)


def test_every_field_of_a_task_comes_back_as_it_was(storage: Storage) -> None:
    full = Task(
        task_id=f"wéird id {uuid.uuid4()}",
        name="a.job",
        org_id="acme",
        arguments={"a": [1, 2.5, None, {"b": "ü"}], "c": ""},
        once=True,
        created_at=LONG_AGO,
        due_at=LONG_AGO + timedelta(microseconds=1),
        state=TaskState.FAILED,
        attempts=3,
        sends=2,
        sent_at=NOW,
        look_at=NOW + timedelta(days=300),
        owner="m:1",
        heartbeat_at=NOW,
        finished_at=NOW,
        last_error="It did not work.",
        letter_id="letter",
    )
    created = storage.tasks.create(full)
    assert storage.tasks.get(full.task_id) == created
    assert created.value == full
    storage.tasks.delete(created)


def test_a_task_id_is_taken_once(tasks: TaskTable) -> None:
    tasks.create(make_task())
    with pytest.raises(WriteConflict):
        tasks.create(make_task())
    with pytest.raises(NotFound, match="task another"):
        tasks.get("another")


@pytest.mark.parametrize("task_id", ["a/b", "a#b", "a\nb"])
def test_ids_that_no_table_holds_are_refused(tasks: TaskTable, task_id: str) -> None:
    with pytest.raises(ValueError, match="no table can hold"):
        tasks.create(make_task(look_at=NOW).evolve(task_id=task_id))


def test_too_many_arguments_are_refused(tasks: TaskTable) -> None:
    with pytest.raises(InvalidRequest, match="arguments is too long"):
        tasks.create(make_task().evolve(arguments={"x": "x" * 40_000}))


def test_who_read_too_early_neither_writes_nor_deletes(tasks: TaskTable) -> None:
    read = tasks.create(make_task())
    quicker = tasks.update(read, read.value.evolve(owner="m:1"))
    with pytest.raises(WriteConflict):
        tasks.update(read, read.value.evolve(owner="m:2"))
    with pytest.raises(WriteConflict):
        tasks.delete(read)
    tasks.delete(quicker)
    tasks.delete(quicker)
    with pytest.raises(NotFound):
        tasks.update(quicker, quicker.value)


def test_what_is_to_be_looked_at_comes_longest_due_first(tasks: TaskTable) -> None:
    for number, minutes in enumerate((-1, -3, 1, -2)):
        tasks.create(make_task(number, NOW + timedelta(minutes=minutes)))
    tasks.create(make_task(9))
    assert [stored.value.task_id for stored in tasks.to_look_at(10)] == ["task-1", "task-3", "task-0"]
    assert [stored.value.task_id for stored in tasks.to_look_at(2)] == ["task-1", "task-3"]


def test_a_task_is_looked_at_at_the_time_it_names_last(tasks: TaskTable) -> None:
    stored = tasks.create(make_task(look_at=LONG_AGO))
    stored = tasks.update(stored, stored.value.evolve(look_at=NOW + timedelta(hours=1)))
    assert not list(tasks.to_look_at(10))
    stored = tasks.update(stored, stored.value.evolve(look_at=LONG_AGO, owner="m:1"))
    assert list(tasks.to_look_at(10)) == [stored]
    stored = tasks.update(stored, stored.value.evolve(look_at=None))
    assert not list(tasks.to_look_at(10))


def test_a_task_that_was_changed_meanwhile_is_given_as_it_is(tasks: TaskTable) -> None:
    first, second = (tasks.create(make_task(number, LONG_AGO)) for number in range(2))
    looking = tasks.to_look_at(10)
    assert next(looking) == first
    changed = tasks.update(second, second.value.evolve(owner="m:1"))
    assert list(looking) == [changed]


def test_an_entry_without_its_row_is_kept_for_a_while_and_then_dropped(new_table: NewTable) -> None:
    """Its row may be about to be written."""
    rows, index, now = new_table(), new_table(), datetime.now(UTC)
    TaskTable(new_table(), index, lambda: now).create(make_task(look_at=LONG_AGO))
    assert not list(TaskTable(rows, index, lambda: now).to_look_at(10))
    assert len(list(index.scan("task"))) == 1
    later = TaskTable(rows, index, lambda: now + DANGLING_AFTER + timedelta(minutes=1))
    assert not list(later.to_look_at(10))
    assert not list(index.scan("task"))


def test_a_finished_task_leaves_nothing(new_table: NewTable) -> None:
    rows, index = new_table(), new_table()
    tasks = TaskTable(rows, index, lambda: NOW)
    stored = tasks.create(make_task(look_at=LONG_AGO))
    tasks.delete(stored)
    assert not list(index.scan("task"))
    assert not list(rows.scan("task-0"))


def test_every_field_of_a_schedule_comes_back_as_it_was(storage: Storage, org: str) -> None:
    full = make_schedule(org_id=org, next_run_at=NOW + timedelta(days=1)).evolve(
        last_run_at=NOW, last_job_id="job", last_error="No."
    )
    assert storage.schedules.create(full).value == full
    stored = storage.schedules.get(org, full.schedule_id)
    assert stored.value == full
    assert storage.schedules.update(stored, full.evolve(last_error=None)).value.last_error is None


@pytest.mark.parametrize("org_id", ["", "acme"])
def test_schedules_belong_to_their_organisation(schedules: ScheduleTable, org_id: str) -> None:
    stored = schedules.create(make_schedule(org_id=org_id))
    assert schedules.get(org_id, "schedule-0") == stored
    with pytest.raises(NotFound, match="schedule schedule-0"):
        schedules.get("other", "schedule-0")
    with pytest.raises(WriteConflict):
        schedules.create(make_schedule(org_id=org_id))
    schedules.create(make_schedule(org_id="other"))


def test_schedules_are_due_at_their_time(schedules: ScheduleTable) -> None:
    for number, minutes in enumerate((-1, 1, -2)):
        schedules.create(make_schedule(number, next_run_at=NOW + timedelta(minutes=minutes)))
    first, second = schedules.due(10, 10)
    assert [first.value.schedule_id, second.value.schedule_id] == ["schedule-2", "schedule-0"]
    schedules.update(first, first.value.evolve(next_run_at=NOW + timedelta(days=1)))
    assert [stored.value.schedule_id for stored in schedules.due(10, 10)] == ["schedule-0"]
    schedules.delete(second)
    assert not list(schedules.due(10, 10))
    with pytest.raises(WriteConflict):
        schedules.delete(first)


def test_an_organisation_with_many_due_schedules_leaves_room_for_others(schedules: ScheduleTable) -> None:
    for number in range(4):
        schedules.create(make_schedule(number, org_id="many", next_run_at=NOW - timedelta(minutes=9 - number)))
    for number in range(4, 6):
        schedules.create(make_schedule(number, org_id="few", next_run_at=NOW - timedelta(minutes=9 - number)))

    def due(limit: int) -> list[str]:
        return [stored.value.schedule_id for stored in schedules.due(limit, 2)]

    assert due(10) == ["schedule-0", "schedule-1", "schedule-4", "schedule-5"]
    assert due(3) == ["schedule-0", "schedule-1", "schedule-4"]


def test_schedules_come_in_pages_of_one_job(schedules: ScheduleTable) -> None:
    for number in range(5):
        schedules.create(make_schedule(number))
    other = schedules.create(make_schedule(7))
    schedules.update(other, other.value.evolve(name="other"))
    first = schedules.page("acme", "work", limit=3)
    rest = schedules.page("acme", "work", limit=3, cursor=first.cursor)
    assert [one.schedule_id for one in (*first.items, *rest.items)] == [f"schedule-{number}" for number in range(5)]
    assert rest.cursor is None
    with pytest.raises(InvalidRequest):
        schedules.page("acme", "work", limit=3, cursor="nonsense")


def test_dead_letters_are_kept_once_newest_first_by_queue_and_organisation(new_table: NewTable) -> None:
    letters = DeadLetterTable(new_table())
    full = DeadLetter(
        letter_id="b",
        queue="tasks",
        org_id="acme",
        body='{"a": "\N{REPLACEMENT CHARACTER}"}',
        reason="No.",
        at=LONG_AGO,
        task_id="task",
    )
    letters.keep(full)
    letters.keep(full)
    letters.keep(DeadLetter(letter_id="a", queue="tasks", org_id="acme", body="", reason="", at=NOW, job_id="job"))
    letters.keep(DeadLetter(letter_id="a", queue="tasks", org_id="", body="", reason="", at=NOW))
    letters.keep(DeadLetter(letter_id="a", queue="downloads", org_id="acme", body="", reason="", at=NOW))
    newest, oldest = letters.of_queue("acme", "tasks")
    assert (newest.value.job_id, oldest.value) == ("job", full)
    assert len(list(letters.of_queue("", "tasks"))) == 1
    letters.delete(oldest)
    letters.delete(oldest)
    assert [stored.value.letter_id for stored in letters.of_queue("acme", "tasks")] == ["a"]


def test_a_running_task_is_always_looked_at_and_its_entry_goes_with_its_state(new_table: NewTable) -> None:
    index = new_table()
    tasks = TaskTable(new_table(), index, lambda: LONG_AGO)  # the clock was put back
    stored = tasks.create(make_task(look_at=NOW))
    running = tasks.update(stored, stored.value.claimed("m:1", NOW).evolve(look_at=None))
    assert list(tasks.to_look_at(0)) == [running]
    assert not list(index.scan("task"))
    tasks.update(running, running.value.evolve(state=TaskState.WAITING, look_at=NOW))
    assert not list(tasks.to_look_at(10))
    assert not list(index.scan("running-task"))


def test_tasks_are_found_by_organisation_and_state(tasks: TaskTable) -> None:
    for number, (org_id, state) in enumerate(
        [
            ("acme", TaskState.WAITING),
            ("acme", TaskState.FAILED),
            ("o'brien", TaskState.WAITING),
            ("", TaskState.WAITING),
        ]
    ):
        tasks.create(make_task(number).evolve(org_id=org_id, state=state))

    def found(*org_ids: str, states: tuple[TaskState, ...] = tuple(TaskState)) -> list[str]:
        return [task.task_id for task in tasks.of_organisations(org_ids, states)]

    assert found("acme") == ["task-0", "task-1"]
    assert found("acme", states=(TaskState.FAILED,)) == ["task-1"]
    assert found("acme", "") == ["task-0", "task-1", "task-3"]
    assert found("o'brien", states=(TaskState.WAITING, TaskState.RUNNING)) == ["task-2"]
    assert found("nobody") == []


def test_all_schedules_of_an_organisation_are_found(schedules: ScheduleTable) -> None:
    for number, (org_id, name) in enumerate([("acme", "work"), ("acme", "play"), ("", "work")]):
        schedules.create(replace(make_schedule(number, org_id), name=name))
    assert [each.schedule_id for each in schedules.of_organisation("acme")] == ["schedule-0", "schedule-1"]
    assert [each.schedule_id for each in schedules.of_organisation("")] == ["schedule-2"]


def test_a_dead_letter_is_found_by_its_id(new_table: NewTable) -> None:
    letters = DeadLetterTable(new_table())
    for number in range(3):
        letters.keep(DeadLetter(letter_id=f"l{number}", queue="tasks", org_id="", body="{", reason="No.", at=LONG_AGO))
    assert letters.get("", "tasks", "l1").value.letter_id == "l1"
    assert [each.value.letter_id for each in letters.of_queue("", "tasks", after="l0")] == ["l1", "l2"]
    for org_id, queue in (("acme", "tasks"), ("", "downloads")):
        with pytest.raises(NotFound):
            letters.get(org_id, queue, "l1")
