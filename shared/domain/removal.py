"""Define the record of a deleted session: the reason and the amount, nothing of its content."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class RemovalReason(StrEnum):
    """Why a session was deleted: a caller asked for it, or its time was over."""

    REQUEST = "request"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The removal of a session. The counts are of what was deleted."""

    removal_id: str
    org_id: str
    session_id: str
    reason: RemovalReason
    at: datetime
    """When the removal was asked for."""

    finished_at: datetime | None = None
    """When it was over; None until then."""

    jobs: int = 0
    blobs: int = 0
    size_bytes: int = 0
    """The size of the blobs."""

    rows: int = 0
    """Rows of tables."""

    messages: int = 0
    """Messages withdrawn from queues."""

    def evolve(self, **changes: Any) -> "Removal":
        """Return the removal with some fields changed."""
        return replace(self, **changes)

    def plus(
        self, *, jobs: int = 0, blobs: int = 0, size_bytes: int = 0, rows: int = 0, messages: int = 0
    ) -> "Removal":
        """Return the removal with more deleted."""
        return replace(
            self,
            jobs=self.jobs + jobs,
            blobs=self.blobs + blobs,
            size_bytes=self.size_bytes + size_bytes,
            rows=self.rows + rows,
            messages=self.messages + messages,
        )
