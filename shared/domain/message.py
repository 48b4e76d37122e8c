"""The messages in queues: what to do, never data. Readable in Storage Explorer, far below the queue's limit."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from shared.domain.stage import Stage

QUEUES = {
    Stage.DOWNLOAD: "downloads",
    Stage.TRANSCRIPTION: "transcriptions",
    Stage.TRACKING: "trackings",
    Stage.RENDITION: "renditions",
}
"""The stages' queues. Their names stand here and in the triggers only."""


class Message(Protocol):
    """Anything that can be sent."""

    @property
    def queue(self) -> str:
        """Return the queue that it belongs to."""

    def to_text(self) -> str:
        """Return the message as it stands in the queue (before the host's base64)."""

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Return the message from a queue; raise ValueError."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The means to withdraw a message that no worker has received yet."""

    queue: str
    message_id: str
    pop_receipt: str


class StepKind(StrEnum):
    """What a message asks of its stage: get ready, work on one time slice, or join the slices."""

    PREPARE = "prepare"
    PART = "part"
    MERGE = "merge"


class StageMessage(BaseModel):
    """One step of one stage of one job; `attempt` is the job's, so that messages of an earlier attempt are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    job_id: str
    org_id: str
    session_id: str
    stage: Stage
    step: StepKind
    part: int = 0
    attempt: int = 1
    traceparent: str | None = None

    @property
    def queue(self) -> str:
        """Return the stage's queue."""
        return QUEUES[self.stage]

    def to_text(self) -> str:
        """Return the message as it stands in the queue (before the host's base64)."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    @classmethod
    def from_bytes(cls, body: bytes) -> "StageMessage":
        """Return the message from a queue; raise pydantic's ValidationError."""
        return cls.model_validate_json(body)
