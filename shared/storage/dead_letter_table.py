"""Dead letters in table `deadletters`: a partition `{queue}:{orgId}` each, newest first."""

from collections.abc import Iterator
from datetime import datetime

from shared.domain.dead_letter import DeadLetter
from shared.storage.ports import Stored
from shared.storage.rows import Rows
from shared.storage.table import Table


class DeadLetterTable:
    """A `DeadLetterStore`."""

    def __init__(self, letters: Table) -> None:
        self._letters = Rows(letters, "deadletters", DeadLetter, _keys, "dead letter")

    def keep(self, letter: DeadLetter) -> None:
        self._letters.upsert(letter)

    def get(self, org_id: str, queue: str, letter_id: str) -> Stored[DeadLetter]:
        return self._letters.get(_partition(org_id, queue), letter_id)

    def of_queue(self, org_id: str, queue: str, *, after: str = "") -> Iterator[Stored[DeadLetter]]:
        return (stored for _, stored in self._letters.scan(_partition(org_id, queue), after=after))

    def kept_before(self, at: datetime) -> Iterator[Stored[DeadLetter]]:
        return (stored for stored in self._letters.scan_partitions("") if stored.value.at < at)

    def delete(self, stored: Stored[DeadLetter]) -> None:
        self._letters.delete(stored)


def _keys(letter: DeadLetter) -> tuple[str, str]:
    return _partition(letter.org_id, letter.queue), letter.letter_id


def _partition(org_id: str, queue: str) -> str:
    return f"{queue}:{org_id}"
