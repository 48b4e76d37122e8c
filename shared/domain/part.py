"""One step of a stage as a row of its own: who works on it, how far it is, and when it was last asked for."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.domain.message import Step
from shared.domain.stage import Stage, StageState


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A step's row. `owner` names the delivery that works on it (message id and dequeue count); `progress` is 0 to 1;
    `sends` counts the messages sent for it since it last rested, `sent_at` the last one's time;
    `last_error` is what made the latest delivery fail, in a sentence."""

    job_id: str
    stage: Stage
    step: Step
    number: int
    state: StageState = StageState.WAITING
    owner: str | None = None
    progress: float = 0.0
    attempts: int = 0
    sends: int = 0
    sent_at: datetime | None = None
    heartbeat_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    last_error: str | None = None

    def evolve(self, **changes: Any) -> "Part":
        """The part with some fields changed."""
        return replace(self, **changes)
