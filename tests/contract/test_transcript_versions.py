"""Versions of transcripts in storage: newest first, and one for each number."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.domain.errors import NotFound, WriteConflict
from shared.domain.transcript_version import ReviewState, TranscriptVersion, VersionKind
from shared.storage.ports import Storage


def test_a_number_is_given_once_and_the_newest_is_found_first(storage: Storage, org: str) -> None:
    versions = storage.transcript_versions
    first = TranscriptVersion(
        org_id=org,
        session_id="s",
        job_id="j",
        version=1,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        state=ReviewState.IN_CORRECTION,
        changed_words=3,
        token=2**62 - 1,
        next_segment_id=7,
        kind=VersionKind.IMPORT,
        by="ada@example.com",
    )
    assert versions.latest(org, "j") is None
    versions.create(first)
    with pytest.raises(WriteConflict):
        versions.create(replace(first, token=1))
    later = [replace(first, version=number, by=None) for number in (2, 10)]
    for each in later:
        versions.create(each)
    versions.create(replace(first, job_id="k", version=99))
    assert versions.latest(org, "j") == later[1]
    assert list(versions.of_job(org, "j")) == [later[1], later[0], first]
    stored = versions.get(org, "j", 1)
    versions.update(stored, first.evolve(state=ReviewState.REVIEWED))
    assert versions.get(org, "j", 1).value.state is ReviewState.REVIEWED
    with pytest.raises(WriteConflict):
        versions.update(stored, first)
    versions.delete(later[1])
    assert versions.latest(org, "j") == later[0]
    assert versions.delete_of(org, "j") == 2
    with pytest.raises(NotFound):
        versions.get(org, "j", 1)
    assert versions.latest(f"{org}-other", "j") is None
