"""Tell when a timer function is due: NCRONTAB expressions and the remembered status, without threads or a clock.

Sources: TimerListener.cs, ScheduleMonitor.cs (https://github.com/Azure/azure-webjobs-sdk-extensions) and
https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from croniter import croniter

from devhost.errors import AppError

SHORTEST_MONITORED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """An NCRONTAB expression: second, minute, hour, day, month, day of week; five fields mean second 0. UTC."""

    expression: str

    def __post_init__(self) -> None:
        if len(self.expression.split()) not in (5, 6) or not croniter.is_valid(
            self._six_fields, second_at_beginning=True
        ):
            raise AppError(f"{self.expression!r} is not an NCRONTAB expression of six fields")

    @property
    def _six_fields(self) -> str:
        return self.expression if len(self.expression.split()) == 6 else f"0 {self.expression}"

    def next_after(self, moment: datetime) -> datetime:
        """Return the first occurrence after the moment. Day and day of week must both fit, as in NCrontab."""
        found = croniter(self._six_fields, moment, second_at_beginning=True, day_or=False).get_next(datetime)
        assert isinstance(found, datetime)
        return found

    def is_monitored(self, moment: datetime) -> bool:
        """Return whether the status is kept at all: not for schedules that recur within a minute."""
        first = self.next_after(moment)
        return self.next_after(first) - first >= SHORTEST_MONITORED


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """When the function last ran and will run next."""

    last: datetime | None
    next: datetime
    updated: datetime

    def to_wire(self) -> dict[str, str]:
        """Return the status by the host's names; `Last` of a timer that never ran is the .NET zero date."""
        last = self.last.isoformat() if self.last else "0001-01-01T00:00:00+00:00"
        return {"Last": last, "Next": self.next.isoformat(), "LastUpdated": self.updated.isoformat()}


@dataclass(frozen=True, slots=True)
class StatusFile:
    """The status of one timer on disk."""

    path: Path

    def read(self) -> ScheduleStatus | None:
        try:
            fields = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        last = datetime.fromisoformat(fields["Last"])
        return ScheduleStatus(
            last=None if last.year == 1 else last,
            next=datetime.fromisoformat(fields["Next"]),
            updated=datetime.fromisoformat(fields["LastUpdated"]),
        )

    def write(self, status: ScheduleStatus) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(status.to_wire()), encoding="utf-8")
        draft.replace(self.path)


def status_at_start(schedule: Schedule, kept: ScheduleStatus | None, now: datetime) -> ScheduleStatus:
    """Return the status to go on from: the kept one, or a fresh one for a new timer or a changed schedule."""
    if kept is not None and kept.next == schedule.next_after(kept.last or kept.updated):
        return kept
    return ScheduleStatus(kept.last if kept else None, schedule.next_after(now), now)


def status_after_run(schedule: Schedule, status: ScheduleStatus, invoked: datetime, *, on_time: bool) -> ScheduleStatus:
    """Return the status after a run that began at `invoked`; a timer that fired a little early is not due again."""
    base = max(invoked, status.next) if on_time else invoked
    return ScheduleStatus(base, schedule.next_after(base), base)
