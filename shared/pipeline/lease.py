"""One lease for steps and tasks: claim a row, renew the lease from a thread, settle the row while it is still owned.

Apart from its users, so that both follow the same rules (`shared.domain.lease`). Steps and tasks say what differs: what
a claim changes, and when a row may not be claimed. See docs/decisions/0014-one-lease.md.
"""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Generic, Self, TypeVar

from shared.domain.errors import NotFound, RostrumError, WriteConflict
from shared.domain.lease import LeasedRow
from shared.pipeline.context import Delivery, Services
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

CRASHED = "The process that ran it ended without a word; it may have run out of memory."
"""What is said of an attempt that ended without an outcome."""

Row = TypeVar("Row", bound=LeasedRow)


@dataclass(frozen=True, slots=True)
class LeaseStore(Generic[Row]):
    """How rows of one kind are read and written; both raise as the methods of a store do."""

    read: Callable[[Row], Stored[Row]]
    """Reads the row with the same identifiers anew."""

    update: Callable[[Stored[Row], Row], Stored[Row]]
    """Replaces the row unless it changed since it was read."""


@dataclass(frozen=True, slots=True)
class Claim(Generic[Row]):
    """A row that this delivery has claimed."""

    stored: Stored[Row]
    """The row as claimed."""

    crashed: Row | None
    """The row as its previous owner left it when that one crashed; else None."""


def stale_after(services: Services) -> timedelta:
    """Return for how long a lease is live after its last heartbeat."""
    return timedelta(seconds=services.settings.stale_after_sec)


def is_live(services: Services, row: LeasedRow) -> bool:
    """Return whether a worker holds a live lease on the row."""
    return row.lease_is_live(services.clock(), stale_after(services))


def claim(
    services: Services,
    store: LeaseStore[Row],
    stored: Stored[Row],
    delivery: Delivery,
    begin: Callable[[Row, datetime], Row | None],
) -> Claim[Row] | None:
    """Make the delivery the row's owner; return None while another message's delivery holds a live lease.

    A later delivery of the owner's own message takes the lease over at once: the host delivers a message again only
    when the earlier delivery failed.

    Args:
        services: storage's clock and the settings.
        store: how the rows are read and written.
        stored: the row as the caller read it.
        delivery: the delivery that wants the row.
        begin: returns the row as an attempt at this time finds it, before it is claimed; None when it may not be
            claimed. Called again after each lost race.
    """
    while True:
        now = services.clock()
        row = begin(stored.value, now)
        if row is None:
            return None
        if row.lease_is_live(now, stale_after(services)) and not delivery.follows(row.owner):
            return None
        try:
            taken = store.update(stored, row.claimed(delivery.owner, now))
        except WriteConflict:
            stored = store.read(row)
            continue
        return Claim(taken, row if row.state == row.RUNNING else None)


def renew(store: LeaseStore[Row], claimed: Stored[Row], now: datetime, **changes: object) -> Stored[Row] | None:
    """Write a heartbeat, and other changes with it; return None when the lease was lost. Raises NotFound when the row
    was deleted.

    A write that lost a race against the sweep, which counts its messages on the row, is left to the next heartbeat.
    """
    row = claimed.value
    try:
        return store.update(claimed, row.evolve(heartbeat_at=now, sends=1, **changes))
    except WriteConflict:
        current = store.read(row)
        return current if current.value.owner == row.owner and current.value.state == row.RUNNING else None


def settle(
    store: LeaseStore[Row], claimed: Stored[Row], write: Callable[[Stored[Row]], Stored[Row] | None]
) -> Stored[Row] | None:
    """Write an outcome as long as the delivery of `claimed` owns the row: the outcome of a newer owner counts.

    `write` writes the outcome and returns what it wrote, or raises WriteConflict; it is called again after a conflict.
    Returns None when the row has another owner, or is missing.
    """
    stored = claimed
    with suppress(NotFound):
        while stored.value.owner == claimed.value.owner:
            try:
                return write(stored)
            except WriteConflict:
                stored = store.read(stored.value)
    return None


class PeriodicThread(ABC):
    """A thread that does something at intervals while a `with` block runs; what storage raises is tried again."""

    def __init__(
        self, every_sec: float, start_thread: Callable[[threading.Thread], None] = threading.Thread.start
    ) -> None:
        self._every_sec = every_sec
        self._start_thread = start_thread
        self._stopped = threading.Event()
        measured = copy_context()  # what the thread does is counted with the work that it renews the lease of
        self._thread = threading.Thread(target=measured.run, args=(self._run,), name=type(self).__name__, daemon=True)

    @abstractmethod
    def _go_on(self) -> bool:
        """Do it once; return False to end the thread."""

    def __enter__(self) -> Self:
        self._start_thread(self._thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_sec):
            try:
                if not self._go_on():
                    return
            except RostrumError as error:
                log.warning("heartbeat failed", extra={"action": "heartbeat", "code": error.code})
            except Exception:
                log.exception("heartbeat failed", extra={"action": "heartbeat"})
