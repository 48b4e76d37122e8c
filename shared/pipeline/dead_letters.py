"""Keep dead letters: what was given up, so that a person can see it and requeue it.

Apart from `shared.pipeline.housekeeping.requeue`, which puts them back, because steps and tasks write them.
"""

import hashlib
import logging
from datetime import datetime

from shared.domain.dead_letter import DeadLetter
from shared.domain.ids import newest_first_id
from shared.domain.message import StageMessage
from shared.domain.task import Task, TaskMessage, TaskState
from shared.pipeline.context import Services
from shared.storage.ports import Stored
from shared.telemetry.span_ids import trace_id_of

log = logging.getLogger(__name__)

MAX_BODY_CHARS = 4000
UNREADABLE = "The message cannot be read."


def dead_letter_task(services: Services, stored: Stored[Task], reason: str, code: str | None = None) -> Stored[Task]:
    """Mark the task as failed, then keep its dead letter; raise WriteConflict when the row changed meanwhile.

    After a crash in between, the sweep looks at the row and keeps the dead letter.
    """
    now = services.clock()
    dead = stored.value.evolve(
        state=TaskState.FAILED,
        owner=None,
        last_error=reason,
        error_code=code,
        finished_at=now,
        look_at=stored.value.look_at or now,
        letter_id=services.new_id(),
    )
    written = services.storage.tasks.update(stored, dead)
    write_task_dead_letter(services, written.value)
    return written


def write_task_dead_letter(services: Services, task: Task) -> None:
    """Keep the dead letter of a failed task; doing so again changes nothing."""
    if task.letter_id is None:
        return
    message = TaskMessage(task_id=task.task_id, org_id=task.org_id, name=task.name)
    services.storage.dead_letters.keep(
        DeadLetter(
            letter_id=task.letter_id,
            queue=message.queue,
            org_id=task.org_id,
            task_id=task.task_id,
            body=message.to_text(),
            reason=task.last_error or "",
            at=task.finished_at or services.clock(),
        )
    )


def dead_letter_step(services: Services, message: StageMessage, reason: str, since: datetime) -> None:
    """Keep the message of a step that used up its attempts since that time, once for each attempt of its job."""
    step = f"{message.job_id}/{message.attempt}/{message.stage}/{message.step}/{message.part}"
    dead_letter = DeadLetter(
        letter_id=_letter_id(step, since),
        queue=message.queue,
        org_id=message.org_id,
        job_id=message.job_id,
        body=message.to_text(),
        reason=reason,
        at=services.clock(),
    )
    services.storage.dead_letters.keep(dead_letter)
    facts = {"action": "give_up", "job_id": message.job_id, "org_id": message.org_id, "queue": message.queue}
    facts["trace_id"] = trace_id_of(message.traceparent, message.job_id)
    log.error("dead letter kept", extra={**facts, "detail": reason})


def keep_unreadable(services: Services, queue: str, body: bytes, message_id: str, at: datetime) -> None:
    """Keep a message that cannot be read, and so belongs to no organisation."""
    log.error("unreadable message kept", extra={"action": "give_up", "queue": queue, "message_id": message_id})
    dead_letter = DeadLetter(
        letter_id=_letter_id(message_id, at),
        queue=queue,
        org_id="",
        body=body.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")[:MAX_BODY_CHARS],
        reason=UNREADABLE,
        at=at,
    )
    services.storage.dead_letters.keep(dead_letter)


def _letter_id(name: str, at: datetime) -> str:
    """Return the same id for the same name, so that a dead letter is kept once; ids sort newest first."""
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest())
    return newest_first_id(at, lambda bits: digest >> (256 - bits))
