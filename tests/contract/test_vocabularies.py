"""Vocabularies in storage: kept whole at their greatest length, and apart by organisation."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.domain.errors import NotFound, WriteConflict
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
    assert kept.get(org, "b").value == longest
    assert [each.name for each in kept.of_organisation(org)] == ["a", "b"]
    kept.delete(org, "b")
    with pytest.raises(NotFound):
        kept.get(org, "b")
    assert kept.get(f"{org}-other", "b").value.terms == terms


def test_a_vocabulary_that_changed_since_it_was_read_is_not_replaced(storage: Storage, org: str) -> None:
    kept, at = storage.vocabularies, datetime(2026, 1, 2, tzinfo=UTC)
    vocabulary = Vocabulary(org_id=org, name="c", terms=("a",), updated_at=at)
    kept.create(vocabulary)
    with pytest.raises(WriteConflict):
        kept.create(vocabulary)
    read = kept.get(org, "c")
    kept.update(read, replace(vocabulary, terms=("a", "b")))
    with pytest.raises(WriteConflict):
        kept.update(read, replace(vocabulary, terms=("a", "c")))
    assert kept.get(org, "c").value.terms == ("a", "b")
