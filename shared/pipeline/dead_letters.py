"""Keeping what was given up, so that a person can see it and put it back (`shared.pipeline.housekeeping.requeue`)."""

import hashlib
import logging
from datetime import datetime

from shared.domain.dead_letter import DeadLetter
from shared.domain.errors import WriteConflict
from shared.domain.ids import newest_first_id
from shared.domain.message import StageMessage
from shared.domain.task import TASKS, Task, TaskMessage, TaskState
from shared.pipeline.context import Services
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

MAX_BODY_CHARS = 4000
UNREADABLE = "The message cannot be read."


def dead_letter_task(services: Services, stored: Stored[Task], reason: str) -> bool:
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
    write_task_dead_letter(services, buried.value)
    return True


def write_task_dead_letter(services: Services, task: Task) -> None:
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


def dead_letter_step(services: Services, message: StageMessage, reason: str, since: datetime) -> None:
    """Keeps the message of a step that was tried too often `since` then, once for each attempt of its job."""
    step = f"{message.job_id}/{message.attempt}/{message.stage}/{message.step}/{message.part}"
    letter = DeadLetter(
        letter_id=_letter_id(step, since),
        queue=message.queue,
        org_id=message.org_id,
        job_id=message.job_id,
        body=message.to_text(),
        reason=reason,
        at=services.clock(),
    )
    services.storage.dead_letters.keep(letter)


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


def _letter_id(name: str, at: datetime) -> str:
    """The same for the same name, so that a letter is kept once; newest first."""
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest())
    return newest_first_id(at, lambda bits: digest >> (256 - bits))
