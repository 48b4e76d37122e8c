"""Measure two ways of doing the same in alternating rounds, so that other load falls on both alike."""

import os
from collections.abc import Callable
from statistics import median

ROUNDS = int(os.environ.get("ROSTRUM_BENCH_ROUNDS", "5"))
"""How many rounds; `ROSTRUM_BENCH_ROUNDS` sets another number."""


def alternate(*ways: Callable[[], float], rounds: int = ROUNDS) -> list[list[float]]:
    """Return what each way measured in each round; every second round begins with the last one."""
    measured: list[list[float]] = [[] for _ in ways]
    for number in range(rounds):
        order = list(range(len(ways)))
        for place in order if number % 2 == 0 else reversed(order):
            measured[place].append(ways[place]())
    return measured


def median_ratio(numerators: list[float], denominators: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return median(one / other for one, other in zip(numerators, denominators, strict=True))
