"""A background job's call as a row of its own, and the message that asks for it. The row is the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from shared.domain.lease import LeasedRow

TASKS = "tasks"
"""The queue of background jobs. Its name stands here and in the trigger only."""

WEBHOOKS = "webhooks"
"""The queue of the background job that waits for servers of callers, so that no other job waits behind it."""

TASK_QUEUES = (TASKS, WEBHOOKS)

_OWN_QUEUES = {"deliver_webhook": WEBHOOKS}

SERVICE = ""
"""The organisation of what belongs to the service itself, such as its clean-up and messages that cannot be read."""


def queue_of_task(name: str) -> str:
    """Return the queue of the background job that is registered under this name."""
    return _OWN_QUEUES.get(name, TASKS)


class TaskState(StrEnum):
    """Where a task stands; a task that is done leaves no row, unless `Task.once`."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(LeasedRow):
    """One call of a background job."""

    RUNNING: ClassVar[StrEnum] = TaskState.RUNNING
    WAITING: ClassVar[StrEnum] = TaskState.WAITING

    task_id: str
    name: str
    """The background job's registered name."""

    created_at: datetime
    due_at: datetime
    """When the next attempt may begin."""

    org_id: str = ""
    """The organisation that the task belongs to; "" for tasks of the service itself."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    """The call's arguments by the function's parameter names."""

    once: bool = False
    """Whether its creator chose the id, so that creating it again does nothing: such a row outlives the task for a
    while."""

    state: TaskState = TaskState.WAITING
    look_at: datetime | None = None
    """When the sweep looks at the task; None for a running task, which every sweep looks at, and for one that is over.
    """

    error_code: str | None = None
    """The code of the latest error; `internal_error` for one whose text is for operators only."""

    finished_at: datetime | None = None
    letter_id: str | None = None
    """The name of its dead letter."""

    @property
    def is_over(self) -> bool:
        """Return whether the task is never to run again."""
        return self.state in (TaskState.DONE, TaskState.FAILED)


class TaskMessage(BaseModel):
    """Asks for one attempt at a task."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    task_id: str
    org_id: str = ""
    name: str
    send: int = 1
    """Which of the attempt's messages it is, from 1."""

    @property
    def queue(self) -> str:
        """Return the queue of its background job."""
        return queue_of_task(self.name)

    def to_text(self) -> str:
        """Return the message as it stands in the queue (before the host's base64)."""
        return self.model_dump_json(by_alias=True)

    @classmethod
    def from_bytes(cls, body: bytes) -> "TaskMessage":
        """Return the message from a queue; raise pydantic's ValidationError."""
        return cls.model_validate_json(body)
