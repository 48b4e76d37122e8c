"""A recording and what is known of it, and an upload on its way to become one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.domain.recording import Recording
from shared.domain.removal import RemovalReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A recording. `source_blob` is its name in container `sources`; the `*_job_id` fields name the latest job that
    made each result; `recording` is set once the download stage has looked at it; `upload_id` is the upload that the
    recording came by; `retention_days` is what the latest job's options say; `deleted_at` is set while the session is
    being removed, with `removal_id` and `removal_reason` for the record of it."""

    session_id: str
    org_id: str
    name: str
    source_blob: str
    created_at: datetime
    updated_at: datetime
    source_url: str | None = None
    source_validator: str | None = None
    content_type: str | None = None
    expected_sha256: str | None = None
    sha256: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    recording: Recording | None = None
    latest_job_id: str | None = None
    transcript_job_id: str | None = None
    tracking_job_id: str | None = None
    sidecar_job_id: str | None = None
    upload_id: str | None = None
    retention_days: int | None = None
    deleted_at: datetime | None = None
    removal_id: str | None = None
    removal_reason: RemovalReason | None = None

    def evolve(self, **changes: Any) -> "Session":
        """The session with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that a client puts into storage itself. Its blob already stands where the session's source belongs.

    `abandoned` is set when it expired without a commit, before what had arrived of it is deleted."""

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

    def evolve(self, **changes: Any) -> "Upload":
        """The upload with some fields changed."""
        return replace(self, **changes)
