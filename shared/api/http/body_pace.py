"""Hold a client that sends a body to a pace: a longest silence, a least rate, and a longest time.

Apart from the parsers, because JSON bodies and forms obey it alike. Only the time spent waiting for the client counts,
so that a slow storage makes no client too slow.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from shared.domain.errors import RequestTimedOut
from shared.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits."""

    silence_sec: float
    """How long a client may send nothing."""

    min_bytes_per_sec: float
    """The least rate: the bytes of `window_sec` have to arrive within each `window_sec`."""

    window_sec: float
    max_sec: float
    """How long the client may take in all."""


def import_pace(settings: Settings) -> Pace:
    """Return the pace of a recording that is sent with the request, or sent again."""
    return Pace(
        silence_sec=settings.body_silence_sec,
        min_bytes_per_sec=settings.import_min_bytes_per_sec,
        window_sec=settings.body_silence_sec,
        max_sec=settings.import_max_sec,
    )


def json_pace(settings: Settings) -> Pace:
    """Return the pace of a JSON body, which is short: all of it has to arrive within the longest silence."""
    sec = settings.body_silence_sec
    return Pace(silence_sec=sec, min_bytes_per_sec=0, window_sec=sec, max_sec=sec)


DEFAULT_PACE = Pace(silence_sec=30, min_bytes_per_sec=0, window_sec=30, max_sec=30)
"""The pace of a JSON body while the settings cannot be read."""


class BodyClock:
    """The time that one client has taken so far."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._left_sec = pace.max_sec
        self._window_left_sec = pace.window_sec
        self._window_bytes = 0

    async def next(self, receive: Callable[[], Awaitable[T]], size_of: Callable[[T], int]) -> T:
        """Return what `receive` returns; raise RequestTimedOut when the client is too slow."""
        pace, now = self._pace, asyncio.get_running_loop().time
        wait_sec = max(0.0, min(pace.silence_sec, self._left_sec, self._window_left_sec))
        began = now()
        try:
            async with asyncio.timeout(wait_sec):
                got = await receive()
        except TimeoutError as err:
            raise self._too_slow(wait_sec) from err
        took_sec = now() - began
        self._left_sec -= took_sec
        self._window_left_sec -= took_sec
        self._window_bytes += size_of(got)
        if self._window_bytes >= pace.min_bytes_per_sec * pace.window_sec:
            self._window_left_sec, self._window_bytes = pace.window_sec, 0
        return got

    def _too_slow(self, wait_sec: float) -> RequestTimedOut:
        pace = self._pace
        if wait_sec >= pace.silence_sec:
            return RequestTimedOut(f"Nothing more of the body arrived for {pace.silence_sec:g} s.")
        if wait_sec >= self._left_sec:
            return RequestTimedOut(f"The body did not arrive within {pace.max_sec:g} s.")
        return RequestTimedOut(
            f"The body arrives too slowly: less than {pace.min_bytes_per_sec:g} bytes a second for "
            f"{pace.window_sec:g} s."
        )
