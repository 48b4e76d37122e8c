"""What every stage's doors do: read the message, call the use case."""

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
    """Runs the step that a queue's message asks for; what it raises makes the host deliver the message again."""
    run_step(services(), StageMessage.from_bytes(message.get_body()), delivery_of(message))


def give_up_message(message: func.QueueMessage, queue: str) -> None:
    """Ends the job of a message of the stage's queue that the host gave up on, unless its step may be tried again."""
    try:
        given_up = StageMessage.from_bytes(message.get_body())
    except ValidationError:
        keep_unreadable(services(), queue, message.get_body(), *origin_of(message))
        return
    handle_poison_message(services(), given_up)


def delivery_of(message: func.QueueMessage) -> Delivery:
    """Which delivery of which message this is."""
    return Delivery(message.id or "unknown", message.dequeue_count or 1)


def origin_of(message: func.QueueMessage) -> tuple[str, datetime]:
    """The message's id, and when it came into this queue."""
    at = message.insertion_time or services().clock()
    return message.id or "unknown", at if at.tzinfo else at.replace(tzinfo=UTC)
