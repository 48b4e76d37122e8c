"""A call of a background job that recurs by a cron."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A background job's name and arguments, and when it is to be called. `org_id` is "" when it is nobody's in
    particular. `next_run_at` and `last_run_at` are the cron's times, not the worker's; `last_job_id` and `last_error`
    tell what became of the latest run, where the job says so."""

    schedule_id: str
    name: str
    cron: str
    time_zone: str
    next_run_at: datetime
    created_at: datetime
    org_id: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    last_run_at: datetime | None = None
    last_job_id: str | None = None
    last_error: str | None = None

    def evolve(self, **changes: Any) -> "Schedule":
        """The schedule with some fields changed."""
        return replace(self, **changes)
