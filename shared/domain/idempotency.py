"""Define the record of a request with an idempotency key: its organisation, its state, and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.domain.text import LongText

STALE_AFTER = timedelta(seconds=60)
"""A claim that was not renewed for so long belongs to a process that crashed."""


class ClaimState(StrEnum):
    """How far the first request got: it is at work, it failed in a way that may have left something behind, or it was
    answered."""

    RUNNING = "running"
    RELEASED = "released"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """Identifiers that were chosen before anything was made, so that a repeated request makes the same things."""

    job_id: str
    session_id: str
    resource_id: str
    """What else the request makes: an upload or a schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the first request was answered."""

    status: int
    headers: Mapping[str, str]
    body: LongText
    base: str | None = None
    """What the links in the headers and the body begin with; None in answers of earlier releases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """One key of an organisation on one route."""

    org_id: str
    route: str
    key: str
    fingerprint: str | None
    """What identifies the request's content; None while a long body is still arriving."""

    reserved: Reserved
    claimed_at: datetime
    """When the claim was last renewed; that happens while the request is at work."""

    expires_at: datetime
    state: ClaimState = ClaimState.RUNNING
    answer: Answer | None = None
    about: str | None = None
    """The session, else the job or upload, that the request or its answer names; the answer is deleted with it."""

    def evolve(self, **changes: Any) -> "IdempotencyRecord":
        """Return the record with some fields changed."""
        return replace(self, **changes)

    def is_at_work(self, now: datetime) -> bool:
        """Return whether a process is at work on the request: its claim is live."""
        return self.state is ClaimState.RUNNING and now - self.claimed_at < STALE_AFTER

    def fits(self, fingerprint: str | None) -> bool:
        """Return whether a request with this fingerprint may be the one that the key belongs to."""
        return None in (fingerprint, self.fingerprint) or fingerprint == self.fingerprint
