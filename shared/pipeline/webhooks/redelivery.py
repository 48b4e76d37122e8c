"""Deliver a job's end once more on request; one redelivery of an end waits at a time.

Apart from `announce`, because a request can be repeated, and refused. A redelivery is a task with a number: the number
is the lowest whose task is not over, so that of two requests at once only one creates the task.
"""

from itertools import count

from shared.domain.errors import Conflict, NotFound, RedeliveryWaiting
from shared.domain.job import Job
from shared.domain.task import Task
from shared.domain.webhook import DeliveryState, WebhookDelivery
from shared.pipeline.context import Services
from shared.pipeline.webhooks.announce import deliver_webhook
from shared.pipeline.webhooks.news import webhook_id_of


def redeliver_webhook(services: Services, org_id: str, job_id: str, redelivery_id: str) -> str:
    """Deliver the job's end once more; return the `webhook-id`, which is that of the first time.

    Idempotent with the same `redelivery_id`.

    Raises:
        NotFound: There is no such job.
        Conflict: The job has no callbackUrl, or has not ended.
        RedeliveryWaiting: An earlier redelivery of this end is not over.
    """
    job = services.storage.jobs.get(org_id, job_id).value
    if job.callback_url is None:
        raise Conflict("The job has no callbackUrl.")
    if not job.is_final:
        raise Conflict(f"The job has not ended yet: it is {job.status}.")
    over = _over(services, job)
    for number in count(max(0, len(over) - 1)):  # the latest that is over may be this request's
        task_id = redelivery_task_id(job.job_id, job.attempt, number)
        task = _find(services, task_id)
        if task is None and task_id not in over:
            task = deliver_webhook.using(services, task_id=task_id).delay(org_id, job_id, job.attempt, redelivery_id)
        if task is not None and task.arguments.get("redelivery_id") == redelivery_id:
            break
        if task is not None and not task.is_over and task_id not in over:
            raise RedeliveryWaiting("A redelivery of this job's end is waiting already; it has to end first.")
    return webhook_id_of(job.job_id, job.attempt)


def redelivery_task_id(job_id: str, attempt: int, number: int) -> str:
    """Return the id of the task of redelivery `number` (from 0) of the end of a job's attempt."""
    return f"redelivery-{job_id}-{attempt}-{number}"


def _over(services: Services, job: Job) -> set[str]:
    """Return the tasks of redeliveries of the end of the job's present attempt that are over, by the log."""
    prefix = redelivery_task_id(job.job_id, job.attempt, 0).removesuffix("0")
    found = services.storage.deliveries.of_job(job.job_id)
    return {each.task_id for each in found if each.task_id.startswith(prefix) and _ends_task(each)}


def _ends_task(delivery: WebhookDelivery) -> bool:
    return delivery.was_last or delivery.state is DeliveryState.DELIVERED


def _find(services: Services, task_id: str) -> Task | None:
    try:
        return services.storage.tasks.get(task_id).value
    except NotFound:
        return None
