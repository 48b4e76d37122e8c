"""Run background tasks: the triggers of queues `tasks` and `webhooks`, and of their poison queues."""

import azure.functions as func
from pydantic import ValidationError

from functions.queue_triggers import CONNECTION, body_of, delivery_of, origin_of
from shared.domain.task import TASKS, WEBHOOKS, TaskMessage
from shared.pipeline.dead_letters import keep_unreadable
from shared.pipeline.registry import job_manager
from shared.pipeline.tasks.dispatch import forwarded
from shared.pipeline.tasks.run_task import give_up_task, run_task
from shared.wiring import services

blueprint = func.Blueprint()


@blueprint.queue_trigger(arg_name="message", queue_name="tasks", connection=CONNECTION)
def tasks(message: func.QueueMessage) -> None:
    """Run the task that a `TaskMessage` names, as JSON: `{"taskId", "orgId", "name", "send"}`."""
    _run(message, TASKS)


@blueprint.queue_trigger(arg_name="message", queue_name="webhooks", connection=CONNECTION)
def webhooks(message: func.QueueMessage) -> None:
    """Deliver the webhook that a `TaskMessage` names; apart, because the servers of callers may be slow."""
    _run(message, WEBHOOKS)


@blueprint.queue_trigger(arg_name="message", queue_name="tasks-poison", connection=CONNECTION)
def tasks_poison(message: func.QueueMessage) -> None:
    """Handle a poison message: dead-letter the task if its attempts are used up, requeue it otherwise."""
    _give_up(message, TASKS)


@blueprint.queue_trigger(arg_name="message", queue_name="webhooks-poison", connection=CONNECTION)
def webhooks_poison(message: func.QueueMessage) -> None:
    """Handle a poison message: dead-letter the webhook if its attempts are used up, requeue it otherwise."""
    _give_up(message, WEBHOOKS)


def _run(message: func.QueueMessage, queue: str) -> None:
    asked = TaskMessage.from_bytes(body_of(message))
    if not forwarded(services(), asked, queue):
        run_task(services(), job_manager, asked, delivery_of(message))


def _give_up(message: func.QueueMessage, queue: str) -> None:
    try:
        asked = TaskMessage.from_bytes(body_of(message))
    except ValidationError:
        keep_unreadable(services(), queue, body_of(message), *origin_of(message))
        return
    give_up_task(services(), job_manager, asked)
