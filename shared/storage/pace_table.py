"""Keep what earlier jobs tell of the pace of work in table `paces`: one partition, a row for each kind of work.

The kinds are few (`shared.domain.pace`), so that a job reads all of them with one request.
"""

from collections.abc import Mapping

from shared.domain.pace import Pace
from shared.storage.ports import Stored
from shared.storage.rows import Rows
from shared.storage.table import Table

_PARTITION = "all"


class PaceTable:
    """A `PaceStore`."""

    def __init__(self, paces: Table) -> None:
        self._rows = Rows(paces, "paces", Pace, lambda pace: (_PARTITION, pace.kind), "pace")

    def all(self) -> Mapping[str, Stored[Pace]]:
        return dict(self._rows.scan(_PARTITION))

    def create(self, pace: Pace) -> None:
        self._rows.insert(pace)

    def update(self, stored: Stored[Pace], pace: Pace) -> None:
        self._rows.replace(stored, pace)
