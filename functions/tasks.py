"""Run background tasks: the triggers of queue `tasks` and of its poison queue."""

import azure.functions as func
from pydantic import ValidationError

from functions.queue_triggers import CONNECTION, body_of, delivery_of, origin_of
from shared.domain.task import TASKS, TaskMessage
from shared.pipeline.dead_letters import keep_unreadable
from shared.pipeline.registry import job_manager
from shared.pipeline.tasks.run_task import give_up_task, run_task
from shared.wiring import services

blueprint = func.Blueprint()


@blueprint.queue_trigger(arg_name="message", queue_name="tasks", connection=CONNECTION)
def tasks(message: func.QueueMessage) -> None:
    """Run the task that a `TaskMessage` names, as JSON: `{"taskId", "orgId", "name", "send"}`."""
    run_task(services(), job_manager, TaskMessage.from_bytes(body_of(message)), delivery_of(message))


@blueprint.queue_trigger(arg_name="message", queue_name="tasks-poison", connection=CONNECTION)
def tasks_poison(message: func.QueueMessage) -> None:
    """Handle a poison message: dead-letter the task if its attempts are used up, requeue it otherwise."""
    try:
        asked = TaskMessage.from_bytes(body_of(message))
    except ValidationError:
        keep_unreadable(services(), TASKS, body_of(message), *origin_of(message))
        return
    give_up_task(services(), job_manager, asked)
