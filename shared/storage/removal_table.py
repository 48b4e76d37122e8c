"""Keep what remains of deleted sessions in table `removals`: an organisation's partition, newest first."""

from collections.abc import Iterator
from datetime import datetime

from shared.domain.errors import WriteConflict
from shared.domain.removal import Removal
from shared.storage.cursor import decode_cursor, first_page
from shared.storage.ports import Page, Stored
from shared.storage.rows import Rows
from shared.storage.table import Table

_CURSOR_KIND = "removals"


class RemovalTable:
    """A `RemovalStore`."""

    def __init__(self, removals: Table) -> None:
        self._removals = Rows(removals, "removals", Removal, lambda one: (one.org_id, one.removal_id), "removal")

    def create(self, removal: Removal) -> Stored[Removal]:
        try:
            return self._removals.insert(removal)
        except WriteConflict:
            return self._removals.get(removal.org_id, removal.removal_id)

    def get(self, org_id: str, removal_id: str) -> Stored[Removal]:
        return self._removals.get(org_id, removal_id)

    def update(self, stored: Stored[Removal], removal: Removal) -> Stored[Removal]:
        return self._removals.replace(stored, removal)

    def page(self, org_id: str, *, limit: int, cursor: str | None = None) -> Page[Removal]:
        rows = self._removals.scan(org_id, after=decode_cursor(_CURSOR_KIND, cursor), page_size=limit + 1)
        return first_page(_CURSOR_KIND, ((key, stored.value) for key, stored in rows), limit)

    def kept_before(self, at: datetime) -> Iterator[Stored[Removal]]:
        return (stored for stored in self._removals.scan_partitions("") if stored.value.at < at)

    def delete(self, stored: Stored[Removal]) -> None:
        self._removals.delete(stored)
