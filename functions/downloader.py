"""Fetch a recording, examine it and plan its parts: the triggers of queue `downloads` and of its poison queue."""

import azure.functions as func

from functions.queue_triggers import CONNECTION, give_up_message, run_message
from shared.domain.message import QUEUES
from shared.domain.stage import Stage

blueprint = func.Blueprint()


@blueprint.queue_trigger(arg_name="message", queue_name="downloads", connection=CONNECTION)
def downloader(message: func.QueueMessage) -> None:
    """Run the step that the message, a `StageMessage` as JSON, asks for."""
    run_message(message)


@blueprint.queue_trigger(arg_name="message", queue_name="downloads-poison", connection=CONNECTION)
def downloader_poison(message: func.QueueMessage) -> None:
    """Handle a poison message: end the job in ERROR unless the step may be tried again."""
    give_up_message(message, QUEUES[Stage.DOWNLOAD])
