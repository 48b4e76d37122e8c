"""A background job's call as a row of its own, and the message that asks for it. The row is the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

TASKS = "tasks"
"""The queue of background jobs. Its name stands here and in the trigger, nowhere else."""


class TaskState(StrEnum):
    """Where a task stands; one that is done leaves no row, unless `Task.once`."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One call of a background job.

    `org_id` is "" when it is nobody's in particular. `arguments` go by the function's parameter names. `once` says that
    its creator chose the id, so that creating it again does nothing: such a row outlives the task for a while.
    `due_at` is when the next attempt may begin; `attempts` counts those that began. `owner` names the delivery that
    works on it (message id and dequeue count). `sends` counts the messages for this attempt, `sent_at` is the last
    one's time. The sweep looks at the task at `look_at`; None: never again. `letter_id` names its dead letter.
    """

    task_id: str
    name: str
    created_at: datetime
    due_at: datetime
    org_id: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    once: bool = False
    state: TaskState = TaskState.WAITING
    attempts: int = 0
    sends: int = 0
    sent_at: datetime | None = None
    look_at: datetime | None = None
    owner: str | None = None
    heartbeat_at: datetime | None = None
    finished_at: datetime | None = None
    last_error: str | None = None
    letter_id: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nobody is to run it."""
        return self.state in (TaskState.DONE, TaskState.FAILED)

    def evolve(self, **changes: Any) -> "Task":
        """The task with some fields changed."""
        return replace(self, **changes)


class TaskMessage(BaseModel):
    """Asks for one attempt at a task; `send` tells which of the attempt's messages it is."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    task_id: str
    org_id: str = ""
    name: str
    send: int = 1

    @property
    def queue(self) -> str:
        """The queue of background jobs."""
        return TASKS

    def to_text(self) -> str:
        """The message as it stands in the queue (before the host's base64)."""
        return self.model_dump_json(by_alias=True)

    @classmethod
    def from_bytes(cls, body: bytes) -> "TaskMessage":
        """The message from a queue; raises pydantic's ValidationError."""
        return cls.model_validate_json(body)
