"""Run a queue-triggered function by the rules of the host's storage queue listener.

Sources: QueueListener.cs and QueueProcessor.cs of the WebJobs SDK
(https://github.com/Azure/azure-sdk-for-net/tree/main/sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Queues/src)
and https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger.
"""

import base64
import binascii
import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devhost.backoff import Backoff
from devhost.queue_storage import INVISIBLE_SEC, HostQueue, Message
from devhost.settings import QueueOptions
from devhost.worker_pool import WorkerPool
from devhost.worker_process import Outcome, WorkerProcess

log = logging.getLogger("devhost.queues")
RENEW_EVERY_SEC = INVISIBLE_SEC / 2


@dataclass(frozen=True, slots=True)
class QueueFunction:
    """A queue-triggered function and what limits it."""

    name: str
    options: QueueOptions
    timeout_sec: float | None


class QueueListener:
    """One listener; the host has one a function and instance."""

    def __init__(
        self,
        function: QueueFunction,
        queue: HostQueue,
        pool: WorkerPool,
        *,
        on_poison: Callable[[str], None],
        renew_every_sec: float = RENEW_EVERY_SEC,
        backoff: Backoff | None = None,
    ) -> None:
        self._function = function
        self._queue = queue
        self._pool = pool
        self._on_poison = on_poison
        self._renew_every_sec = renew_every_sec
        self._backoff = backoff or Backoff(function.options.max_polling_interval_sec)
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._done = threading.Condition()
        self._running: set[threading.Thread] = set()
        self._thread = threading.Thread(target=self._listen, name=f"listen-{queue.name}", daemon=True)

    @property
    def queue_name(self) -> str:
        return self._queue.name

    def start(self) -> None:
        self._thread.start()

    def notify(self) -> None:
        """End the current wait, because a message was enqueued."""
        self._wake.set()

    def stop(self) -> None:
        """Take no further message."""
        self._stopped.set()
        self._wake.set()
        with self._done:
            self._done.notify_all()

    def join(self, timeout_sec: float) -> None:
        """Wait until every message that was taken is settled."""
        self._thread.join(timeout_sec)
        with self._done:
            running = list(self._running)
        for thread in running:
            thread.join(timeout_sec)
        self._queue.close()

    def _listen(self) -> None:
        found = False
        while not self._stopped.is_set():
            workers = self._pool.reserve(self._function.options.batch_size, self._stopped)
            self._wake.clear()
            messages = self._queue.receive(len(workers)) if workers else []
            self._pool.give_back(workers[len(messages) :])
            for worker, message in zip(workers, messages, strict=False):
                self._start(worker, message)
            if messages:
                found = True
                self._wait_for_threshold()
            elif not self._stopped.is_set():
                self._wake.wait(self._backoff.next_delay_sec(found_message=found))
                found = False

    def _wait_for_threshold(self) -> None:
        with self._done:
            self._done.wait_for(
                lambda: self._stopped.is_set() or len(self._running) <= self._function.options.new_batch_threshold
            )

    def _start(self, worker: WorkerProcess, message: Message) -> None:
        thread = threading.Thread(target=self._run, args=(worker, message), name=f"run-{message.id}")
        with self._done:
            self._running.add(thread)
        thread.start()

    def _run(self, worker: WorkerProcess, message: Message) -> None:
        try:
            self._process(worker, message)
        except Exception:
            log.exception("message could not be processed", extra={"fields": {"queue": self.queue_name}})
        finally:
            self._pool.give_back([worker])
            with self._done:
                self._running.discard(threading.current_thread())
                self._done.notify_all()

    def _process(self, worker: WorkerProcess, message: Message) -> None:
        body = self._decode(message.text)
        if body is None or message.dequeue_count > self._function.options.max_dequeue_count:
            self._poison(message)
            return
        request = _request(self._function.name, message, body)
        outcome = worker.invoke(
            request,
            timeout_sec=self._function.timeout_sec,
            every_sec=self._renew_every_sec,
            on_tick=lambda: self._queue.renew(message),
        )
        self._complete(message, outcome, request["id"])

    def _complete(self, message: Message, outcome: Outcome, invocation: str) -> None:
        options = self._function.options
        if outcome.kind == "succeeded":
            self._queue.delete(message)
            return
        if self._stopped.is_set() and outcome.kind == "died":
            self._queue.release(message, 0)  # the host stops and killed the worker: no failure of the message
            return
        fields = {
            "function": self._function.name,
            "invocation": invocation,
            "messageId": message.id,
            "dequeueCount": message.dequeue_count,
            "reason": outcome.detail,
        }
        log.warning(f"invocation {outcome.kind}", extra={"fields": fields})
        if self._queue.poison_name is None:
            return  # stays hidden, so that it does not fail in a tight loop
        if message.dequeue_count >= options.max_dequeue_count:
            self._poison(message)
        else:
            self._queue.release(message, options.visibility_timeout_sec)

    def _poison(self, message: Message) -> None:
        self._queue.move_to_poison(message)
        if self._queue.poison_name is not None:
            self._on_poison(self._queue.poison_name)

    def _decode(self, text: str) -> bytes | None:
        if not self._function.options.base64:
            return text.encode()
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error:
            log.error("message is not base64", extra={"fields": {"queue": self.queue_name}})
            return None


def _request(function: str, message: Message, body: bytes) -> dict[str, Any]:
    """Return the data that the worker needs to build the message as Azure's converter does."""
    times = {
        "InsertionTime": message.inserted,
        "ExpirationTime": message.expires,
        "NextVisibleTime": message.next_visible,
    }
    return {
        "id": str(uuid.uuid4()),
        "function": function,
        "body": base64.b64encode(body).decode(),
        "metadata": {
            "Id": message.id,
            "DequeueCount": message.dequeue_count,
            "PopReceipt": message.pop_receipt,
            **{name: time.isoformat() if time else None for name, time in times.items()},
        },
    }
