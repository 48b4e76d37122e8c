"""Keep every row of the jobs that a benchmark runs, so that what is computed from rows can be replayed.

Apart from the benchmark of estimates, because it says nothing of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from shared.domain.job import Job
from shared.domain.recording import Recording
from shared.storage.memory import MemoryStorage
from shared.storage.ports import Storage, Stored


@dataclass(frozen=True)
class JobRows:
    """One job that is done: its row after each change."""

    name: str
    """The kind of its recording."""
    recording: Recording
    rows: Sequence[Job]

    @property
    def took_sec(self) -> float:
        """Return the seconds from the beginning of its first step to its end."""
        job = self.rows[-1]
        assert job.started_at is not None
        assert job.finished_at is not None
        return (job.finished_at - job.started_at).total_seconds()


class RecordedJobs:
    """A store of jobs that keeps each row which is written."""

    def __init__(self, real: object) -> None:
        self._real: Any = real
        self.rows: list[Job] = []

    def update(self, stored: Stored[Job], job: Job) -> Stored[Job]:
        """Replace the row as the real store does, and keep it."""
        updated: Stored[Job] = self._real.update(stored, job)
        self.rows.append(updated.value)
        return updated

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def recorded(storage: MemoryStorage) -> tuple[Storage, RecordedJobs]:
    """Return the storage with a store of jobs that keeps rows, and that store."""
    jobs = RecordedJobs(storage.jobs)
    stores = {field.name: getattr(storage, field.name) for field in fields(Storage)}
    return Storage(**stores | {"jobs": jobs}), jobs
