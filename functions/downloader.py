"""Fetches a recording, looks at it and plans its parts: the doors of queue `downloads` and of its dead letters."""

import azure.functions as func

from functions.queue_triggers import CONNECTION, give_up_message, run_message
from shared.domain.message import QUEUES
from shared.domain.stage import Stage

blueprint = func.Blueprint()


@blueprint.queue_trigger(arg_name="message", queue_name="downloads", connection=CONNECTION)
def downloader(message: func.QueueMessage) -> None:
    """Takes a `StageMessage` as JSON: `{"jobId", "orgId", "sessionId", "stage", "step", "part", "attempt"}`."""
    run_message(message)


@blueprint.queue_trigger(arg_name="message", queue_name="downloads-poison", connection=CONNECTION)
def downloader_poison(message: func.QueueMessage) -> None:
    """Takes what the host gave up on, and ends the job in ERROR."""
    give_up_message(message, QUEUES[Stage.DOWNLOAD])
