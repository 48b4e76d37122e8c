"""Describe what was given up: a message delivered in vain, or a background job's task that failed too often."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was given up."""

    letter_id: str
    queue: str
    """The queue that it came from."""

    org_id: str
    """The organisation that it belongs to; "" when it cannot be read."""

    body: str
    """The message as text."""

    reason: str
    """Why it was given up, in a sentence."""

    at: datetime
    job_id: str | None = None
    """The job that it asked to run a step of."""

    task_id: str | None = None
    """The task that it asked to run."""
