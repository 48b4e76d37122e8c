"""A worker that dies before any of its writes: what was accepted is done, and nothing is left behind."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import NotFound
from shared.domain.task import TASKS, Task, TaskMessage, TaskState
from shared.pipeline.execution.run_step import Delivery
from shared.pipeline.housekeeping.requeue import requeue_dead_letters
from shared.pipeline.tasks.job_manager import Backoff, RetryLater
from shared.pipeline.tasks.run_task import KEEP_DONE, run_task
from shared.pipeline.tasks.sweep import sweep_tasks
from tests.unit.pipeline.task_host import Host, every_death

A_WHILE = timedelta(hours=3)


def assert_nothing_is_left(host: Host) -> None:
    host.live(A_WHILE + KEEP_DONE, timedelta(minutes=1))
    assert host.storage.queues.waiting(TASKS) == []
    assert {name: table.size() for name, table in host.tables.items()} == {
        "tasks": 0,
        "index": 0,
        "letters": 0,
        "plans": 0,
    }


@pytest.mark.parametrize("once", [False, True])
def test_death_while_a_task_is_made(once: bool) -> None:
    def scenario(death: int) -> bool:
        host, ran = Host(), list[str]()
        job = host.jobs.job(name="work")(lambda: ran.append("x"))
        bound = job.using(host.services, task_id="chosen" if once else None)
        died = host.fate.strikes_at(death, bound.delay)
        stands = host.tables["tasks"].size() == 1
        if died and once:
            bound.delay()  # whoever asked did not get an answer, and asks again
        host.live(A_WHILE)
        assert len(ran) == (1 if stands or once else 0)
        assert_nothing_is_left(host)
        return died

    every_death(scenario)


OUTCOMES: dict[str, Callable[[Task], None]] = {}


def outcome(function: Callable[[Task], None]) -> Callable[[Task], None]:
    OUTCOMES[function.__name__] = function
    return function


@outcome
def success(task: Task) -> None:
    return


@outcome
def failure_first(task: Task) -> None:
    if task.attempts == 1:
        raise OSError("the first time")


@outcome
def rest_first(task: Task) -> None:
    if task.last_error is None and task.sends == 1 and task.created_at == task.due_at:
        raise RetryLater(timedelta(minutes=1))


@pytest.mark.parametrize("redelivered", [True, False], ids=["redelivered", "lost"])
@pytest.mark.parametrize("once", [False, True], ids=["any id", "chosen id"])
@pytest.mark.parametrize("name", OUTCOMES)
def test_death_while_a_task_runs(name: str, once: bool, redelivered: bool) -> None:
    def scenario(death: int) -> bool:
        host, finished = Host(), list[int]()

        def work(task: Task) -> None:
            OUTCOMES[name](task)
            finished.append(1)

        job = host.jobs.job(name="work", max_attempts=3)(work)
        job.using(host.services, task_id="chosen" if once else None).delay()
        died = strike(host, death, redelivered)
        host.live(A_WHILE)
        assert 1 <= len(finished) <= 2  # at least once
        assert host.letters() == []
        assert_nothing_is_left(host)
        return died

    every_death(scenario)


@pytest.mark.parametrize("redelivered", [True, False], ids=["redelivered", "lost"])
def test_death_while_a_task_is_buried_and_while_it_is_dug_out(redelivered: bool) -> None:
    def scenario(death: int) -> bool:
        host, bad, ran = Host(), [True], list[int]()

        def work() -> None:
            ran.append(1)
            if bad:
                raise OSError("bad")

        task = host.jobs.job(name="work", max_attempts=1, backoff=Backoff(first=timedelta(0)))(work).delay()
        died = strike(host, death, redelivered)
        host.live(A_WHILE)
        assert host.task(task.task_id).state is TaskState.FAILED
        assert len(host.letters()) == 1

        bad.clear()
        ran.clear()
        died_again = host.fate.strikes_at(death, lambda: requeue_dead_letters(host.services, "", TASKS))
        requeue_dead_letters(host.services, "", TASKS)
        host.live(A_WHILE)
        assert ran
        assert_nothing_is_left(host)
        return died or died_again

    every_death(scenario)


def test_death_of_the_sweep() -> None:
    def scenario(death: int) -> bool:
        host, ran = Host(), list[Any]()
        job = host.jobs.job(name="work", max_attempts=1)(ran.append)
        job.using(host.services, task_id="lost").delay("lost")
        job.using(host.services, task_id="done").delay("done")
        host.deliver(TaskMessage(task_id="done", name="work"))
        while host.pop():
            pass  # all messages are lost
        died = False
        for _ in range(5):
            host.now += timedelta(minutes=20)
            died = host.fate.strikes_at(death, lambda: sweep_tasks(host.services)) or died
        host.live(A_WHILE)
        assert ran == ["done", "lost"]
        assert_nothing_is_left(host)
        return died

    every_death(scenario)


def strike(host: Host, death: int, redelivered: bool) -> bool:
    """Delivers the first message to a worker that dies; the host delivers it again, or it is lost with its host."""
    message = host.pop()
    assert message is not None
    if not host.fate.strikes_at(death, lambda: run_task(host.services, host.jobs, message, Delivery("m", 1))):
        return False
    if redelivered:
        try:
            run_task(host.services, host.jobs, message, Delivery("m", 2))
        except NotFound:
            pytest.fail("a message of a task that is gone is no failure")
    return True
