"""One step of a stage as a row of its own: which worker works on it, how far it is, and when its message was sent.

Apart from the job, because every step is claimed, renewed and settled by itself.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from shared.domain.cost import Cost
from shared.domain.lease import LeasedRow
from shared.domain.message import Receipt, StepKind
from shared.domain.stage import Stage, StageState

STEPS: dict[Stage, tuple[StepKind, ...]] = {
    Stage.DOWNLOAD: (StepKind.PART,),
    Stage.TRANSCRIPTION: (StepKind.PART, StepKind.MERGE),
    Stage.TRACKING: (StepKind.PREPARE, StepKind.PART, StepKind.MERGE),
    Stage.RENDITION: (StepKind.PART, StepKind.MERGE),
}
"""The steps of each stage, in the order in which they happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun(LeasedRow):
    """A step's row."""

    RUNNING: ClassVar[StrEnum] = StageState.RUNNING
    WAITING: ClassVar[StrEnum] = StageState.WAITING

    job_id: str
    stage: Stage
    step: StepKind
    number: int
    """Which part of the step this is, from 0; 0 for steps that have only one."""

    job_attempt: int = 1
    """The job's attempt that the row tells of."""

    state: StageState = StageState.WAITING
    progress: float = 0.0
    """How much of the step is done, from 0 to 1."""

    receipt: Receipt | None = None
    """What withdraws the latest message."""

    blocked: bool = field(default=False, metadata={"column": "waits"})
    """Whether the step waits until what it needs was made again."""

    started_at: datetime | None = None
    finished_at: datetime | None = None
    cost: Cost = field(default_factory=Cost)
    """What all attempts at the step cost, of all attempts of the job, its messages included."""

    def in_attempt(self, job_attempt: int) -> "StepRun":
        """Return the row as this attempt of the job finds it: what is done stays done, everything else but its cost
        begins anew."""
        if self.state is StageState.DONE or self.job_attempt >= job_attempt:
            return self
        return StepRun(
            job_id=self.job_id,
            stage=self.stage,
            step=self.step,
            number=self.number,
            job_attempt=job_attempt,
            cost=self.cost,
        )
