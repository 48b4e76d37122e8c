"""Keeping what was given up, so that a person can see it and put it back (`shared.pipeline.requeue`)."""

import hashlib
import logging
from datetime import datetime

from shared.domain.dead_letter import DeadLetter
from shared.domain.errors import NotFound, StageExhausted, WriteConflict
from shared.domain.ids import newest_first_id
from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.domain.task import TASKS, Task, TaskMessage, TaskState
from shared.job_status import JobStatus
from shared.pipeline.run_step import give_up
from shared.pipeline.services import Services
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

MAX_BODY_CHARS = 4000
UNREADABLE = "The message cannot be read."


def bury_task(services: Services, stored: Stored[Task], reason: str) -> bool:
    """The task is dead: its row says so, then its letter is kept; False when someone else changed the row meanwhile.

    Whoever dies in between leaves a row that the sweep looks at, and keeps the letter of.
    """
    now = services.clock()
    dead = stored.value.evolve(
        state=TaskState.FAILED, owner=None, last_error=reason, finished_at=now, letter_id=services.new_id()
    )
    try:
        buried = services.storage.tasks.update(stored, dead)
    except WriteConflict:
        return False
    keep_task_letter(services, buried.value)
    return True


def keep_task_letter(services: Services, task: Task) -> None:
    """Keeps a dead task's letter, once however often it is asked to."""
    if task.letter_id is None:
        return
    message = TaskMessage(task_id=task.task_id, org_id=task.org_id, name=task.name)
    services.storage.dead_letters.keep(
        DeadLetter(
            letter_id=task.letter_id,
            queue=TASKS,
            org_id=task.org_id,
            task_id=task.task_id,
            body=message.to_text(),
            reason=task.last_error or "",
            at=task.finished_at or services.clock(),
        )
    )


def bury_step(services: Services, message: StageMessage, message_id: str, at: datetime) -> None:
    """Ends the job of a message that the host delivered in vain `at` this time, and keeps its letter if it did end of
    that; doing so again keeps no second one."""
    give_up(services, message)
    job = _job(services, message)
    if job is None or job.status is not JobStatus.ERROR or job.attempt != message.attempt or job.error is None:
        return
    if (job.error.stage, job.error.code) != (message.stage, StageExhausted.code):
        return
    services.storage.dead_letters.keep(
        DeadLetter(
            letter_id=_letter_id(message_id, at),
            queue=message.queue,
            org_id=message.org_id,
            job_id=message.job_id,
            body=message.to_text(),
            reason=job.error.detail,
            at=at,
        )
    )


def keep_unreadable(services: Services, queue: str, body: bytes, message_id: str, at: datetime) -> None:
    """Keeps a message of which nobody knows whose it is."""
    log.error("unreadable message kept", extra={"action": "give_up", "queue": queue, "message_id": message_id})
    letter = DeadLetter(
        letter_id=_letter_id(message_id, at),
        queue=queue,
        org_id="",
        body=body.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")[:MAX_BODY_CHARS],
        reason=UNREADABLE,
        at=at,
    )
    services.storage.dead_letters.keep(letter)


def _job(services: Services, message: StageMessage) -> Job | None:
    try:
        return services.storage.jobs.get(message.org_id, message.job_id).value
    except NotFound:
        return None


def _letter_id(message_id: str, at: datetime) -> str:
    """The same for the same message, so that a letter is kept once; newest first."""
    digest = int.from_bytes(hashlib.sha256(message_id.encode()).digest())
    return newest_first_id(at, lambda bits: digest >> (256 - bits))
