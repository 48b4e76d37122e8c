"""A storage queue as the host's listener uses it: raw message text, and conflicts that mean "another host has it"."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue import ExponentialRetry, QueueClient

log = logging.getLogger("devhost.queues")
INVISIBLE_SEC = 600  # a running message is hidden for ten minutes at a time
POISON_SUFFIX = "-poison"
MAX_QUEUE_NAME = 63


@dataclass(slots=True)
class Message:
    """A message that this host holds; `pop_receipt` changes with each renewal."""

    id: str
    text: str
    dequeue_count: int
    pop_receipt: str
    inserted: datetime | None
    expires: datetime | None
    next_visible: datetime | None


class HostQueue:
    """One queue and its poison queue."""

    def __init__(self, connection: str, name: str) -> None:
        self.name = name
        self._connection = connection
        self._client = _client(connection, name)
        self._trouble = False

    @property
    def poison_name(self) -> str | None:
        """Return the queue for failed messages; None for a poison queue, and for a name too long for the suffix."""
        name = self.name + POISON_SUFFIX
        return None if self.name.endswith(POISON_SUFFIX) or len(name) > MAX_QUEUE_NAME else name

    def receive(self, count: int) -> list[Message]:
        """Take up to `count` messages; none from a missing queue or from a storage that does not answer."""
        try:
            received = list(
                self._client.receive_messages(
                    max_messages=count, messages_per_page=count, visibility_timeout=INVISIBLE_SEC
                )
            )
        except ResourceNotFoundError:
            return []
        except AzureError as error:
            if not self._trouble:
                log.warning("storage does not answer", extra={"fields": {"queue": self.name, "reason": str(error)}})
            self._trouble = True
            return []
        self._trouble = False
        return [_message(item) for item in received]

    def renew(self, message: Message) -> bool:
        """Hide the message for another ten minutes; return False when that must be tried again sooner."""
        return self._attempt("renew", message, lambda: self._update(message, INVISIBLE_SEC))

    def release(self, message: Message, visible_after_sec: float) -> None:
        """Give a failed message back."""
        self._attempt("release", message, lambda: self._update(message, round(visible_after_sec)))

    def delete(self, message: Message) -> None:
        """Delete a message that was processed."""
        self._attempt("delete", message, lambda: self._client.delete_message(message.id, message.pop_receipt))

    def move_to_poison(self, message: Message) -> None:
        """Copy the message to the poison queue, created if missing, and delete it; do nothing without a poison
        queue.
        """
        if self.poison_name is None:
            return
        extra = {"queue": self.name, "messageId": message.id, "dequeueCount": message.dequeue_count}
        log.warning("message moves to the poison queue", extra={"fields": extra})
        with _client(self._connection, self.poison_name) as poison:
            try:
                poison.send_message(message.text)
            except ResourceNotFoundError:
                poison.create_queue()
                poison.send_message(message.text)
        self.delete(message)

    def close(self) -> None:
        self._client.close()

    def _update(self, message: Message, visible_after_sec: int) -> None:
        updated = self._client.update_message(message.id, message.pop_receipt, visibility_timeout=visible_after_sec)
        message.pop_receipt = updated.pop_receipt or message.pop_receipt

    def _attempt(self, action: str, message: Message, call: Callable[[], None]) -> bool:
        extra = {"queue": self.name, "messageId": message.id, "action": action}
        try:
            call()
        except HttpResponseError as error:
            if error.status_code not in (400, 404, 409):
                log.warning("queue operation failed", extra={"fields": {**extra, "reason": str(error)}})
                return False
            # Deleted, or received elsewhere since: https://github.com/Azure/azure-sdk-for-net, QueueProcessor.cs
            log.debug("message is not ours any more", extra={"fields": extra})
        except AzureError as error:
            log.warning("queue operation failed", extra={"fields": {**extra, "reason": str(error)}})
            return False
        return True


def _client(connection: str, name: str) -> QueueClient:
    retry = ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=2)
    return QueueClient.from_connection_string(connection, name, retry_policy=retry)


def _message(item: Any) -> Message:
    return Message(
        id=item.id,
        text=item.content,
        dequeue_count=item.dequeue_count,
        pop_receipt=item.pop_receipt,
        inserted=item.inserted_on,
        expires=item.expires_on,
        next_visible=item.next_visible_on,
    )
