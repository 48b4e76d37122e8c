"""The stages' queues in this process's memory, for tests that look into them and play the host."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from shared.domain.message import StageMessage
from shared.domain.stage import Stage
from shared.storage.ports import QUEUES, QueueFacts


@dataclass(frozen=True, slots=True)
class _Entry:
    message: StageMessage
    sent_at: datetime
    visible_at: datetime


class MemoryQueues:
    """A `QueueStore` that can also be read; every method is atomic."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._entries: list[_Entry] = []
        self._poison: list[StageMessage] = []

    def send(self, message: StageMessage, delay: timedelta = timedelta(0)) -> None:
        readable = StageMessage.from_bytes(message.to_text().encode())
        with self._lock:
            now = self._clock()
            self._entries.append(_Entry(readable, now, now + delay))

    def facts(self, stage: Stage) -> QueueFacts:
        with self._lock:
            now = self._clock()
            entries = [entry for entry in self._entries if entry.message.stage is stage]
            ages = [(now - entry.sent_at).total_seconds() for entry in entries if entry.visible_at <= now]
            poison = sum(message.stage is stage for message in self._poison)
        return QueueFacts(QUEUES[stage], len(entries), poison, max(ages, default=None))

    def pop(self, stage: Stage | None = None) -> StageMessage | None:
        """Takes out the first message that is visible by now, of one stage or of any; None when there is none."""
        with self._lock:
            now = self._clock()
            for entry in self._entries:
                if entry.visible_at <= now and stage in (None, entry.message.stage):
                    self._entries.remove(entry)
                    return entry.message
        return None

    def waiting(self, stage: Stage | None = None) -> Sequence[StageMessage]:
        """The messages that are there, visible or not, in the order in which they were sent."""
        with self._lock:
            return [entry.message for entry in self._entries if stage in (None, entry.message.stage)]

    def bury(self, message: StageMessage) -> None:
        """Puts a message among the dead letters, as the host does after its last delivery failed."""
        with self._lock:
            self._poison.append(message)
