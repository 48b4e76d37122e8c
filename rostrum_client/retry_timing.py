"""Compute how long to wait between tries and between polls; pure, so that any client can follow it."""

from dataclasses import dataclass

TRIES = 5
"""How often a request is sent before giving up."""

FIRST_PAUSE_SEC = 0.5
LONGEST_PAUSE_SEC = 20.0
LONGEST_ASKED_SEC = 90.0
"""The longest wait that a server may ask for; the caller gets the error for a longer one."""


def pause_before_retry(failures: int, retry_after: float | None) -> float:
    """Return the seconds to wait after so many failures in a row: doubling, and never sooner than the server asked."""
    backoff = min(FIRST_PAUSE_SEC * 2.0 ** (failures - 1), LONGEST_PAUSE_SEC)
    return max(backoff, retry_after or 0.0)


def is_too_long(retry_after: float | None) -> bool:
    """Return whether the server asks for a longer wait than a call allows."""
    return retry_after is not None and retry_after > LONGEST_ASKED_SEC


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPace:
    """The pause between two looks at a job: quick while it changes, slower while it does not.

    >>> PollPace(longest_sec=2.0).after(changed=False).pause_sec
    0.75
    """

    pause_sec: float = 0.5
    shortest_sec: float = 0.5
    longest_sec: float = 5.0
    factor: float = 1.5

    def after(self, *, changed: bool) -> "PollPace":
        """Return the pace after a poll that found a change or none."""
        pause = self.shortest_sec if changed else min(self.pause_sec * self.factor, self.longest_sec)
        return PollPace(
            pause_sec=pause, shortest_sec=self.shortest_sec, longest_sec=self.longest_sec, factor=self.factor
        )

    def wait_sec(self, retry_after: float | None) -> float:
        """Return the seconds until the next poll, never sooner than the server asked."""
        return max(self.pause_sec, retry_after or 0.0)
