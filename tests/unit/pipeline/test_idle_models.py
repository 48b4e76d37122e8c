"""Models stay while steps run, and are released when none has run for a while."""

import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from shared.domain.message import StageMessage, StepKind
from shared.domain.stage import Stage
from shared.pipeline.context import Delivery
from shared.pipeline.execution.run_step import run_step
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.telemetry.cost_meter import metered
from shared.warm_models import LONG_STEP_SEC, IdleRelease, kept_warm, release_models
from shared.wiring import build_services

LOADED_SEC = 0.01


@dataclass
class FakeAlarm:
    at_sec: float
    ring: Callable[[], None]
    is_canceled: bool = False

    def cancel(self) -> None:
        self.is_canceled = True


@dataclass
class FakeClock:
    """Rings alarms when its time is moved on."""

    now_sec: float = 0.0
    alarms: list[FakeAlarm] = field(default_factory=list)

    def set_alarm(self, after_sec: float, ring: Callable[[], None]) -> FakeAlarm:
        self.alarms.append(FakeAlarm(self.now_sec + after_sec, ring))
        return self.alarms[-1]

    def wait(self, sec: float) -> None:
        self.now_sec += sec
        due = [alarm for alarm in self.alarms if alarm.at_sec <= self.now_sec]
        self.alarms = [alarm for alarm in self.alarms if alarm not in due]
        for alarm in due:
            if not alarm.is_canceled:
                alarm.ring()


class Process:
    """A process with one model."""

    def __init__(self, idle_sec: float) -> None:
        self.clock = FakeClock()
        self.released = 0
        self.gave_back = 0
        self.models = IdleRelease(
            idle_sec,
            release=self._release,
            set_alarm=self.clock.set_alarm,
            give_back=self._give_back,
            clock=lambda: self.clock.now_sec,
        )

    def _release(self) -> int:
        self.released += 1
        return 1

    def _give_back(self) -> None:
        self.gave_back += 1


def test_models_are_released_so_long_after_the_last_step() -> None:
    process = Process(idle_sec=300)
    with process.models.in_use():
        with process.models.in_use():
            pass
        process.clock.wait(1000)
        assert process.released == 0  # another step still runs
    process.clock.wait(299)
    assert process.released == 0
    process.clock.wait(1)
    assert process.released == 1
    process.clock.wait(1000)
    assert process.released == 1


def test_a_step_that_begins_in_time_keeps_them() -> None:
    process = Process(idle_sec=300)
    for _ in range(5):
        with process.models.in_use():
            pass
        process.clock.wait(200)
    assert process.released == 0


def test_a_failed_step_is_over() -> None:
    process = Process(idle_sec=300)
    with pytest.raises(RuntimeError), process.models.in_use():
        raise RuntimeError
    process.clock.wait(300)
    assert process.released == 1


def test_a_long_step_gives_memory_back_at_its_end() -> None:
    process = Process(idle_sec=0)
    with process.models.in_use():
        process.clock.wait(LONG_STEP_SEC)
        assert process.gave_back == 0
    assert process.gave_back == 1
    with process.models.in_use():
        process.clock.wait(LONG_STEP_SEC / 2)
    assert process.gave_back == 1


def test_an_alarm_that_rings_while_a_step_begins_releases_nothing() -> None:
    process = Process(idle_sec=300)
    with process.models.in_use():
        pass
    (alarm,) = process.clock.alarms
    with process.models.in_use():
        alarm.ring()
    assert process.released == 0


def test_zero_keeps_them() -> None:
    process = Process(idle_sec=0)
    with process.models.in_use():
        pass
    assert process.clock.alarms == []


def test_running_a_step_uses_them() -> None:
    process = Process(idle_sec=300)
    services = replace(build_services(Settings(), MemoryStorage()), models=process.models)
    message = StageMessage(org_id="o", session_id="s", job_id="j", stage=Stage.TRACKING, step=StepKind.PART)
    run_step(services, message, Delivery("m", 1))
    process.clock.wait(300)
    assert process.released == 1


class Model:
    """Something large."""


def test_loading_a_model_is_told_by_the_cost_of_the_work() -> None:
    @kept_warm(1)
    def load() -> Model:
        time.sleep(LOADED_SEC)
        return Model()

    with metered() as cold:
        load()
        first = cold.spent()
    with metered() as warm:
        load()
        second = warm.spent()
    assert first.loading_sec >= LOADED_SEC
    assert second.loading_sec == 0.0


def test_a_released_model_is_gone_and_is_loaded_again() -> None:
    loaded: list[weakref.ref[Model]] = []

    @kept_warm(1)
    def load() -> Model:
        model = Model()
        loaded.append(weakref.ref(model))
        return model

    assert load() is load()
    assert release_models() >= 1
    assert loaded[0]() is None
    assert load() is not None
    assert len(loaded) == 2
    assert release_models() == 1
