"""Queues in this process's memory, for tests that look into them and play the host."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from threading import Lock

from shared.domain.message import Message, Receipt
from shared.storage.ports import QueueFacts, Received, poison_queue


@dataclass(frozen=True, slots=True)
class _Entry:
    queue: str
    receipt: Receipt
    message: Message
    sent_at: datetime
    visible_at: datetime


class MemoryQueues:
    """A `QueueStore` that can also be read; every method is atomic."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._numbers = count(1)
        self._entries: list[_Entry] = []

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        readable = message.from_bytes(message.to_text().encode())
        return self._add(message.queue, readable, delay)

    def withdraw(self, receipt: Receipt) -> bool:
        with self._lock:
            before = len(self._entries)
            self._entries = [entry for entry in self._entries if entry.receipt != receipt]
            return len(self._entries) < before

    def receive(self, queue: str, limit: int, hidden_for: timedelta) -> Sequence[Received]:
        with self._lock:
            now = self._clock()
            found = [entry for entry in self._entries if entry.queue == queue and entry.visible_at <= now][:limit]
            taken = []
            for entry in found:
                receipt = replace(entry.receipt, pop_receipt=str(next(self._numbers)))
                self._replace(entry, replace(entry, receipt=receipt, visible_at=now + hidden_for))
                taken.append(Received(entry.message.to_text().encode(), receipt))
        return taken

    def release(self, receipt: Receipt) -> None:
        with self._lock:
            for entry in [entry for entry in self._entries if entry.receipt == receipt]:
                self._replace(entry, replace(entry, visible_at=self._clock()))

    def facts(self, queue: str) -> QueueFacts:
        with self._lock:
            now = self._clock()
            entries = [entry for entry in self._entries if entry.queue == queue]
            ages = [(now - entry.sent_at).total_seconds() for entry in entries if entry.visible_at <= now]
            poison = sum(entry.queue == poison_queue(queue) for entry in self._entries)
        return QueueFacts(queue, len(entries), poison, max(ages, default=None))

    def pop(self, *queues: str) -> Message | None:
        """Take out the first message that is visible by now, of these queues or of any; None when there is none."""
        with self._lock:
            now = self._clock()
            for entry in self._entries:
                if entry.visible_at <= now and _is_of(entry, queues):
                    self._entries.remove(entry)
                    return entry.message
        return None

    def waiting(self, *queues: str) -> Sequence[Message]:
        """Return the messages that are there, visible or not, in the order in which they were sent."""
        with self._lock:
            return [entry.message for entry in self._entries if _is_of(entry, queues)]

    def bury(self, message: Message) -> None:
        """Put a message among the dead letters, as the host does after its last delivery failed."""
        self.put(poison_queue(message.queue), message)

    def put(self, queue: str, message: Message, delay: timedelta = timedelta(0)) -> None:
        """Put a message into a queue that need not be its own."""
        self._add(queue, message, delay)

    def _add(self, queue: str, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        with self._lock:
            now, number = self._clock(), str(next(self._numbers))
            receipt = Receipt(queue, number, number)
            self._entries.append(_Entry(queue, receipt, message, now, now + delay))
        return receipt

    def _replace(self, old: _Entry, new: _Entry) -> None:
        self._entries[self._entries.index(old)] = new


def _is_of(entry: _Entry, queues: Sequence[str]) -> bool:
    """Return whether the entry is in one of the queues; in no queue of dead letters when none is named."""
    return entry.queue in queues if queues else not entry.queue.endswith(poison_queue(""))
