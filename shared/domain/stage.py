"""The stages of a job and how far each is."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.domain.cost import StageCost
from shared.domain.expectation import Expectation


class Stage(StrEnum):
    """A kind of work, with a queue of its own."""

    DOWNLOAD = "download"
    TRANSCRIPTION = "transcription"
    TRACKING = "tracking"
    RENDITION = "rendition"


class StageState(StrEnum):
    """Where a stage, or a step of it, stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_over(self) -> bool:
        """Return whether the stage needs no more work for the job to be done."""
        return self in (StageState.DONE, StageState.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgress:
    """How far a stage is."""

    state: StageState = StageState.WAITING
    progress: float = 0.0
    """How much of the stage is done, from 0 to 1."""

    parts: int = 1
    parts_done: int = 0
    attempts: int = 0
    """How often the step that needed most attempts was begun."""

    started_at: datetime | None = None
    finished_at: datetime | None = None
    reason: str | None = None
    """Why the stage was skipped or failed, in a sentence."""

    cost: StageCost = field(default_factory=StageCost)
    expected: Expectation | None = None
    """How long it was expected to take when the job was planned."""
