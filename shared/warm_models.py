"""Keep the models of this process while steps run, and release them when none has run for a while.

Apart from the modules that load models, which name their caches here when they are imported: an idle process imports
none of them for this.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import _lru_cache_wrapper, lru_cache, wraps
from typing import ParamSpec, Protocol, TypeVar

from shared.freed_memory import give_back_memory, map_large_blocks
from shared.telemetry.cost_meter import loading

log = logging.getLogger(__name__)

LONG_STEP_SEC = 2.0
"""A step from this length on gives memory back; that takes some 0.1 s, and a shorter one holds little."""

Model = TypeVar("Model")
Arguments = ParamSpec("Arguments")

_CACHES: "list[_lru_cache_wrapper[object]]" = []


def kept_warm(maxsize: int) -> "Callable[[Callable[Arguments, Model]], _lru_cache_wrapper[Model]]":
    """Cache what the decorated function loads, so many models of it, until the process is idle.

    The time of loading is counted as such of the current work.
    """

    def decorate(load: Callable[Arguments, Model]) -> "_lru_cache_wrapper[Model]":
        @lru_cache(maxsize)
        @wraps(load)
        def timed(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Model:
            with loading():
                return load(*args, **kwargs)

        _CACHES.append(timed)
        return timed

    return decorate


def release_models() -> int:
    """Empty the caches, give the memory back to the system, and return how many models were in them.

    A model that a step still uses goes when the step is over.
    """
    count = sum(cached.cache_info().currsize for cached in _CACHES)
    if not count:
        return 0
    for cached in _CACHES:
        cached.cache_clear()
    give_back_memory()
    return count


class Alarm(Protocol):
    """Something that was set to happen later, as `threading.Timer`."""

    def cancel(self) -> None:
        """Make it not happen, if it has not."""


SetAlarm = Callable[[float, Callable[[], None]], Alarm]


def set_alarm(after_sec: float, ring: Callable[[], None]) -> Alarm:
    """Call `ring` after so many seconds, in a thread that does not keep the process alive."""
    timer = threading.Timer(after_sec, ring)
    timer.daemon = True
    timer.start()
    return timer


class IdleRelease:
    """Releases the models when no step has run for `idle_sec`; 0: never.

    Args:
        idle_sec: seconds after the end of the last step.
        release: releases the models, and returns how many there were.
        set_alarm: calls a function after so many seconds.
        give_back: gives memory that a step freed back to the system.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        idle_sec: float = 0.0,
        *,
        release: Callable[[], int] = release_models,
        set_alarm: SetAlarm = set_alarm,
        give_back: Callable[[], None] = give_back_memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_sec, self._release, self._set_alarm = idle_sec, release, set_alarm
        self._give_back, self._clock = give_back, clock
        self._lock = threading.Lock()
        self._running = 0
        self._alarm: Alarm | None = None

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Note that a step runs while the block does; what a long one freed goes back to the system at its end."""
        map_large_blocks()
        began = self._clock()
        with self._lock:
            self._running += 1
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None
        try:
            yield
        finally:
            if self._clock() - began >= LONG_STEP_SEC:
                self._give_back()
            with self._lock:
                self._running -= 1
                if self._idle_sec and not self._running:
                    self._alarm = self._set_alarm(self._idle_sec, self._ring)

    def _ring(self) -> None:
        with self._lock:
            count = 0 if self._running else self._release()
        if count:
            log.info("models released", extra={"action": "release_models", "models": count})
