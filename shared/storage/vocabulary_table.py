"""Keep vocabularies in table `vocabularies`, a partition per organisation."""

from collections.abc import Iterator

from shared.domain.vocabulary import Vocabulary
from shared.storage.ports import Stored
from shared.storage.rows import Rows
from shared.storage.table import Table


class VocabularyTable:
    """A `VocabularyStore`."""

    def __init__(self, vocabularies: Table) -> None:
        self._rows = Rows(vocabularies, "vocabularies", Vocabulary, lambda one: (one.org_id, one.name), "vocabulary")

    def save(self, vocabulary: Vocabulary) -> None:
        self._rows.upsert(vocabulary)

    def create(self, vocabulary: Vocabulary) -> None:
        self._rows.insert(vocabulary)

    def update(self, stored: Stored[Vocabulary], vocabulary: Vocabulary) -> None:
        self._rows.replace(stored, vocabulary)

    def get(self, org_id: str, name: str) -> Stored[Vocabulary]:
        return self._rows.get(org_id, name)

    def of_organisation(self, org_id: str) -> Iterator[Vocabulary]:
        return (stored.value for _, stored in self._rows.scan(org_id))

    def delete(self, org_id: str, name: str) -> None:
        self._rows.remove(org_id, name)
