"""Define how long some work is expected to take; apart from `pace`, which finds it, because stages keep it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """How long something is expected to take."""

    kind: str
    """The key of the row that it was learned from."""

    sec: float
    spread: float
    """The standard deviation of the logarithm of real over expected duration."""

    jobs: int
    """How many earlier jobs it was learned from; 0: the defaults."""
