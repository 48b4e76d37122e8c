"""The rules of timer triggers: the schedule as pure functions, the listener with a clock of the test's, then a host."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devhost.errors import AppError
from devhost.schedule import Schedule, ScheduleStatus, StatusFile, status_after_run, status_at_start
from devhost.timer_listener import TimerListener
from devhost.worker_pool import WorkerPool
from devhost.worker_process import Outcome
from tests.devhost.conftest import PATIENCE_SEC, TestQueue, eventually, queues, running_host


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


HOURLY = Schedule("0 0 * * * *")
NOON = at("2026-11-21 12:00:00")


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 */5 * * * *", "2026-11-21 10:02:03", "2026-11-21 10:05:00"),
        ("30 15 9 * * *", "2026-11-21 10:00:00", "2026-11-22 09:15:30"),
        ("0 30 9 * * 1-5", "2026-11-21 10:00:00", "2026-11-23 09:30:00"),
        ("*/10 * * * * *", "2026-11-21 10:00:05", "2026-11-21 10:00:10"),
        ("0 0 0 1 1 *", "2026-11-21 10:00:00", "2027-01-01 00:00:00"),
        ("0 0 5 * * Sun", "2026-11-21 10:00:00", "2026-11-22 05:00:00"),
        ("0 0 0 13 * 5", "2026-11-21 10:00:00", "2027-08-13 00:00:00"),
        ("*/5 * * * *", "2026-11-21 10:02:03", "2026-11-21 10:05:00"),
    ],
    ids=[
        "minutes",
        "seconds first",
        "weekdays",
        "every ten seconds",
        "new year",
        "name",
        "both days must fit",
        "five fields",
    ],
)
def test_ncrontab(expression: str, after: str, expected: str) -> None:
    """In UTC: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions"""
    assert Schedule(expression).next_after(at(after)) == at(expected)


@pytest.mark.parametrize("expression", ["", "* *", "0 61 * * * *", "every day"])
def test_what_is_not_an_ncrontab_expression_is_refused(expression: str) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions"""
    with pytest.raises(AppError, match="not an NCRONTAB expression"):
        Schedule(expression)


def test_a_schedule_that_recurs_within_a_minute_is_not_monitored() -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#configuration: useMonitor"""
    assert not Schedule("*/30 * * * * *").is_monitored(NOON)
    assert Schedule("0 * * * * *").is_monitored(NOON)


def test_a_new_timer_is_not_past_due() -> None:
    """ScheduleMonitor.CheckPastDueAsync, https://github.com/Azure/azure-webjobs-sdk-extensions"""
    status = status_at_start(HOURLY, None, NOON + timedelta(minutes=1))
    assert (status.last, status.next) == (None, NOON + timedelta(hours=1))


def test_a_kept_status_stands_and_a_changed_schedule_starts_afresh() -> None:
    """ScheduleMonitor.CheckPastDueAsync, https://github.com/Azure/azure-webjobs-sdk-extensions"""
    kept = ScheduleStatus(NOON, NOON + timedelta(hours=1), NOON)
    late = NOON + timedelta(hours=5, minutes=10)
    assert status_at_start(HOURLY, kept, late) == kept
    daily = Schedule("0 0 0 * * *")
    assert status_at_start(daily, kept, late) == ScheduleStatus(NOON, at("2026-11-22 00:00:00"), late)


def test_a_timer_that_fires_a_little_early_is_not_due_twice() -> None:
    """https://github.com/Azure/azure-webjobs-sdk-extensions/blob/0518060571146f6acb0c28ca8dcf3f1f5820ae7e/src/WebJobs.Extensions/Extensions/Timers/Listener/TimerListener.cs"""
    due = ScheduleStatus(NOON - timedelta(hours=1), NOON, NOON - timedelta(hours=1))
    after = status_after_run(HOURLY, due, NOON - timedelta(milliseconds=40), on_time=True)
    assert (after.last, after.next) == (NOON, NOON + timedelta(hours=1))


def test_the_status_survives_on_disk(tmp_path: Path) -> None:
    """Azure keeps the same fields in a blob (StorageScheduleMonitor.cs), this host in a file."""
    file = StatusFile(tmp_path / "timers" / "sweep.json")
    assert file.read() is None
    never_ran = ScheduleStatus(None, NOON, NOON)
    file.write(never_ran)
    assert json.loads(file.path.read_text()).keys() == {"Last", "Next", "LastUpdated"}
    assert file.read() == never_ran


class Bench:
    """A timer on a clock that jumps to whatever the listener waits for, with a scripted worker."""

    def __init__(
        self, file: StatusFile, start: datetime, *outcomes: Outcome, run_takes: timedelta = timedelta(0)
    ) -> None:
        self.time = start
        self.runs: list[tuple[datetime, bool, Any]] = []
        self.finished = threading.Event()
        self._outcomes = list(outcomes)
        self._stop: Callable[[], None] = lambda: None
        self._run_takes = run_takes
        pool = WorkerPool(lambda number: self, 1)  # type: ignore[arg-type, return-value]
        pool._all = {1: self}  # type: ignore[dict-item]
        pool._idle = [self]  # type: ignore[list-item]
        self.alive = True
        self.listener_arguments = {"pool": pool, "status_file": file, "timeout_sec": None, "now": self.now}

    def now(self) -> datetime:
        self.time += timedelta(seconds=20)
        return self.time

    def invoke(self, request: dict[str, Any], **_: Any) -> Outcome:
        timer = request["timer"]
        self.runs.append((self.time, timer["IsPastDue"], timer["ScheduleStatus"]))
        self.time += self._run_takes
        outcome = self._outcomes.pop(0)
        if not self._outcomes:
            self._stop()
            self.finished.set()
        return outcome

    def run(self, *, run_on_startup: bool = False, schedule: Schedule = HOURLY) -> None:
        listener = TimerListener(
            "sweep",
            schedule,
            run_on_startup=run_on_startup,
            use_monitor=True,
            **self.listener_arguments,  # type: ignore[arg-type]
        )
        self._stop = listener.stop  # by the last run itself: another one may be due before this thread goes on
        listener._stopped.wait = lambda timeout=None: False  # type: ignore[method-assign]  # waiting takes no time here
        listener.start()
        assert self.finished.wait(PATIENCE_SEC)
        listener.join(PATIENCE_SEC)


OK, BAD = Outcome("succeeded"), Outcome("failed", "told to fail")


def test_a_missed_occurrence_runs_at_start_as_past_due(tmp_path: Path) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#usage: IsPastDue"""
    file = StatusFile(tmp_path / "sweep.json")
    file.write(ScheduleStatus(NOON, NOON + timedelta(hours=1), NOON))
    bench = Bench(file, NOON + timedelta(hours=3, minutes=10), OK, OK)
    bench.run()
    assert [past_due for _, past_due, _ in bench.runs] == [True, False]
    assert bench.runs[0][0] < NOON + timedelta(hours=3, minutes=12)
    assert bench.runs[0][2]["Last"].startswith("2026-11-21T12:00:00")
    assert bench.runs[1][0] >= NOON + timedelta(hours=4)


def test_run_on_startup_runs_at_once_and_then_on_schedule(tmp_path: Path) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#configuration: runOnStartup"""
    bench = Bench(StatusFile(tmp_path / "sweep.json"), NOON + timedelta(minutes=1), OK, OK)
    bench.run(run_on_startup=True)
    assert bench.runs[0][0] < NOON + timedelta(minutes=3)
    assert bench.runs[1][0] >= NOON + timedelta(hours=1)
    assert [past_due for _, past_due, _ in bench.runs] == [False, False]


def test_a_run_longer_than_the_interval_is_followed_at_once_by_one_run(tmp_path: Path) -> None:
    """The next occurrence is computed from the start of the run and is then in the past: TimerListener.StartTimer

    https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer: "isn't triggered again while running"
    """
    bench = Bench(
        StatusFile(tmp_path / "s.json"), NOON - timedelta(minutes=1), OK, OK, OK, run_takes=timedelta(hours=2)
    )
    bench.run()
    first, second, third = (time for time, _, _ in bench.runs)
    assert timedelta(hours=2) <= second - first < timedelta(hours=2, minutes=5)
    assert timedelta(hours=2) <= third - second < timedelta(hours=2, minutes=5)


def test_a_failure_does_not_stop_the_schedule(tmp_path: Path) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#retry-behavior"""
    bench = Bench(StatusFile(tmp_path / "sweep.json"), NOON, BAD, Outcome("died", "status -9"), OK)
    bench.run()
    hours = [time.hour for time, _, _ in bench.runs]
    assert hours == [13, 14, 15]


TIMERS = """
@app.timer_trigger(arg_name="timer", schedule="%EVERY%", run_on_startup=True)
async def tick(timer: func.TimerRequest, context) -> None:
    note(tick=True, late=timer.past_due, status=timer.schedule_status, invocation=context.invocation_id)

@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None:
    note(busy=True)
    end = time.monotonic() + 600
    while time.monotonic() < end and not (HERE / "enough").exists():
        sum(range(10_000))
"""


def test_a_timer_runs_while_every_worker_computes(azurite: str, tmp_path: Path, queue: TestQueue) -> None:
    """In Azure the host's timers run beside queue functions; here they have a worker process of their own."""
    settings = {"AzureWebJobsStorage": azurite, "QUEUE": queue.name, "EVERY": "* * * * * *"}
    queue.send(id=1)
    queue.send(id=2)
    with running_host(tmp_path, TIMERS, host_json=queues(), **settings) as host:
        host.await_notes(2, busy=True)
        so_far = len(host.notes(tick=True))
        ticks = host.await_notes(so_far + 2, tick=True)
        assert len({note["invocation"] for note in ticks}) == len(ticks)
        host.open_gate("enough")


def test_the_host_remembers_a_timer_over_a_restart(azurite: str, tmp_path: Path, queue: TestQueue) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#configuration: useMonitor"""
    due = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=12)
    every = f"0 0 {due.hour} * * *"  # far from now, so that it is not due again while the test runs
    settings = {"AzureWebJobsStorage": azurite, "QUEUE": queue.name, "EVERY": every}
    with running_host(tmp_path, TIMERS, host_json=queues(), **settings) as host:
        assert host.await_notes(1, tick=True)[0]["late"] is False
        file = tmp_path / "data" / "timers" / "tick.json"
        eventually(lambda: file.exists() and "0001" not in file.read_text(), "the status")
    StatusFile(file).write(ScheduleStatus(due - timedelta(days=1), due, due))
    with running_host(tmp_path, TIMERS, host_json=queues(), **settings) as host:
        again = host.await_notes(2, tick=True)[1]
        assert again["late"] is True
        assert again["status"]["Next"] == due.isoformat()
        eventually(lambda: StatusFile(file).read().next > datetime.now(UTC), "the new status")  # type: ignore[union-attr]
