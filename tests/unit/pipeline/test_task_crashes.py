"""A worker that crashes before any of its writes: what was accepted is done, and nothing is left behind."""

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
from tests.support.crashing_storage import every_crash
from tests.support.task_harness import TaskHarness

A_WHILE = timedelta(hours=3)


def assert_nothing_is_left(host: TaskHarness) -> None:
    host.live(A_WHILE + KEEP_DONE, timedelta(minutes=1))
    assert host.storage.queues.waiting(TASKS) == []
    assert host.rows() == {}


@pytest.mark.parametrize("once", [False, True])
def test_crash_while_a_task_is_made(once: bool) -> None:
    def scenario(crash_at: int) -> bool:
        host, ran = TaskHarness(), list[str]()
        job = host.jobs.job(name="work")(lambda: ran.append("x"))
        bound = job.using(host.services, task_id="chosen" if once else None)
        crashed = host.crash_point.crashes_at(crash_at, bound.delay)
        stands = host.rows().get("tasks") == 1
        if crashed and once:
            bound.delay()  # the caller got no answer, and retries
        host.live(A_WHILE)
        assert len(ran) == (1 if stands or once else 0)
        assert_nothing_is_left(host)
        return crashed

    every_crash(scenario)


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
def test_crash_while_a_task_runs(name: str, once: bool, redelivered: bool) -> None:
    def scenario(crash_at: int) -> bool:
        host, finished = TaskHarness(), list[int]()

        def work(task: Task) -> None:
            OUTCOMES[name](task)
            finished.append(1)

        job = host.jobs.job(name="work", max_attempts=3)(work)
        job.using(host.services, task_id="chosen" if once else None).delay()
        crashed = strike(host, crash_at, redelivered)
        host.live(A_WHILE)
        assert 1 <= len(finished) <= 2  # at least once
        assert host.letters() == []
        assert_nothing_is_left(host)
        return crashed

    every_crash(scenario)


@pytest.mark.parametrize("redelivered", [True, False], ids=["redelivered", "lost"])
def test_crash_while_a_task_is_dead_lettered_and_requeued(redelivered: bool) -> None:
    def scenario(crash_at: int) -> bool:
        host, bad, ran = TaskHarness(), [True], list[int]()

        def work() -> None:
            ran.append(1)
            if bad:
                raise OSError("bad")

        task = host.jobs.job(name="work", max_attempts=1, backoff=Backoff(first=timedelta(0)))(work).delay()
        crashed = strike(host, crash_at, redelivered)
        host.live(A_WHILE)
        assert host.task(task.task_id).state is TaskState.FAILED
        assert len(host.letters()) == 1

        bad.clear()
        ran.clear()
        crashed_again = host.crash_point.crashes_at(crash_at, lambda: requeue_dead_letters(host.services, "", TASKS))
        requeue_dead_letters(host.services, "", TASKS)
        host.live(A_WHILE)
        assert ran
        assert_nothing_is_left(host)
        return crashed or crashed_again

    every_crash(scenario)


def test_crash_of_the_sweep() -> None:
    def scenario(crash_at: int) -> bool:
        host, ran = TaskHarness(), list[Any]()
        job = host.jobs.job(name="work", max_attempts=1)(ran.append)
        job.using(host.services, task_id="lost").delay("lost")
        job.using(host.services, task_id="done").delay("done")
        host.deliver(TaskMessage(task_id="done", name="work"))
        while host.pop():
            pass  # all messages are lost
        crashed = False
        for _ in range(5):
            host.now += timedelta(minutes=20)
            crashed = host.crash_point.crashes_at(crash_at, lambda: sweep_tasks(host.services)) or crashed
        host.live(A_WHILE)
        assert ran == ["done", "lost"]
        assert_nothing_is_left(host)
        return crashed

    every_crash(scenario)


def strike(host: TaskHarness, crash_at: int, redelivered: bool) -> bool:
    """Delivers the first message to a worker that crashes; the host redelivers it, or it is lost with its host."""
    message = host.pop()
    assert message is not None
    if not host.crash_point.crashes_at(crash_at, lambda: run_task(host.services, host.jobs, message, Delivery("m", 1))):
        return False
    if redelivered:
        try:
            run_task(host.services, host.jobs, message, Delivery("m", 2))
        except NotFound:
            pytest.fail("a message of a task that is gone is no failure")
    return True
