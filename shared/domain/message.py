"""The messages between stages: what to do, never data. Readable in Storage Explorer, far below the queue's limit."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from shared.domain.stage import Stage


class Step(StrEnum):
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
    step: Step
    part: int = 0
    attempt: int = 1
    traceparent: str | None = None

    def to_text(self) -> str:
        """The message as it stands in the queue (before the host's base64)."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    @classmethod
    def from_bytes(cls, body: bytes) -> "StageMessage":
        """The message from a queue; raises pydantic's ValidationError."""
        return cls.model_validate_json(body)
