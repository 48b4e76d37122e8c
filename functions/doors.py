"""What every stage's doors do: read the message, call the use case."""

import logging

import azure.functions as func
from pydantic import ValidationError

from shared.domain.message import StageMessage
from shared.pipeline.run_step import Delivery, give_up, run_step
from shared.wiring import services

log = logging.getLogger(__name__)

CONNECTION = "AzureWebJobsStorage"


def run_message(message: func.QueueMessage) -> None:
    """Runs the step that a queue's message asks for; what it raises makes the host deliver the message again."""
    delivery = Delivery(message.id or "unknown", message.dequeue_count or 1)
    run_step(services(), StageMessage.from_bytes(message.get_body()), delivery)


def give_up_message(message: func.QueueMessage) -> None:
    """Ends the job of a dead letter; one that cannot be read belongs to no job and is only logged."""
    try:
        given_up = StageMessage.from_bytes(message.get_body())
    except ValidationError:
        log.exception("unreadable message dropped", extra={"action": "give_up", "message_id": message.id})
        return
    give_up(services(), given_up)
