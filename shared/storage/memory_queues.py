"""Queues in this process's memory, for tests that look into them and play the host."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from threading import Lock

from shared.domain.message import Message, Receipt
from shared.storage.ports import QueueFacts


@dataclass(frozen=True, slots=True)
class _Entry:
    message_id: str
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
        self._poison: list[Message] = []

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        readable = message.from_bytes(message.to_text().encode())
        with self._lock:
            now, message_id = self._clock(), str(next(self._numbers))
            self._entries.append(_Entry(message_id, readable, now, now + delay))
        return Receipt(message.queue, message_id, message_id)

    def withdraw(self, receipt: Receipt) -> None:
        with self._lock:
            self._entries = [entry for entry in self._entries if entry.message_id != receipt.message_id]

    def facts(self, queue: str) -> QueueFacts:
        with self._lock:
            now = self._clock()
            entries = [entry for entry in self._entries if entry.message.queue == queue]
            ages = [(now - entry.sent_at).total_seconds() for entry in entries if entry.visible_at <= now]
            poison = sum(message.queue == queue for message in self._poison)
        return QueueFacts(queue, len(entries), poison, max(ages, default=None))

    def pop(self, *queues: str) -> Message | None:
        """Takes out the first message that is visible by now, of these queues or of any; None when there is none."""
        with self._lock:
            now = self._clock()
            for entry in self._entries:
                if entry.visible_at <= now and (not queues or entry.message.queue in queues):
                    self._entries.remove(entry)
                    return entry.message
        return None

    def waiting(self, *queues: str) -> Sequence[Message]:
        """The messages that are there, visible or not, in the order in which they were sent."""
        with self._lock:
            return [entry.message for entry in self._entries if not queues or entry.message.queue in queues]

    def bury(self, message: Message) -> None:
        """Puts a message among the dead letters, as the host does after its last delivery failed."""
        with self._lock:
            self._poison.append(message)
