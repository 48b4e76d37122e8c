"""One step of a stage as a row of its own: who works on it, how far it is, and when it was last asked for."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain.message import Receipt, StepKind
from shared.domain.stage import Stage, StageState


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """A step's row. `owner` names the delivery that works on it (message id and dequeue count); `progress` is 0 to 1;
    `sends` counts the messages sent for it since it last rested, `sent_at` is when the last one can be received and
    `receipt` what withdraws it; `waits` says that it is asked for when what it needs was made again; `job_attempt` is
    the job's attempt that the row tells of; `last_error` is what made the latest delivery fail, in a sentence."""

    job_id: str
    stage: Stage
    step: StepKind
    number: int
    job_attempt: int = 1
    state: StageState = StageState.WAITING
    owner: str | None = None
    progress: float = 0.0
    attempts: int = 0
    sends: int = 0
    sent_at: datetime | None = None
    receipt: Receipt | None = None
    waits: bool = False
    heartbeat_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    last_error: str | None = None

    def evolve(self, **changes: Any) -> "StepRun":
        """The part with some fields changed."""
        return replace(self, **changes)

    def in_attempt(self, job_attempt: int) -> "StepRun":
        """The part as this attempt of the job finds it: what is done stays done, everything else begins anew."""
        if self.state is StageState.DONE or self.job_attempt >= job_attempt:
            return self
        return StepRun(
            job_id=self.job_id, stage=self.stage, step=self.step, number=self.number, job_attempt=job_attempt
        )

    def lease_is_live(self, now: datetime, stale_after: timedelta) -> bool:
        """Whether somebody works on the part, and was heard of within `stale_after`. A sign of life from as far
        ahead is none either: then the clock was put back, and whoever lives gives another one in a moment."""
        return self.state is StageState.RUNNING and abs(now - (self.heartbeat_at or now)) < stale_after
