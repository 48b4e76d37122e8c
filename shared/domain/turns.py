"""Tell an organisation's active jobs apart by what their index knows: those that have begun, and those that wait.

Apart from `job`, because the index of active jobs is read in one query, and its jobs are read one by one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ActiveJob:
    """An active job, as its row of the index tells of it."""

    org_id: str
    job_id: str
    sequence: int
    """The number of its latest event."""

    waits: bool
    """Whether no step of its present attempt has begun, and it is not canceled; False where an early release wrote the
    row."""

    start_at: datetime | None
    """When its work is to begin, as long as it waits; None: at once."""

    def begins_after(self, moment: datetime) -> bool:
        """Return whether the job waits for a time after the moment."""
        return self.waits and self.start_at is not None and self.start_at > moment


def in_turn(active: Iterable[ActiveJob], now: datetime) -> Sequence[ActiveJob]:
    """Return the jobs of one organisation whose time has come: those that have begun, then the oldest first."""
    ready = [job for job in active if not job.begins_after(now)]
    oldest_first = sorted(ready, key=lambda job: job.job_id, reverse=True)  # newer identifiers sort first
    return sorted(oldest_first, key=lambda job: job.waits)
