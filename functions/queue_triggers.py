"""Handle the messages of every stage's queue: read the message, call the use case."""

import base64
from datetime import UTC, datetime

import azure.functions as func
from pydantic import ValidationError

from shared.domain.message import StageMessage
from shared.pipeline.context import Delivery
from shared.pipeline.dead_letters import keep_unreadable
from shared.pipeline.execution.failure import handle_poison_message
from shared.pipeline.execution.run_step import run_step
from shared.wiring import services

CONNECTION = "AzureWebJobsStorage"


def run_message(message: func.QueueMessage) -> None:
    """Run the step that a queue's message names; an error makes the host redeliver the message."""
    run_step(services(), StageMessage.from_bytes(body_of(message)), delivery_of(message))


def give_up_message(message: func.QueueMessage, queue: str) -> None:
    """Handle a poison message of the stage's queue: end its job, unless its step may be tried again."""
    try:
        given_up = StageMessage.from_bytes(body_of(message))
    except ValidationError:
        keep_unreadable(services(), queue, body_of(message), *origin_of(message))
        return
    handle_poison_message(services(), given_up)


def body_of(message: func.QueueMessage) -> bytes:
    """Return the message as it was before base64, which storage's clients put it in; any other text as it is.

    The host hands over the text as it stands in the queue (`messageEncoding` in host.json): a message that the host
    decoded itself would reach no function if it were no base64, not even that of the poison queue.
    """
    text = message.get_body()
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return text


def delivery_of(message: func.QueueMessage) -> Delivery:
    """Return which delivery of which message this is."""
    return Delivery(message.id or "unknown", message.dequeue_count or 1)


def origin_of(message: func.QueueMessage) -> tuple[str, datetime]:
    """Return the message's id, and when it was enqueued."""
    at = message.insertion_time or services().clock()
    return message.id or "unknown", at if at.tzinfo else at.replace(tzinfo=UTC)
