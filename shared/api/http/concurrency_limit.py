"""Bound how much of one kind of work runs at once in this process, in total and for each organisation."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from anyio import Semaphore, fail_after
from anyio.lowlevel import RunVar

from shared.domain.errors import Busy


class ConcurrencyLimit:
    """A number of places in total, and how many of them one organisation may hold."""

    def __init__(self, noun: str, *, total: int, per_org: int, wait_sec: float, retry_after_sec: int) -> None:
        """Make a limit.

        Args:
            noun: what is limited, in the plural; unique in the process.
            total: how many places there are.
            per_org: how many of them one organisation may hold.
            wait_sec: how long a request waits for a place before it is refused.
            retry_after_sec: when the caller is told to try again.
        """
        self._noun = noun
        self._total = total
        self._per_org = per_org
        self._wait_sec = wait_sec
        self._retry_after_sec = retry_after_sec
        self._taken: RunVar[_Taken] = RunVar(f"places of {noun}")
        """One value for each event loop; tests have several."""

    @asynccontextmanager
    async def take(self, org_id: str) -> AsyncIterator[None]:
        """Hold one of the organisation's places for the block; raise Busy when none becomes free in time."""
        taken = self._taken.get(None)
        if taken is None:
            taken = _Taken(self._total)
            self._taken.set(taken)
        own = taken.of_org(org_id, self._per_org)
        async with AsyncExitStack() as held:
            try:
                with fail_after(self._wait_sec):
                    await held.enter_async_context(own)
                    await held.enter_async_context(taken.all)
            except TimeoutError as err:
                raise Busy(
                    f"Too many {self._noun} are going on; ask again in {self._retry_after_sec} s.",
                    self._retry_after_sec,
                ) from err
            yield


class _Taken:
    def __init__(self, total: int) -> None:
        self.all = Semaphore(total)
        self._of_org: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()
        """The places of organisations that hold a place or wait for one."""

    def of_org(self, org_id: str, total: int) -> Semaphore:
        own = self._of_org.get(org_id)
        if own is None:
            own = self._of_org[org_id] = Semaphore(total)
        return own
