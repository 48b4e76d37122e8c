"""A call of a background job that recurs by a cron."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A background job's name and arguments, and when it is to be called."""

    schedule_id: str
    name: str
    cron: str
    time_zone: str
    next_run_at: datetime
    """The cron's next time, not the worker's."""

    created_at: datetime
    org_id: str = ""
    """The organisation that it belongs to; "" for schedules of the service itself."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    last_run_at: datetime | None = None
    """The cron's time of the latest run, not the worker's."""

    last_job_id: str | None = None
    """The job that the latest run submitted, where the background job says so."""

    last_error: str | None = None
    """Why the latest run failed, where the background job says so."""

    def evolve(self, **changes: Any) -> "Schedule":
        """Return the schedule with some fields changed."""
        return replace(self, **changes)
