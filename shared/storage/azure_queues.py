"""Queues in Azure Queue storage, in the form that the Functions host reads: JSON text in base64.

A queue is made, with the one for its dead letters, when it turns out to be missing: the host never makes it.
"""

import base64
import math
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64EncodePolicy

from shared.domain.errors import NotFound
from shared.domain.message import Message, Receipt
from shared.storage.azure_errors import translated
from shared.storage.ports import QueueFacts, Received, poison_queue


class AzureQueues:
    """A `QueueStore`; `hint` is the local host's address for wake-up datagrams, as (host, port)."""

    def __init__(
        self, service: QueueServiceClient, clock: Callable[[], datetime], hint: tuple[str, int] | None = None
    ) -> None:
        self._service = service
        self._clock = clock
        self._hint = hint

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> Receipt:
        name = message.queue
        hidden_sec = math.ceil(delay.total_seconds()) or None
        queue, text = self._queue(name), message.to_text()
        with translated(f"queue {name}"):
            try:
                sent = queue.send_message(text, visibility_timeout=hidden_sec)
            except ResourceNotFoundError:
                self._make(name)
                self._make(poison_queue(name))
                sent = queue.send_message(text, visibility_timeout=hidden_sec)
        if self._hint is not None and hidden_sec is None:
            _wake(self._hint, name)
        return Receipt(name, str(sent.id), str(sent.pop_receipt))

    def withdraw(self, receipt: Receipt) -> bool:
        with suppress(_ReceivedSince), translated(f"queue {receipt.queue}"), _unless_received_since():
            self._queue(receipt.queue).delete_message(receipt.message_id, receipt.pop_receipt)
            return True
        return False

    def receive(self, queue: str, limit: int, hidden_for: timedelta) -> Sequence[Received]:
        with suppress(NotFound), translated(f"queue {queue}"):
            pages = self._queue(queue).receive_messages(
                messages_per_page=limit, visibility_timeout=math.ceil(hidden_for.total_seconds())
            )
            found = next(pages.by_page(), ())
            return [
                Received(_decoded(each.content), Receipt(queue, str(each.id), str(each.pop_receipt))) for each in found
            ]
        return ()

    def release(self, receipt: Receipt) -> None:
        with suppress(_ReceivedSince), translated(f"queue {receipt.queue}"), _unless_received_since():
            queue = self._queue(receipt.queue)
            queue.update_message(receipt.message_id, receipt.pop_receipt, visibility_timeout=0)

    def facts(self, queue: str) -> QueueFacts:
        oldest_sec = None
        with suppress(NotFound), translated(f"queue {queue}"):
            first = self._queue(queue).peek_messages(max_messages=1)
            if first and first[0].inserted_on is not None:
                oldest_sec = max(0.0, (self._clock() - first[0].inserted_on).total_seconds())
        return QueueFacts(queue, self._count(queue), self._count(poison_queue(queue)), oldest_sec)

    def _count(self, name: str) -> int:
        with suppress(NotFound), translated(f"queue {name}"):
            return self._queue(name).get_queue_properties().approximate_message_count or 0
        return 0

    def _queue(self, name: str) -> QueueClient:
        return self._service.get_queue_client(name, message_encode_policy=TextBase64EncodePolicy())

    def _make(self, name: str) -> None:
        with suppress(ResourceExistsError):
            self._queue(name).create_queue()


class _ReceivedSince(Exception):
    """The message has another pop receipt by now, or is gone, and stays as it is."""


@contextmanager
def _unless_received_since() -> Iterator[None]:
    """Raise _ReceivedSince for the service's 400 or 404."""
    try:
        yield
    except HttpResponseError as err:
        if err.status_code not in (400, 404):
            raise
        raise _ReceivedSince from err


def _decoded(text: str) -> bytes:
    """Return the message as it was before the host's base64; anything else as it is."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return text.encode()


def _wake(address: tuple[str, int], queue: str) -> None:
    """Tell the local host to look at the queue now; a datagram that is lost costs only time."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(queue.encode(), address)
