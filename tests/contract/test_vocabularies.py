"""Vocabularies in storage: kept whole at their greatest length, and apart by organisation."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.domain.errors import NotFound
from shared.domain.vocabulary import MAX_TERMS, MAX_TERMS_CHARS, Vocabulary
from shared.storage.ports import Storage


def test_the_longest_vocabulary_is_read_back_and_belongs_to_one_organisation(storage: Storage, org: str) -> None:
    chars = MAX_TERMS_CHARS // MAX_TERMS
    terms = tuple(f"{number:03}".rjust(chars, "𝔐") for number in range(MAX_TERMS))
    kept, at = storage.vocabularies, datetime(2026, 1, 2, tzinfo=UTC)
    longest = Vocabulary(org_id=org, name="b", terms=terms, updated_at=at)
    kept.save(replace(longest, terms=("before",)))
    kept.save(longest)
    kept.save(replace(longest, name="a", terms=("x",)))
    kept.save(replace(longest, org_id=f"{org}-other"))
    assert kept.get(org, "b") == longest
    assert [each.name for each in kept.of_organisation(org)] == ["a", "b"]
    kept.delete(org, "b")
    with pytest.raises(NotFound):
        kept.get(org, "b")
    assert kept.get(f"{org}-other", "b").terms == terms
