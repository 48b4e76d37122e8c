"""Describe a version of a transcript that people made, and how far a transcript is corrected.

Version 0 is the machine's, and has no row.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class ReviewState(StrEnum):
    """How far a transcript is corrected."""

    AUTO = "auto"
    """As the machine wrote it, or given back to the machine: a new run may replace it."""
    IN_CORRECTION = "inCorrection"
    REVIEWED = "reviewed"


class VersionKind(StrEnum):
    """What made a version."""

    MACHINE = "machine"
    EDIT = "edit"
    IMPORT = "import"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptVersion:
    """A version of the transcript that a job made. Its text is a blob; a blob that no row names is no version."""

    org_id: str
    session_id: str
    job_id: str
    version: int
    created_at: datetime
    state: ReviewState
    """The state in which the version was left."""

    changed_words: int
    """How many words differ from the version before."""

    token: int
    """A random number in the name of the version's blob, so that two editors never write the same blob."""

    next_segment_id: int
    """The first segment id that no version up to this one has had."""

    kind: VersionKind = VersionKind.EDIT
    by: str | None = None
    """The caller that made it, as its token names it."""

    def evolve(self, *, state: ReviewState) -> "TranscriptVersion":
        """Return the version in another state."""
        return replace(self, state=state)
