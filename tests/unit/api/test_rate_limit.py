"""How often an organisation may ask."""

import pytest

from shared.api.http.rate_limit import RateLimit
from shared.domain.errors import RateLimited


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_as_many_at_once_as_in_a_minute_and_then_as_they_come_back() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)
    for _ in range(60):
        limit.take("acme")
    with pytest.raises(RateLimited) as refused:
        limit.take("acme")
    assert refused.value.retry_after_sec == 1
    limit.take("others")
    clock.now += 1
    limit.take("acme")
    with pytest.raises(RateLimited):
        limit.take("acme")
    clock.now += 3600
    for _ in range(60):
        limit.take("acme")
    with pytest.raises(RateLimited):
        limit.take("acme")


def test_the_wait_that_is_told_is_long_enough() -> None:
    clock = Clock()
    limit = RateLimit(2, clock)
    limit.take("acme")
    limit.take("acme")
    with pytest.raises(RateLimited) as refused:
        limit.take("acme")
    assert refused.value.retry_after_sec == 30
    clock.now += 30
    limit.take("acme")


def test_no_limit() -> None:
    limit = RateLimit(0, Clock())
    for _ in range(10_000):
        limit.take("acme")


def test_full_buckets_are_forgotten() -> None:
    clock = Clock()
    limit = RateLimit(1, clock, max_buckets=10)
    for number in range(100):
        limit.take(f"org-{number}")
        clock.now += 10
    assert len(limit._buckets) <= 11
    with pytest.raises(RateLimited):
        limit.take("org-99")
