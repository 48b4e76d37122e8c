"""Turns sound into text: the doors of queue `transcriptions` and of its dead letters."""

import azure.functions as func

from functions.queue_triggers import CONNECTION, give_up_message, run_message
from shared.domain.message import QUEUES
from shared.domain.stage import Stage

blueprint = func.Blueprint()


@blueprint.queue_trigger(arg_name="message", queue_name="transcriptions", connection=CONNECTION)
def transcription(message: func.QueueMessage) -> None:
    """Takes a `StageMessage` as JSON: `{"jobId", "orgId", "sessionId", "stage", "step", "part", "attempt"}`."""
    run_message(message)


@blueprint.queue_trigger(arg_name="message", queue_name="transcriptions-poison", connection=CONNECTION)
def transcription_poison(message: func.QueueMessage) -> None:
    """Takes what the host gave up on, and ends the job in ERROR."""
    give_up_message(message, QUEUES[Stage.TRANSCRIPTION])
