"""Define a job's statuses, and which may follow which."""

from enum import StrEnum


class JobStatus(StrEnum):
    """How far a job is, as the outside sees it."""

    CREATED = "CREATED"
    DOWNLOADED = "DOWNLOADED"
    TRANSCRIBED = "TRANSCRIBED"
    DONE = "DONE"
    ERROR = "ERROR"
    CANCELED = "CANCELED"

    @property
    def is_final(self) -> bool:
        """Return whether the job has ended: no status follows unless a client retries it."""
        return not NEXT[self]

    @property
    def may_begin_again(self) -> bool:
        """Return whether a client may retry the job."""
        return self in _ENDINGS


_ENDINGS = frozenset({JobStatus.ERROR, JobStatus.CANCELED})

NEXT: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.CREATED: _ENDINGS | {JobStatus.DOWNLOADED},
    JobStatus.DOWNLOADED: _ENDINGS | {JobStatus.TRANSCRIBED},
    JobStatus.TRANSCRIBED: _ENDINGS | {JobStatus.DONE},
    JobStatus.DONE: frozenset(),
    JobStatus.ERROR: frozenset(),
    JobStatus.CANCELED: frozenset(),
}
