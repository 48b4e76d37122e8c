"""The stages of a job and how far each is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
        """Whether the stage needs no more work for the job to be done."""
        return self in (StageState.DONE, StageState.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgress:
    """How far a stage is: `progress` from 0 to 1, `attempts` how often the step that needed most of them was begun,
    `reason` why it was skipped or failed."""

    state: StageState = StageState.WAITING
    progress: float = 0.0
    parts: int = 1
    parts_done: int = 0
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    reason: str | None = None
