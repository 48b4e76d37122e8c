"""What was given up: a message that the host delivered in vain, or a background job's task that failed too often."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message's `body` as text, from which `queue`, whose it was ("" when it cannot be read), what it asked for (a
    job's step or a task), and the `reason` for giving up, in a sentence."""

    letter_id: str
    queue: str
    org_id: str
    body: str
    reason: str
    at: datetime
    job_id: str | None = None
    task_id: str | None = None
