"""Declare the queues, and the store of the dead letters that come from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.domain.dead_letter import DeadLetter
from shared.domain.message import Message, Receipt
from shared.storage.ports.stored import Stored

MAX_DELAY = timedelta(days=6)
"""A message lives seven days, and must become visible before."""


def poison_queue(name: str) -> str:
    """Return where the host puts the messages of a queue that it gave up on."""
    return f"{name}-poison"


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """The length of one queue."""

    name: str
    waiting: int
    """The approximate number of messages."""

    poison: int
    """The number of poison messages."""

    oldest_sec: float | None
    """The age of the oldest visible message in seconds."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was taken from a queue and is hidden from other receivers for a while."""

    body: bytes
    receipt: Receipt


class QueueStore(Protocol):
    """Queues."""

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        """Enqueue a message to its queue, visible after the delay, which may be up to MAX_DELAY."""

    def withdraw(self, receipt: Receipt) -> bool:
        """Delete a message unless it has been received since; return whether it was there."""

    def receive(self, queue: str, limit: int, hidden_for: timedelta) -> Sequence[Received]:
        """Take up to `limit` (at most 32) visible messages and hide them from other receivers; `withdraw` deletes one.
        It is the host that receives; this is for the queues of dead letters."""

    def release(self, receipt: Receipt) -> None:
        """Make a received message visible again, unless it has been received since."""

    def facts(self, queue: str) -> QueueFacts:
        """Return the queue's length."""


class DeadLetterStore(Protocol):
    """What was given up."""

    def keep(self, letter: DeadLetter) -> None:
        """Write the dead letter; idempotent."""

    def get(self, org_id: str, queue: str, letter_id: str) -> Stored[DeadLetter]:
        """Return the row; raise NotFound."""

    def of_queue(self, org_id: str, queue: str, *, after: str = "") -> Iterator[Stored[DeadLetter]]:
        """Return an organisation's dead letters from a queue, newest first, those after the one with this id."""

    def kept_before(self, at: datetime) -> Iterator[Stored[DeadLetter]]:
        """Return every organisation's dead letters from before that time; read them all."""

    def delete(self, stored: Stored[DeadLetter]) -> None:
        """Delete the dead letter if it is there."""
