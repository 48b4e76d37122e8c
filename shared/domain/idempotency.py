"""What is known of a request that came with an idempotency key: whose it is, how far it got, and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.domain.text import LongText

STALE_AFTER = timedelta(seconds=60)
"""A claim that was not renewed for so long belongs to a process that died."""


class ClaimState(StrEnum):
    """How far the first request got: it is at work, it failed in a way that may have left something behind, or it was
    answered."""

    RUNNING = "running"
    RELEASED = "released"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """Identifiers that were chosen before anything was made, so that whoever repeats the request makes the same things:
    its job, its session, and whatever else it makes (an upload, a schedule)."""

    job_id: str
    session_id: str
    resource_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the first request was answered."""

    status: int
    headers: Mapping[str, str]
    body: LongText


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """One key of an organisation on one route. `fingerprint` tells the request apart from others; it is None while a
    long body is still arriving. `claimed_at` is renewed while the request is at work. `about` is the session, else the
    job or upload, that the request or its answer names: with it goes the answer."""

    org_id: str
    route: str
    key: str
    fingerprint: str | None
    reserved: Reserved
    claimed_at: datetime
    expires_at: datetime
    state: ClaimState = ClaimState.RUNNING
    answer: Answer | None = None
    about: str | None = None

    def evolve(self, **changes: Any) -> "IdempotencyRecord":
        """The record with some fields changed."""
        return replace(self, **changes)

    def is_at_work(self, now: datetime) -> bool:
        """Whether somebody is at work on the request, as far as can be seen."""
        return self.state is ClaimState.RUNNING and now - self.claimed_at < STALE_AFTER

    def fits(self, fingerprint: str | None) -> bool:
        """Whether a request with this fingerprint may be the one that the key belongs to."""
        return None in (fingerprint, self.fingerprint) or fingerprint == self.fingerprint
