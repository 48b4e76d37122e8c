"""Bound what one application does at once, and how long it waits.

Apart from the routes, so that an application can be made with other bounds than the service's.
"""

import asyncio
from dataclasses import dataclass, field

from shared.api.http.concurrency_limit import ConcurrencyLimit


def _imports() -> ConcurrencyLimit:
    return ConcurrencyLimit("imports", total=16, per_org=6, wait_sec=2, retry_after_sec=10)


def _staged_blocks() -> asyncio.Semaphore:
    return asyncio.Semaphore(32)


def _packages() -> ConcurrencyLimit:
    return ConcurrencyLimit("packages", total=16, per_org=4, wait_sec=2, retry_after_sec=30)


def _remote_probes() -> ConcurrencyLimit:
    return ConcurrencyLimit("probes of addresses", total=8, per_org=2, wait_sec=3, retry_after_sec=10)


def _stored_probes() -> ConcurrencyLimit:
    return ConcurrencyLimit("probes of stored recordings", total=4, per_org=2, wait_sec=10, retry_after_sec=5)


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one application; the defaults are the service's."""

    imports: ConcurrencyLimit = field(default_factory=_imports)
    """Each import may hold about six blocks of 4 MiB in memory: four on their way to storage, one that fills, and up to
    one of chunks that wait to be parsed."""

    staged_blocks: asyncio.Semaphore = field(default_factory=_staged_blocks)
    """Blocks of all imports on their way to storage: each takes 4 MiB of memory, and one of the 40 threads that all
    requests share."""

    packages: ConcurrencyLimit = field(default_factory=_packages)
    """Each is as large as its recording, and is sent for as long as the client takes to receive it."""

    remote_probes: ConcurrencyLimit = field(default_factory=_remote_probes)
    """These may wait for slow servers, each with a process of some 50 MB (1 GiB at the very most); every other request
    goes on."""

    stored_probes: ConcurrencyLimit = field(default_factory=_stored_probes)

    storage_answers_within_sec: float = 3.0
    """How long a request for the health waits for storage."""

    renew_claim_every_sec: float = 15.0
    """How often a request that is served for long renews its claim of an idempotency key."""
