"""An attempt at a step that failed, as the job's history keeps it."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import FinalError, RostrumError
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.domain.step_run import StepRun

MAX_FAILURES = 20
"""How many of a job's failed attempts are kept: the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailure:
    """What made attempt `attempt` (from 1) at a step fail, at `at`: `code` is stable, `title` the kind of failure and
    `detail` a sentence for a person; `retryable` says whether trying again can help; `job_attempt` is the job's."""

    code: str
    title: str
    detail: str
    stage: Stage
    step: StepKind
    part: int
    attempt: int
    job_attempt: int
    at: datetime
    retryable: bool

    @classmethod
    def of(cls, part: StepRun, error: Exception, at: datetime) -> "StepFailure":
        """What is said of an error of the part's latest attempt; one that is none of ours keeps its text to itself."""
        if not isinstance(error, RostrumError):
            error = RostrumError(f"An internal error ({type(error).__name__}).")
        return cls(
            code=error.code,
            title=error.title,
            detail=error.detail,
            stage=part.stage,
            step=part.step,
            part=part.number,
            attempt=part.attempts,
            job_attempt=part.job_attempt,
            at=at,
            retryable=error.retryable or not isinstance(error, FinalError),
        )

    @property
    def key(self) -> tuple[Stage, StepKind, int, int, int]:
        """What tells the attempt apart from all others of the job."""
        return self.stage, self.step, self.part, self.job_attempt, self.attempt
