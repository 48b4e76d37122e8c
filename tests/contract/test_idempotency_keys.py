"""Idempotency keys: claimed by exactly one of many, and kept with the answer."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import NotFound, WriteConflict
from shared.domain.idempotency import Answer, ClaimState, IdempotencyRecord, Reserved
from shared.domain.text import LongText
from shared.storage.ports import Storage
from shared.storage.table import MAX_STRING_UNITS

NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, UTC)
ROUTE = "/api/jobs"
Make = Callable[..., IdempotencyRecord]


@pytest.fixture
def make(org: str) -> Make:
    def make(
        key: str = "key", route: str = ROUTE, org_id: str = org, fingerprint: str | None = "abc"
    ) -> IdempotencyRecord:
        return IdempotencyRecord(
            org_id=org_id,
            route=route,
            key=key,
            fingerprint=fingerprint,
            reserved=Reserved(job_id="j", session_id="s", resource_id="r"),
            claimed_at=NOW,
            expires_at=NOW + timedelta(hours=24),
        )

    return make


def answered(record: IdempotencyRecord, body: str) -> IdempotencyRecord:
    answer = Answer(status=202, headers={"location": "http://api/jobs/j", "retry-after": "2"}, body=LongText(body))
    return record.evolve(state=ClaimState.DONE, answer=answer)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="nothing"),
        pytest.param('{"jobId": "j"}', id="short"),
        pytest.param("a" * MAX_STRING_UNITS, id="as long as two columns"),
        pytest.param("ä€😀\n" * MAX_STRING_UNITS, id="long, in every kind of character"),
    ],
)
def test_every_field_comes_back_as_it_was(storage: Storage, make: Make, org: str, body: str) -> None:
    claimed = storage.idempotency.claim(make())
    assert storage.idempotency.get(org, ROUTE, "key") == claimed
    done = storage.idempotency.update(claimed, answered(claimed.value, body))
    assert storage.idempotency.get(org, ROUTE, "key") == done
    assert done.value.answer is not None
    assert done.value.answer.body == body


def test_a_request_that_is_still_arriving_has_no_fingerprint(storage: Storage, make: Make, org: str) -> None:
    storage.idempotency.claim(make(fingerprint=None))
    assert storage.idempotency.get(org, ROUTE, "key").value.fingerprint is None


def test_a_shorter_answer_leaves_nothing_of_the_longer(storage: Storage, make: Make, org: str) -> None:
    claimed = storage.idempotency.claim(make())
    long = storage.idempotency.update(claimed, answered(claimed.value, "a" * 3 * MAX_STRING_UNITS))
    storage.idempotency.update(long, answered(claimed.value, "b"))
    found = storage.idempotency.get(org, ROUTE, "key").value.answer
    assert found is not None
    assert found.body == "b"


def test_a_key_belongs_to_its_organisation_and_route(storage: Storage, make: Make, org: str) -> None:
    records = [make(), make(route="/api/downloader"), make(org_id=f"{org}2"), make(key="key2"), make(key="/a?#\\ü")]
    for record in records:
        storage.idempotency.claim(record)
    assert [storage.idempotency.get(each.org_id, each.route, each.key).value for each in records] == records
    with pytest.raises(WriteConflict):
        storage.idempotency.claim(make())
    with pytest.raises(NotFound):
        storage.idempotency.get(org, "/api/sessions/import", "key")


def test_one_of_many_claims_a_key(storage: Storage, make: Make) -> None:
    def claim(number: int) -> bool:
        try:
            storage.idempotency.claim(make(fingerprint=str(number)))
        except WriteConflict:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(claim, range(32))) == 1


def test_who_read_too_early_neither_writes_nor_deletes(storage: Storage, make: Make, org: str) -> None:
    read = storage.idempotency.claim(make())
    quicker = storage.idempotency.update(read, read.value.evolve(claimed_at=NOW + timedelta(seconds=61)))
    with pytest.raises(WriteConflict):
        storage.idempotency.update(read, read.value)
    with pytest.raises(WriteConflict):
        storage.idempotency.delete(read)
    assert storage.idempotency.get(org, ROUTE, "key") == quicker


def test_a_deleted_key_is_free_and_not_written_again(storage: Storage, make: Make, org: str) -> None:
    claimed = storage.idempotency.claim(make())
    storage.idempotency.delete(claimed)
    storage.idempotency.delete(claimed)
    with pytest.raises(NotFound):
        storage.idempotency.get(org, ROUTE, "key")
    with pytest.raises(WriteConflict):
        storage.idempotency.update(claimed, claimed.value)
    storage.idempotency.claim(make())


def test_expired_keys_are_found_over_all_organisations(storage: Storage, make: Make, org: str) -> None:
    theirs = f"{org}-theirs"
    for org_id in (org, theirs):
        storage.idempotency.claim(make("old", org_id=org_id))
        storage.idempotency.claim(make("young", org_id=org_id).evolve(expires_at=NOW + timedelta(hours=25)))
    found = [
        stored
        for stored in storage.idempotency.expired(NOW + timedelta(hours=24))
        if stored.value.org_id in (org, theirs)
    ]
    assert [(stored.value.org_id, stored.value.key) for stored in found] == [(org, "old"), (theirs, "old")]
    for stored in found:
        storage.idempotency.delete(stored)
    assert not [each for each in storage.idempotency.expired(NOW + timedelta(hours=24)) if each.value.org_id == org]


def test_records_are_found_by_what_they_are_about_or_make(storage: Storage, make: Make, org: str) -> None:
    other = Reserved(job_id="j2", session_id="s2", resource_id="r2")
    records = {
        "about": make("about").evolve(reserved=other, about="session-7"),
        "made": make("made"),
        "neither": make("neither").evolve(reserved=other, about="session-8"),
        "foreign": make("foreign", org_id=f"{org}-other").evolve(about="session-7"),
    }
    for record in records.values():
        storage.idempotency.claim(record)
    many = {f"none-{number}" for number in range(40)}
    found = {each.value.key for each in storage.idempotency.about(org, {"session-7", "s", *many})}
    assert found == {"about", "made"}
    assert {each.value.key for each in storage.idempotency.about(org, {"j"})} == {"made"}
    assert {each.value.key for each in storage.idempotency.about(org, {"r"})} == {"made"}
    assert list(storage.idempotency.about(org, set())) == []
