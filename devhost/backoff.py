"""Compute how long a queue listener waits between two looks at an empty queue."""

import random
from collections.abc import Callable

MINIMUM_INTERVAL_SEC = 0.1
RANDOM_FACTOR = 0.2


class Backoff:
    """The host's randomized exponential backoff.

    The first empty look waits the minimum; each further one the minimum plus 2^n times it, give or take a fifth, up to
    the maximum. A found message starts over. Source: RandomizedExponentialBackoffStrategy.cs in
    https://github.com/Azure/azure-sdk-for-net/tree/main/sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Common
    """

    def __init__(self, maximum_sec: float, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._maximum_sec = max(maximum_sec, MINIMUM_INTERVAL_SEC)
        self._uniform = uniform
        self._exponent = 0
        self._current_sec = MINIMUM_INTERVAL_SEC

    def next_delay_sec(self, *, found_message: bool) -> float:
        """Return the next wait; `found_message` tells whether a message came since the last one."""
        if found_message:
            self._current_sec, self._exponent = MINIMUM_INTERVAL_SEC, 1
        elif self._current_sec < self._maximum_sec:
            delay_sec = MINIMUM_INTERVAL_SEC
            if self._exponent > 0:
                factor = self._uniform(1 - RANDOM_FACTOR, 1 + RANDOM_FACTOR)
                delay_sec += factor * 2.0 ** (self._exponent - 1) * MINIMUM_INTERVAL_SEC
            self._current_sec = min(delay_sec, self._maximum_sec)
            self._exponent += 1
        return self._current_sec
