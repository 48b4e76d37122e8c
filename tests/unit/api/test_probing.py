"""How many probes run at once."""

import asyncio
from threading import Barrier, Lock

from shared.api.probing import PROBES_AT_ONCE, probe_off_loop


def test_only_a_few_probes_run_at_once() -> None:
    barrier, lock = Barrier(PROBES_AT_ONCE, timeout=60), Lock()
    running, most = 0, 0

    def probe() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        barrier.wait()
        with lock:
            running -= 1

    async def all_at_once() -> None:
        await asyncio.gather(*(probe_off_loop(probe) for _ in range(3 * PROBES_AT_ONCE)))

    asyncio.run(all_at_once())
    asyncio.run(all_at_once())
    assert most == PROBES_AT_ONCE
