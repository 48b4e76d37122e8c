"""Keep schedules in table `schedules`, a partition per organisation, and in `timeindex` when each is due."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

from shared.domain.errors import NotFound
from shared.domain.schedule import Schedule
from shared.storage.cursor import decode_cursor, first_page
from shared.storage.ports import Page, Stored
from shared.storage.rows import Rows
from shared.storage.table import Table
from shared.storage.time_index import TimeIndex

_CURSOR_KIND = "schedules"

_MAX_LOOKED_AT = 1000
"""The number of due entries that one tick looks at, to find those of organisations that have not had their share."""


class ScheduleTable:
    """A `ScheduleStore`."""

    def __init__(self, schedules: Table, index: Table, clock: Callable[[], datetime]) -> None:
        self._schedules = Rows(schedules, "schedules", Schedule, _keys, "schedule")
        self._index = TimeIndex(index, "schedule")
        self._clock = clock

    def create(self, schedule: Schedule) -> Stored[Schedule]:
        self._index.put(schedule.next_run_at, schedule.org_id, schedule.schedule_id)
        return self._schedules.insert(schedule)

    def get(self, org_id: str, schedule_id: str) -> Stored[Schedule]:
        return self._schedules.get(_partition(org_id), schedule_id)

    def update(self, stored: Stored[Schedule], schedule: Schedule) -> Stored[Schedule]:
        before = stored.value.next_run_at
        if schedule.next_run_at == before:
            return self._schedules.replace(stored, schedule)
        self._index.put(schedule.next_run_at, schedule.org_id, schedule.schedule_id)
        replaced = self._schedules.replace(stored, schedule)
        self._index.drop(before, schedule.schedule_id)
        return replaced

    def delete(self, stored: Stored[Schedule]) -> None:
        self._schedules.delete(stored)
        self._index.drop(stored.value.next_run_at, stored.value.schedule_id)

    def page(self, org_id: str, name: str, *, limit: int, cursor: str | None = None) -> Page[Schedule]:
        after = decode_cursor(_CURSOR_KIND, cursor)
        rows = self._schedules.scan(_partition(org_id), after=after, where={"name": {name}}, page_size=limit + 1)
        return first_page(_CURSOR_KIND, ((key, stored.value) for key, stored in rows), limit)

    def of_organisation(self, org_id: str) -> Iterator[Schedule]:
        return (stored.value for _, stored in self._schedules.scan(_partition(org_id)))

    def due(self, limit: int, limit_per_org: int) -> Iterator[Stored[Schedule]]:
        now = self._clock()
        taken: Counter[str] = Counter()
        looked_at = 0
        for entry in self._index.due(now, _MAX_LOOKED_AT):
            if taken.total() >= limit or looked_at == _MAX_LOOKED_AT:
                return
            if taken[entry.org_id] >= limit_per_org:
                looked_at += 1
                continue
            try:
                stored = self._schedules.find(_partition(entry.org_id), entry.row_id)
            except NotFound:
                looked_at += 1
                self._index.drop_dangling(entry, now)
                continue
            if stored is None:  # unreadable: it does not count, so that it keeps no other from its turn
                continue
            looked_at += 1
            if stored.value.next_run_at <= now:
                taken[entry.org_id] += 1
                yield stored
            else:
                self._index.drop_dangling(entry, now)


def _keys(schedule: Schedule) -> tuple[str, str]:
    return _partition(schedule.org_id), schedule.schedule_id


def _partition(org_id: str) -> str:
    """Return the partition, which is never empty, as the organisation of the service's own schedules is."""
    return f"org:{org_id}"
