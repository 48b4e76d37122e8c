"""Declare the stores of jobs: their rows with the event logs, and the rows of their steps."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias

from shared.domain.event import Event
from shared.domain.job import Job
from shared.domain.pace import Pace
from shared.domain.stage import Stage
from shared.domain.step_run import StepRun
from shared.domain.turns import ActiveJob
from shared.job_status import JobStatus
from shared.storage.ports.stored import Page, Stored

ChooseJobs: TypeAlias = Callable[[Sequence[ActiveJob]], Iterable[ActiveJob]]


class PaceStore(Protocol):
    """What earlier jobs tell of the pace of each kind of work."""

    def all(self) -> Mapping[str, Stored[Pace]]:
        """Return every readable row by its kind, in one request."""

    def create(self, pace: Pace) -> None:
        """Insert the row; raise WriteConflict when there is one of its kind."""

    def update(self, stored: Stored[Pace], pace: Pace) -> None:
        """Replace the row; raise WriteConflict when it was changed since it was read."""


class JobStore(Protocol):
    """Jobs and their event logs."""

    def create(self, job: Job) -> Stored[Job]:
        """Insert the job, whose row is its first event; raise WriteConflict when the id is taken, and InvalidRequest
        when the options are longer than a row can hold (32,768 characters of JSON)."""

    def get(self, org_id: str, job_id: str) -> Stored[Job]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[Job], job: Job) -> Stored[Job]:
        """Replace the job; raise WriteConflict when it was changed since it was read.

        The event that `stored` is goes to the log first, so that a crash in between leaves no gap; the row is the
        latest event. A job that ended is no longer active; one that begins again is. Raise NotFound when the row was
        deleted.
        """

    def page(
        self,
        org_id: str,
        *,
        limit: int,
        cursor: str | None = None,
        session_id: str | None = None,
        active: bool | None = None,
        status: JobStatus | None = None,
    ) -> Page[Job]:
        """Return an organisation's jobs that fit all that is asked, newest first; raise InvalidRequest for a cursor
        that is none of ours. Jobs that are added meanwhile do not shift the pages that follow."""

    def all_active(self, choose: ChooseJobs = iter) -> Iterator[Job]:
        """Return every organisation's jobs that have not ended, and mend the index rows of writers that crashed.

        `choose` is handed the whole index; only the jobs that it returns are given, in random order. Many jobs of an
        organisation are read in one query before the first is given, so that a job may have changed since.
        """

    def active(self, org_id: str) -> Sequence[ActiveJob]:
        """Return what the index knows of the organisation's active jobs, in one query.

        It may be behind a job after a writer crashed, until `all_active` has passed by.
        """

    def active_sequences(self, org_id: str) -> Mapping[str, int]:
        """Return the number of the latest event of each of the organisation's active jobs, by job id, in one query.

        The number may be too low after a writer crashed, until `all_active` has passed by.
        """

    def unfinished(self, org_id: str) -> Iterator[Job]:
        """Return the organisation's jobs that have not ended, newest first, in one query over its rows."""

    def count_by_status(self, org_id: str) -> Mapping[JobStatus, int]:
        """Return the number of the organisation's jobs in each status; read that column of all its rows."""

    def events(self, org_id: str, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """Return up to `limit` events with a number above `after`, in order, to the job's latest if the limit
        allows; raise NotFound. There is no gap unless a row cannot be read."""

    def ids_of_session(self, org_id: str, session_id: str) -> Sequence[str]:
        """Return the session's jobs, newest first, with those that were half made or half deleted."""

    def delete(self, org_id: str, session_id: str, job_id: str) -> int:
        """Delete the job's rows and its event log, last of all the row that `ids_of_session` finds it by.

        Return the number of rows.
        """


class StepRunStore(Protocol):
    """The steps of jobs."""

    def create(self, part: StepRun) -> Stored[StepRun]:
        """Insert the step, or return the row that is there."""

    def get(self, part: StepRun) -> Stored[StepRun]:
        """Return the row of the step with the same job, stage, step and number; raise NotFound."""

    def update(self, stored: Stored[StepRun], part: StepRun) -> Stored[StepRun]:
        """Replace the step; raise WriteConflict when it was changed since it was read."""

    def of_job(self, job_id: str, stage: Stage | None = None) -> Sequence[Stored[StepRun]]:
        """Return all steps of a job, or of one of its stages, by stage and step in the order in which they happen, and
        by number; raise RowOfLaterRelease or UnreadableRow when one cannot be read."""

    def has_open_part(self, job_id: str, stage: Stage) -> bool:
        """Return whether the stage has a part with a row that is not done, in one small request."""

    def delete_of(self, job_id: str) -> int:
        """Delete all steps of a job; return their number."""
