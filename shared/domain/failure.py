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
    """A failed attempt at a step."""

    code: str
    """The stable name of the kind of failure."""

    title: str
    """The kind of failure, for a person."""

    detail: str
    """What happened, in a sentence for a person."""

    stage: Stage
    step: StepKind
    part: int
    attempt: int
    """Which attempt at the step failed, from 1."""

    job_attempt: int
    """The job's attempt that it belongs to."""

    at: datetime
    retryable: bool
    """Whether trying again can help."""

    @classmethod
    def of(cls, run: StepRun, error: Exception, at: datetime) -> "StepFailure":
        """Return what is kept of an error of the step's latest attempt; the text of a foreign error is not."""
        if not isinstance(error, RostrumError):
            error = RostrumError(f"An internal error ({type(error).__name__}).")
        return cls(
            code=error.code,
            title=error.title,
            detail=error.detail,
            stage=run.stage,
            step=run.step,
            part=run.number,
            attempt=run.attempts,
            job_attempt=run.job_attempt,
            at=at,
            retryable=error.retryable or not isinstance(error, FinalError),
        )

    @property
    def key(self) -> tuple[Stage, StepKind, int, int, int]:
        """Return what tells the attempt apart from all other attempts of the job."""
        return self.stage, self.step, self.part, self.job_attempt, self.attempt
