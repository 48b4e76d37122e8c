"""Queue rules that need a hand on the clock or on what is in the queue: the listener in this process."""

import base64
import queue as queues
import threading
from dataclasses import dataclass, field

import pytest

from devhost.backoff import MINIMUM_INTERVAL_SEC, Backoff
from devhost.hints import HintListener
from devhost.queue_listener import QueueFunction, QueueListener
from devhost.queue_storage import HostQueue, Message
from devhost.settings import QueueOptions
from devhost.worker_pool import WorkerPool
from devhost.worker_process import Outcome
from tests.devhost.conftest import PATIENCE_SEC, TestQueue, eventually


@dataclass
class ScriptedWorker:
    """Stands in for a worker process: does what the test says."""

    outcome: Outcome = field(default_factory=lambda: Outcome("succeeded"))
    ticks: int = 0
    requests: list[dict[str, object]] = field(default_factory=list)
    alive: bool = True

    def invoke(self, request, *, timeout_sec, every_sec, on_tick):  # type: ignore[no-untyped-def]
        self.requests.append(request)
        for _ in range(self.ticks):
            assert on_tick()
        return self.outcome


class OneWorkerPool(WorkerPool):
    """A pool whose only worker is scripted."""

    def __init__(self, worker: ScriptedWorker) -> None:
        super().__init__(lambda number: worker, 1)  # type: ignore[arg-type, return-value]
        self._all = {1: worker}  # type: ignore[dict-item]
        self._idle = [worker]  # type: ignore[list-item]


class CountedQueue(HostQueue):
    """Counts the looks into the queue and keeps the receipts."""

    def __init__(self, connection: str, name: str) -> None:
        super().__init__(connection, name)
        self.looks: queues.Queue[int] = queues.Queue()
        self.receipts: list[str] = []

    def receive(self, count: int) -> list[Message]:
        self.looks.put(count)
        return super().receive(count)

    def renew(self, message: Message) -> bool:
        renewed = super().renew(message)
        self.receipts.append(message.pop_receipt)
        return renewed


class NeverAgain(Backoff):
    """Waits for an hour: only a notification gets the listener to look again."""

    def __init__(self) -> None:
        super().__init__(3600)

    def next_delay_sec(self, *, found_message: bool) -> float:
        return 3600.0


def _listener(
    storage: HostQueue, worker: ScriptedWorker, options: QueueOptions, backoff: Backoff | None = None
) -> QueueListener:
    function = QueueFunction("work", options, None)
    return QueueListener(function, storage, OneWorkerPool(worker), on_poison=lambda name: None, backoff=backoff)


def test_a_running_message_is_renewed_and_deleted_with_its_newest_receipt(azurite: str, queue: TestQueue) -> None:
    """Renewed at half of the ten minutes; each renewal changes the pop receipt.

    https://github.com/Azure/azure-webjobs-sdk/blob/42a711763ddecca9df4caae9c7dc5fe16178880c/src/Microsoft.Azure.WebJobs.Extensions.Storage/Queues/Listeners/UpdateQueueMessageVisibilityCommand.cs
    """
    queue.send(id=1)
    storage = CountedQueue(azurite, queue.name)
    listener = _listener(storage, ScriptedWorker(ticks=3), QueueOptions(batch_size=1, new_batch_threshold=0))
    listener.start()
    eventually(lambda: queue.count() == 0, "the deletion")
    listener.stop()
    listener.join(PATIENCE_SEC)
    assert len(set(storage.receipts)) == 3


def test_a_message_taken_too_often_goes_to_poison_without_a_call(azurite: str, queue: TestQueue) -> None:
    """BeginProcessingMessageAsync: dequeueCount above maxDequeueCount, as after crashes of the whole host.

    https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Queues/src/QueueProcessor.cs
    """
    queue.send(id=1)
    for _ in range(2):
        taken = queue.client.receive_message()
        queue.client.update_message(taken.id, taken.pop_receipt, visibility_timeout=0)
    worker = ScriptedWorker()
    options = QueueOptions(batch_size=1, new_batch_threshold=0, max_dequeue_count=2)
    listener = _listener(HostQueue(azurite, queue.name), worker, options)
    listener.start()
    eventually(lambda: queue.count() == 0, "the deletion")
    listener.stop()
    listener.join(PATIENCE_SEC)
    assert worker.requests == []
    assert base64.b64decode(queue.poison.receive_message().content) == b'{"id": 1}'


def test_a_hint_ends_the_wait(azurite: str, queue: TestQueue) -> None:
    """As SharedQueueWatcher does for output bindings of the same host: the listener looks again at once.

    https://github.com/Azure/azure-webjobs-sdk/blob/b243ac087e6efcd75b432cce327fa95eca37eb98/src/Microsoft.Azure.WebJobs.Extensions.Storage/Queues/Listeners/SharedQueueWatcher.cs
    """
    import socket

    storage = CountedQueue(azurite, queue.name)
    listener = _listener(storage, ScriptedWorker(), QueueOptions(batch_size=1, new_batch_threshold=0), NeverAgain())
    hints = HintListener(lambda name: listener.notify() if name == queue.name else None)
    hints.start()
    listener.start()
    storage.looks.get(timeout=PATIENCE_SEC)
    host, port = hints.address.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"another-queue", (host, int(port)))
        with pytest.raises(queues.Empty):
            storage.looks.get(timeout=0.3)
        queue.send(id=1)
        sender.sendto(queue.name.encode(), (host, int(port)))
    eventually(lambda: queue.count() == 0, "the deletion")
    listener.stop()
    listener.join(PATIENCE_SEC)
    hints.close()
    assert not any(thread.name == "hints" for thread in threading.enumerate())


def test_nothing_is_taken_while_no_worker_is_free(azurite: str, queue: TestQueue) -> None:
    """This host's own rule: it never hides a message that it cannot start at once."""
    queue.send(id=1)
    storage = CountedQueue(azurite, queue.name)
    pool = OneWorkerPool(ScriptedWorker())
    taken = pool.reserve(1, threading.Event())
    function = QueueFunction("work", QueueOptions(batch_size=1, new_batch_threshold=0), None)
    listener = QueueListener(function, storage, pool, on_poison=lambda name: None)
    listener.start()
    with pytest.raises(queues.Empty):
        storage.looks.get(timeout=0.5)
    pool.give_back(taken)
    eventually(lambda: queue.count() == 0, "the deletion")
    listener.stop()
    listener.join(PATIENCE_SEC)


def test_the_backoff_doubles_to_the_maximum_and_starts_over_with_a_message() -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#polling-algorithm"""
    backoff = Backoff(1.0, uniform=lambda low, high: (low + high) / 2)
    delays = [backoff.next_delay_sec(found_message=False) for _ in range(7)]
    assert delays == pytest.approx([0.1, 0.2, 0.3, 0.5, 0.9, 1.0, 1.0])
    assert backoff.next_delay_sec(found_message=True) == MINIMUM_INTERVAL_SEC
    assert backoff.next_delay_sec(found_message=False) == pytest.approx(0.2)


def test_the_backoff_is_randomized_by_a_fifth() -> None:
    """RandomizedExponentialBackoffStrategy.RandomizationFactor

    https://github.com/Azure/azure-webjobs-sdk/blob/b798412ad74ba97cf2d85487ae8479f277bdd85c/src/Microsoft.Azure.WebJobs.Host/Timers/RandomizedExponentialBackoffStrategy.cs
    """
    low, high = Backoff(60, uniform=lambda a, b: a), Backoff(60, uniform=lambda a, b: b)
    for backoff in (low, high):
        backoff.next_delay_sec(found_message=False)
    assert low.next_delay_sec(found_message=False) == pytest.approx(0.1 + 0.8 * 0.1)
    assert high.next_delay_sec(found_message=False) == pytest.approx(0.1 + 1.2 * 0.1)
