"""What is kept of deleted sessions: made once, changed by one at a time, listed newest first, and dropped."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import WriteConflict
from shared.domain.removal import Removal, RemovalReason
from shared.storage.ports import Storage

NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, UTC)
Make = Callable[..., Removal]


@pytest.fixture
def make(org: str) -> Make:
    """`make(3)` is older than `make(2)`."""

    def make(number: int = 0) -> Removal:
        return Removal(
            removal_id=f"{org}-{number:04d}",
            org_id=org,
            session_id="s",
            reason=RemovalReason.RETENTION,
            at=NOW - timedelta(days=number),
            size_bytes=20 * 1024**3,
        )

    return make


def test_a_removal_is_made_once_and_changed_by_one_at_a_time(storage: Storage, org: str, make: Make) -> None:
    removals = storage.removals
    made = removals.create(make())
    assert removals.create(make().plus(jobs=9)) == made
    assert removals.get(org, made.value.removal_id) == made
    changed = removals.update(made, made.value.plus(jobs=1, rows=20).evolve(finished_at=NOW))
    assert removals.get(org, made.value.removal_id) == changed
    with pytest.raises(WriteConflict):
        removals.update(made, made.value.plus(blobs=1))


def test_removals_are_listed_newest_first_in_pages(storage: Storage, org: str, make: Make) -> None:
    for number in (2, 0, 1):
        storage.removals.create(make(number))
    first = storage.removals.page(org, limit=2)
    rest = storage.removals.page(org, limit=2, cursor=first.cursor)
    assert [each.at for each in (*first.items, *rest.items)] == [NOW - timedelta(days=number) for number in range(3)]
    assert rest.cursor is None
    assert storage.removals.page(f"{org}-other", limit=2).items == ()


def test_old_removals_are_found_and_deleted(storage: Storage, org: str, make: Make) -> None:
    for number in range(3):
        storage.removals.create(make(number))
    old = [each for each in storage.removals.kept_before(NOW - timedelta(days=1)) if each.value.org_id == org]
    assert [each.value for each in old] == [make(2)]
    storage.removals.delete(old[0])
    assert len(storage.removals.page(org, limit=9).items) == 2
