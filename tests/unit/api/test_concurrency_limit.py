"""How much goes on at once."""

import asyncio

import pytest

from shared.api.http.concurrency_limit import ConcurrencyLimit
from shared.domain.errors import Busy


def test_an_organisation_has_its_share_and_leaves_the_others_theirs() -> None:
    async def scene() -> None:
        limit = ConcurrencyLimit("things", total=3, per_org=2, wait_sec=0.01, retry_after_sec=4)
        async with limit.take("a"), limit.take("a"):
            with pytest.raises(Busy, match=r"Too many things are going on; ask again in 4 s\.") as refused:
                async with limit.take("a"):
                    pass
            assert refused.value.retry_after_sec == 4
            async with limit.take("b"):
                with pytest.raises(Busy):
                    async with limit.take("c"):
                        pass
            async with limit.take("c"):
                pass
        async with limit.take("a"):
            pass

    asyncio.run(scene())


def test_who_waits_gets_the_slot_that_comes_free() -> None:
    async def scene() -> None:
        limit = ConcurrencyLimit("things", total=1, per_org=1, wait_sec=60, retry_after_sec=4)

        async def work() -> str:
            async with limit.take("a"):
                await asyncio.sleep(0)
                return "done"

        assert await asyncio.gather(*(work() for _ in range(5))) == ["done"] * 5

    asyncio.run(scene())
