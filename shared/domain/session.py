"""Define the session, which is a recording and its facts, and the upload that becomes one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.domain.recording import Recording
from shared.domain.removal import RemovalReason
from shared.domain.transcript_version import ReviewState


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A recording. The `*_job_id` fields name the latest job that made each result."""

    session_id: str
    org_id: str
    name: str
    source_blob: str
    """The recording's name in container `sources`."""

    created_at: datetime
    updated_at: datetime
    is_named: bool = False
    """Whether the client chose the name; otherwise it is the file's, as the source's server tells it."""

    source_url: str | None = None
    source_validator: str | None = None
    content_type: str | None = None
    expected_sha256: str | None = None
    sha256: str | None = None
    """The SHA-256 (hexadecimal) that the download stage computed from the recording's bytes."""

    source_etag: str | None = None
    """The ETag of the recording: as it was committed, then as `sha256` was computed from it. None for a session of an
    earlier release, and before the recording is there."""

    source_snapshot: str | None = None
    """The snapshot of the recording with this ETag; None until an address of an upload was asked for."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    recording: Recording | None = None
    """The recording's facts; None until the download stage has found them."""

    latest_job_id: str | None = None
    transcript_job_id: str | None = None
    review_state: ReviewState = ReviewState.AUTO
    """How far people have corrected the present transcript."""

    reviewed_at: datetime | None = None
    """When the state was last set; None while no caller did."""

    reviewed_by: str | None = None
    """The caller that set it, as its token names it."""

    corrected_job_id: str | None = None
    """The job whose transcript has versions made by people; None while there is none."""

    tracking_job_id: str | None = None
    sidecar_job_id: str | None = None
    upload_id: str | None = None
    """The upload that the recording came by."""

    retention_days: int | None = None
    """The retention by the latest job's options, in days."""

    results_deleted_at: datetime | None = None
    """When the results were last deleted: jobs that ended by then have none."""

    results_deletion_pending: bool = False
    """Whether files of that deletion may be left."""

    deleted_at: datetime | None = None
    """When the removal began; None for a session that is not being removed."""

    removal_id: str | None = None
    """The id of the removal's record."""

    removal_reason: RemovalReason | None = None

    @property
    def keeps_transcript(self) -> bool:
        """Return whether the present transcript is corrected, so that a new run of a job does not replace it."""
        return self.review_state is not ReviewState.AUTO and self.transcript_job_id is not None

    def with_transcript(self, job_id: str) -> "Session":
        """Return the session after a job made a transcript: it shows that one, unless people corrected another."""
        if job_id == self.transcript_job_id or self.keeps_transcript:
            return self
        return self.evolve(
            transcript_job_id=job_id,
            review_state=ReviewState.AUTO,
            reviewed_at=None,
            reviewed_by=None,
            corrected_job_id=None,
        )

    def results_are_deleted(self, finished_at: datetime | None) -> bool:
        """Return whether the results of a job that ended at this time were deleted; a job at work keeps its own."""
        if self.results_deleted_at is None or finished_at is None:
            return False
        return finished_at <= self.results_deleted_at

    def evolve(self, **changes: Any) -> "Session":
        """Return the session with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that a client puts into storage itself. Its blob is already where the session's source belongs."""

    upload_id: str
    org_id: str
    session_id: str
    source_name: str
    source_blob: str
    content_length: int
    content_type: str
    created_at: datetime
    expires_at: datetime
    job_id: str | None = None
    abandoned: bool = False
    """Whether it expired without a commit; set before its blob is deleted."""

    def evolve(self, **changes: Any) -> "Upload":
        """Return the upload with some fields changed."""
        return replace(self, **changes)
