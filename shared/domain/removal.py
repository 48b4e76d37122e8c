"""What is kept of a session that was deleted: that it was, why, and how much there was; nothing of its content."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class RemovalReason(StrEnum):
    """Why a session was deleted: somebody asked for it, or its time was over."""

    REQUEST = "request"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The removal of a session: asked for at `at`, and over at `finished_at`, None while something is at work on it.

    The counts are of what was deleted: jobs, blobs and their bytes, rows of tables, and messages taken from queues.
    """

    removal_id: str
    org_id: str
    session_id: str
    reason: RemovalReason
    at: datetime
    finished_at: datetime | None = None
    jobs: int = 0
    blobs: int = 0
    size_bytes: int = 0
    rows: int = 0
    messages: int = 0

    def evolve(self, **changes: Any) -> "Removal":
        """The removal with some fields changed."""
        return replace(self, **changes)

    def plus(
        self, *, jobs: int = 0, blobs: int = 0, size_bytes: int = 0, rows: int = 0, messages: int = 0
    ) -> "Removal":
        """The removal with more deleted."""
        return replace(
            self,
            jobs=self.jobs + jobs,
            blobs=self.blobs + blobs,
            size_bytes=self.size_bytes + size_bytes,
            rows=self.rows + rows,
            messages=self.messages + messages,
        )
