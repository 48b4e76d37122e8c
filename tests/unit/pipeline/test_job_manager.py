"""Background jobs: the decorator, and a task's way to its end over the in-memory storage. The test plays the host."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import InvalidRequest, NotMedia
from shared.domain.task import TASKS, Task, TaskMessage, TaskState
from shared.pipeline.context import Services
from shared.pipeline.execution.run_step import Delivery
from shared.pipeline.tasks.job_manager import Backoff, JobManager, RetryLater
from shared.pipeline.tasks.run_task import KEEP_DONE, UNKNOWN_PAUSE, give_up_task, run_task
from shared.pipeline.tasks.sweep import sweep_tasks
from tests.support.crashing_storage import ProcessKilled
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
    def note(what: Any, /, *more: Any, end: str = ".", **rest: Any) -> int:
        calls.append((what, more, end, rest))
        return len(calls)

    return note


def test_a_call_is_a_call(note: Any, calls: list[Any], host: TaskHarness) -> None:
    assert note("now") == 1
    assert calls == [("now", (), ".", {})]
    assert note.__name__ == "note"
    assert not host.run_all()


def test_a_delayed_call_runs_once_with_its_arguments(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    task = note.delay({"a": [1, None, True]}, 2.5, "x", end="!", why="so")
    assert not calls
    assert host.run_all() == 1
    assert calls == [({"a": [1, None, True]}, (2.5, "x"), "!", {"why": "so"})]
    assert host.is_gone(task.task_id)
    host.live(timedelta(hours=2))
    assert len(calls) == 1


def test_services_and_the_task_are_filled_in_wherever_they_stand(host: TaskHarness) -> None:
    seen: list[Any] = []

    @host.jobs.job(name="fill.in")
    def fill_in(number: int, services: Services, org_id: str, task: Task, last: str = "z") -> None:
        seen.append((number, services, org_id, task.task_id, last))

    task = fill_in.delay(1, "acme")
    assert (task.name, task.org_id) == ("fill.in", "acme")
    host.run_all()
    assert seen == [(1, host.services, "acme", task.task_id, "z")]
    with pytest.raises(TypeError, match="services"):
        fill_in.delay(1, host.services, "acme", services=host.services)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(START, "what is of type datetime", id="time"),
        pytest.param({"at": [START]}, r"what\.at\[0\] is of type datetime", id="deep"),
        pytest.param({1: 2}, "what has the key 1, which is no text", id="key"),
        pytest.param(float("nan"), "what is nan", id="not a number"),
        pytest.param((1, 2), "what is of type tuple", id="would come back as a list"),
        pytest.param(b"", "what is of type bytes", id="bytes"),
    ],
)
def test_what_is_no_json_is_refused_at_once(host: TaskHarness, note: Any, value: object, complaint: str) -> None:
    with pytest.raises(TypeError, match=f"^note: {complaint}, and a background job's arguments are JSON"):
        note.delay(value)
    assert not host.storage.queues.waiting()


def test_arguments_that_do_not_fit_are_refused_at_once(host: TaskHarness, note: Any) -> None:
    with pytest.raises(TypeError, match="note: missing a required argument: 'what'"):
        note.delay()
    with pytest.raises(InvalidRequest, match="arguments is too long"):
        note.delay("x" * 40_000)
    assert not host.storage.queues.waiting()


def test_names_are_checked(host: TaskHarness, note: Callable[[], None]) -> None:
    with pytest.raises(ValueError, match="already"):
        host.jobs.job(name="note")(lambda: None)
    with pytest.raises(ValueError, match="cannot be a background job's name"):
        host.jobs.job(lambda: None)
    with pytest.raises(ValueError, match="tried once at least"):
        host.jobs.job(name="never", max_attempts=0)(lambda: None)
    assert host.jobs.find("never") is None


def test_without_services_it_says_what_to_do() -> None:
    lonely = JobManager().job(name="lonely")(lambda: None)
    with pytest.raises(RuntimeError, match=r"import shared\.wiring first"):
        lonely.delay()


def test_a_task_with_a_chosen_id_is_made_once(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    for end in ("1", "2"):
        note.using(host.services, task_id="order-7").delay("x", end=end)
    assert host.run_all() == 1
    note.using(host.services, task_id="order-7").delay("x", end="3")
    assert host.run_all() == 0
    assert [end for _, _, end, _ in calls] == ["1"]
    host.live(KEEP_DONE + timedelta(minutes=1))
    assert host.is_gone("order-7")


def test_a_delay_may_be_longer_than_the_queues(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    task = note.delay_in(timedelta(days=30), "late")
    step = timedelta(hours=1)
    host.live(timedelta(days=30) - step, step)
    assert not calls
    assert len(host.storage.queues.waiting(TASKS)) == 1
    host.live(step, step)
    assert [what for what, *_ in calls] == ["late"]
    assert host.is_gone(task.task_id)


def test_a_delay_behind_us_is_none(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    note.delay_in(timedelta(days=-1), "now")
    host.run_all()
    assert calls


def test_a_failing_task_backs_off_and_becomes_a_dead_letter(host: TaskHarness) -> None:
    times: list[float] = []
    backoff = Backoff(first=timedelta(seconds=10), most=timedelta(seconds=30))

    @host.jobs.job(max_attempts=5, backoff=backoff)
    def fail(org_id: str) -> None:
        times.append((host.now - START).total_seconds())
        raise OSError("no such luck")

    task = fail.delay("acme")
    host.run_all()
    host.live(timedelta(minutes=5), timedelta(seconds=1))
    assert times == [0, 10, 30, 60, 90]
    dead = host.task(task.task_id)
    assert (dead.state, dead.attempts, dead.last_error) == (TaskState.FAILED, 5, "OSError: no such luck")
    assert host.letters("acme") == ["OSError: no such luck"]
    assert host.letters() == []
    host.live(timedelta(hours=3))
    assert len(times) == 5
    assert len(host.letters("acme")) == 1


@pytest.mark.parametrize(("random", "seconds"), [(0.0, 40.0), (0.5, 60.0), (1.0, 80.0)])
def test_half_of_the_rest_is_random(random: float, seconds: float) -> None:
    assert Backoff().pause(4, lambda: random) == timedelta(seconds=seconds)
    assert Backoff().pause(100, lambda: random) == timedelta(hours=1) * (0.5 + 0.5 * random)


def test_retry_later_is_no_failure(host: TaskHarness) -> None:
    tries: list[int] = []

    @host.jobs.job(max_attempts=1)
    def not_yet(task: Task) -> None:
        tries.append(task.attempts)
        if len(tries) < 4:
            raise RetryLater(timedelta(minutes=2))

    task = not_yet.delay()
    host.run_all()
    host.live(timedelta(minutes=7))
    assert tries == [1, 1, 1, 1]
    assert host.is_gone(task.task_id)


def test_what_trying_again_cannot_help_is_dead_at_once(host: TaskHarness) -> None:
    @host.jobs.job
    def hopeless() -> None:
        raise NotMedia("The file is a poem.")

    task = hopeless.delay()
    host.run_all()
    assert host.task(task.task_id).attempts == 1
    assert host.letters() == ["The file is a poem."]


def test_a_job_that_this_release_does_not_know_waits(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    elsewhere = JobManager()
    task = elsewhere.job(name="novelty")(lambda: None).using(host.services).delay()
    host.run_all()
    host.live(UNKNOWN_PAUSE * 20)
    assert host.task(task.task_id).attempts == 0
    assert host.letters() == []
    host.jobs.job(name="novelty")(lambda: calls.append("known"))
    host.live(UNKNOWN_PAUSE)
    assert calls == ["known"]
    assert host.is_gone(task.task_id)


def test_arguments_of_another_release_are_no_silent_half_call(host: TaskHarness, note: Any) -> None:
    elsewhere = JobManager()
    elsewhere.job(name="hello", max_attempts=1)(lambda one, two: None).using(host.services).delay(1, 2)
    host.jobs.job(name="hello", max_attempts=1)(lambda one: None)
    host.run_all()
    assert host.letters() == ["TypeError: hello has no parameter two."]


def test_a_lost_message_is_sent_again(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    note.delay("x")
    host.pop()
    host.live(timedelta(minutes=3))
    assert len(calls) == 1


def test_a_message_that_only_waits_its_turn_is_sent_again_at_growing_intervals(host: TaskHarness, note: Any) -> None:
    note.delay("x")
    sent = 0
    for _ in range(24 * 60 * 2):
        host.now += timedelta(seconds=30)
        sent += sweep_tasks(host.services)
    assert 20 < sent < 40
    assert host.run_all() == sent + 1


def test_equal_messages_run_a_task_once(host: TaskHarness, note: Any, calls: list[Any]) -> None:
    task = note.using(host.services, task_id="t").delay("x")
    message = TaskMessage(task_id=task.task_id, name="note")
    for _ in range(3):
        host.deliver(message)
    host.run_all()
    assert len(calls) == 1


def test_a_message_of_a_task_at_work_is_ignored(host: TaskHarness) -> None:
    runs: list[int] = []

    @host.jobs.job
    def work(task: Task) -> None:
        runs.append(1)
        host.deliver(TaskMessage(task_id=task.task_id, name="work"))

    work.delay()
    host.run_all()
    assert len(runs) == 1


def test_a_crashed_worker_is_replaced(host: TaskHarness) -> None:
    crashes = iter([ProcessKilled(), ProcessKilled()])
    runs: list[int] = []

    @host.jobs.job(max_attempts=3)
    def work(task: Task) -> None:
        runs.append(task.attempts)
        for crash in crashes:
            raise crash

    task = work.delay()
    message = host.pop()
    assert message is not None
    with pytest.raises(ProcessKilled):
        run_task(host.services, host.jobs, message, Delivery("m", 1))
    with pytest.raises(ProcessKilled):  # the host delivers the same message again
        run_task(host.services, host.jobs, message, Delivery("m", 2))
    host.live(timedelta(minutes=5))  # and then it is lost
    assert runs == [1, 2, 3]
    assert host.is_gone(task.task_id)


def test_a_task_that_kills_every_worker_is_a_dead_letter(host: TaskHarness) -> None:
    @host.jobs.job(max_attempts=3)
    def bomb() -> None:
        raise ProcessKilled

    task = bomb.delay()
    message = host.pop()
    assert message is not None
    for count in range(1, 4):
        with pytest.raises(ProcessKilled):
            run_task(host.services, host.jobs, message, Delivery("m", count))
    give_up_task(host.services, host.jobs, message)
    assert host.task(task.task_id).state is TaskState.RUNNING  # the worker may still be running
    host.now += timedelta(minutes=2)
    give_up_task(host.services, host.jobs, message)
    assert host.task(task.task_id).state is TaskState.FAILED
    assert host.letters() == ["The process that ran it ended without a word; it may have run out of memory."]


def test_without_the_hosts_dead_letter_the_sweep_finds_it_too(host: TaskHarness) -> None:
    @host.jobs.job(max_attempts=1)
    def bomb() -> None:
        raise ProcessKilled

    task = bomb.delay()
    with pytest.raises(ProcessKilled):
        host.deliver()
    host.live(timedelta(minutes=3))
    assert host.task(task.task_id).state is TaskState.FAILED
    assert len(host.letters()) == 1


def test_a_dead_letter_of_a_task_with_attempts_left_is_left_to_the_sweep(
    host: TaskHarness, note: Any, calls: list[Any]
) -> None:
    note.delay("x")
    message = host.pop()
    assert message is not None
    give_up_task(host.services, host.jobs, message)
    assert host.letters() == []
    host.live(timedelta(minutes=3))
    assert len(calls) == 1
    give_up_task(host.services, host.jobs, message)  # it is gone
    assert host.letters() == []


def test_who_lost_the_task_does_not_settle_it(host: TaskHarness) -> None:
    """A worker that stood still for a while comes back to a task that another one has taken over."""
    runs: list[int] = []

    @host.jobs.job
    def stand_still(task: Task) -> None:
        runs.append(task.attempts)
        if len(runs) == 1:
            host.now += timedelta(minutes=2)
            host.deliver(TaskMessage(task_id=task.task_id, name="stand_still"))
            raise OSError("late")

    task = stand_still.using(host.services, task_id="t").delay()
    host.run_all()
    assert runs == [1, 2]
    assert host.task(task.task_id).state is TaskState.DONE
    host.live(timedelta(minutes=30))
    assert runs == [1, 2]


def test_a_thousand_requests_have_one_call_waiting(host: TaskHarness, calls: list[Any], note: Any) -> None:
    bound = note.using(host.services, task_id="again")
    first = bound.delay_unless_waiting("a")
    for _ in range(1000):
        assert bound.delay_unless_waiting("a").task_id == first.task_id
    assert len(host.storage.queues.waiting(TASKS)) == 1
    host.run_all()
    assert len(calls) == 1
    bound.delay_unless_waiting("a")  # it is over: what it did may be out of date
    host.run_all()
    assert len(calls) == 2


def test_a_call_that_runs_is_followed_by_one(host: TaskHarness, calls: list[Any], note: Any) -> None:
    bound = note.using(host.services, task_id="again")
    first = bound.delay_unless_waiting("a")
    stored = host.storage.tasks.get(first.task_id)
    host.storage.tasks.update(stored, stored.value.claimed("w", host.services.clock(), look_at=None))
    second, third = bound.delay_unless_waiting("a"), bound.delay_unless_waiting("a")
    assert second.task_id == third.task_id != first.task_id
    host.run_all()
    assert len(calls) == 1
