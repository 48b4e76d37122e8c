"""Remember rows as this process wrote them last, so that their next conditional write needs no read before it.

Apart from `job_table`, because it is a guess and no truth: another process may have written the row since. The write's
ETag tells, and then the writer forgets the row and reads it.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from shared.storage.table import Row

MAX_ROWS = 256


class KnownRows:
    """The latest rows, by key; safe to use from many threads."""

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self._max_rows = max_rows
        self._rows: OrderedDict[tuple[str, str], Row] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, row: Row, etag: str) -> None:
        """Remember the row with the ETag that it was written with."""
        with self._lock:
            self._rows[row.partition, row.key] = replace(row, etag=etag)
            self._rows.move_to_end((row.partition, row.key))
            while len(self._rows) > self._max_rows:
                self._rows.popitem(last=False)

    def find(self, partition: str, key: str) -> Row | None:
        """Return the row as it was written last; None for one that is not known."""
        with self._lock:
            return self._rows.get((partition, key))

    def forget_unless(self, partition: str, key: str, is_wanted: Callable[[Row], bool]) -> None:
        """Forget the row unless it is as wanted; then it is read again, in case another process has written it."""
        known = self.find(partition, key)
        if known is not None and not is_wanted(known):
            self.forget(partition, key)

    def forget(self, partition: str, key: str) -> None:
        """Forget the row if it is known."""
        with self._lock:
            self._rows.pop((partition, key), None)
