"""Identifiers sort newest first, and can be told apart."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import newest_first_id

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(3084, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
moments = st.integers(0, (LATEST - EARLIEST) // MILLISECOND).map(lambda count: EARLIEST + count * MILLISECOND)


def all_zero(bits: int) -> int:
    return 0


def all_one(bits: int) -> int:
    return (1 << bits) - 1


@given(moments, st.timedeltas(min_value=2 * MILLISECOND, max_value=timedelta(days=365)))
def test_the_newer_sorts_first_whatever_the_random_bits(earlier: datetime, pause: timedelta) -> None:
    newer = min(earlier + pause, LATEST + 2 * MILLISECOND)
    assert newest_first_id(newer, all_one) < newest_first_id(earlier, all_zero)


@given(moments)
def test_they_are_short_and_plain(now: datetime) -> None:
    made = newest_first_id(now, secrets.randbits)
    assert len(made) == 19
    assert set(made) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_one_millisecond_gives_many() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert len({newest_first_id(now, secrets.randbits) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("random_bits", "ending"),
    [pytest.param(all_zero, "0" * 10, id="zeros"), pytest.param(all_one, "z" * 10, id="ones")],
)
def test_fifty_bits_are_random(random_bits: object, ending: str) -> None:
    made = newest_first_id(datetime(2026, 11, 21, tzinfo=UTC), random_bits)  # type: ignore[arg-type]
    assert made.endswith(ending)
