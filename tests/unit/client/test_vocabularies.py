"""Vocabularies through the client, against the real API."""

import pytest

from rostrum_client import RostrumApiError, RostrumClient


def test_a_term_is_added_unless_another_caller_was_faster(caller: RostrumClient) -> None:
    made = caller.put_vocabulary("algebra", ["Noether"], must_be_new=True)
    assert made == caller.vocabulary("algebra")
    with pytest.raises(RostrumApiError) as second:
        caller.put_vocabulary("algebra", ["Abel"], must_be_new=True)
    assert second.value.code == "precondition_failed"

    longer = caller.put_vocabulary("algebra", ["Noether", "Artinian"], etag=made.etag)
    with pytest.raises(RostrumApiError) as late:
        caller.put_vocabulary("algebra", ["Noether", "Abel"], etag=made.etag)
    assert late.value.code == "precondition_failed"
    assert caller.vocabulary("algebra").terms == ("Noether", "Artinian")
    assert caller.put_vocabulary("algebra", ["Noether"]).etag != longer.etag

    assert [(each.name, each.term_count) for each in caller.vocabularies()] == [("algebra", 1)]
    caller.delete_vocabulary("algebra")
    assert list(caller.vocabularies()) == []
