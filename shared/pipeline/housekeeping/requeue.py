"""Requeue dead letters: retry a failed job, restart a dead task, send a message again.

Each is done before its dead letter is deleted. A crash in between leaves a dead letter without a point, which the next
call deletes.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from pydantic import ValidationError

from shared.domain.dead_letter import DeadLetter
from shared.domain.errors import Conflict, FinalError, NotFound, WriteConflict
from shared.domain.message import QUEUES, StageMessage
from shared.domain.task import TASK_QUEUES, TaskMessage, TaskState
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.pipeline.jobs.submit import retry_job
from shared.pipeline.tasks.dispatch import restart_task
from shared.storage.ports import Received, poison_queue

log = logging.getLogger(__name__)

QUEUE_NAMES = (*QUEUES.values(), *TASK_QUEUES)

RECEIVE_AT_ONCE = 32
MAX_RECEIVED = 640
"""Messages of the poison queue that one call reads."""

HIDDEN_FOR = timedelta(minutes=1)

Parse = Callable[[bytes], StageMessage | TaskMessage]


def requeue_dead_letters(services: Services, org_id: str, queue: str) -> int:
    """Requeue the organisation's dead letters of a queue; return the number of those that still had a point.

    Raise NotFound for an unknown queue, and StorageFull.
    """
    require_queue(queue)
    requeued = _put_back(services, org_id, queue)
    for stored in services.storage.dead_letters.of_queue(org_id, queue):
        try:
            requeued += _revive(services, stored.value)
        except FinalError as error:  # it could only fail again: the dead letter stays until that has changed
            facts = {"action": "requeue", "job_id": stored.value.job_id, "code": error.code}
            log.warning("dead letter stays", extra=facts)
            continue
        services.storage.dead_letters.delete(stored)
    log.info("dead letters put back", extra={"action": "requeue", "org_id": org_id, "queue": queue, "count": requeued})
    return requeued


def require_queue(queue: str) -> None:
    """Raise NotFound for an unknown queue."""
    if queue not in QUEUE_NAMES:
        raise NotFound(f"There is no queue {queue[:64]}; there are {', '.join(QUEUE_NAMES)}.")


def _revive(services: Services, letter: DeadLetter) -> bool:
    """Revive what the dead letter is about; return False if that has moved on since."""
    try:
        return _begin_afresh(services, letter) if letter.task_id is not None else _try_again(services, letter)
    except NotFound:
        return False


def _begin_afresh(services: Services, letter: DeadLetter) -> bool:
    stored = services.storage.tasks.get(letter.task_id or "")
    if stored.value.state is not TaskState.FAILED or stored.value.letter_id != letter.letter_id:
        return False
    with suppress(WriteConflict):  # another call was quicker
        restart_task(services, stored)
        return True
    return False


def _try_again(services: Services, letter: DeadLetter) -> bool:
    if letter.job_id is None:
        return False
    message = StageMessage.from_bytes(letter.body.encode())
    job = services.storage.jobs.get(letter.org_id, letter.job_id).value
    if job.status is not JobStatus.ERROR or job.attempt != message.attempt:
        return False
    try:
        retry_job(services, letter.org_id, letter.job_id)
    except Conflict:
        return False  # another caller was quicker
    return True


def _put_back(services: Services, org_id: str, queue: str) -> int:
    """Send the organisation's messages that still lie in the poison queue; leave the rest there.

    A task's message goes to the queue that its job has in this release.
    """
    parse: Parse = TaskMessage.from_bytes if queue in TASK_QUEUES else StageMessage.from_bytes
    queues, sent, others = services.storage.queues, 0, list[Received]()
    for _ in range(MAX_RECEIVED // RECEIVE_AT_ONCE):
        received = queues.receive(poison_queue(queue), RECEIVE_AT_ONCE, HIDDEN_FOR)
        for each in received:
            message = _parsed(parse, each.body)
            if message is None or message.org_id != org_id or not _belongs(message, queue):
                others.append(each)
                continue
            queues.send(message)
            queues.withdraw(each.receipt)
            sent += 1
        if not received:
            break
    for each in others:
        queues.release(each.receipt)
    return sent


def _belongs(message: StageMessage | TaskMessage, queue: str) -> bool:
    return isinstance(message, TaskMessage) or message.queue == queue


def _parsed(parse: Parse, body: bytes) -> StageMessage | TaskMessage | None:
    try:
        return parse(body)
    except ValidationError:
        return None
