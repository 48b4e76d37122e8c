"""Define the shapes in which the API shows sessions and the uploads before them, as the contract has them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from shared.api.http.links import Links
from shared.api.models.job_views import JobView
from shared.api.models.views import View, without_query
from shared.domain.job import Job
from shared.domain.session import Session
from shared.domain.transcript_version import ReviewState
from shared.media.payload import MediaPayload


class UploadView(View):
    """Where to PUT the blocks of a file, and until when."""

    upload_id: str
    upload_url: str
    block_size_bytes: int
    expires_at: datetime


class ReviewView(View):
    """How far a transcript is corrected; `at` and `by` are null while no caller said so."""

    state: ReviewState
    at: datetime | None
    by: str | None


class SessionLinks(View):
    """Where to go from a session."""

    self: str
    job: str | None


class SessionView(View):
    """A recording and which of its results exist."""

    session_id: str
    org_id: str
    session_name: str
    source_url: str | None
    metadata: dict[str, Any]
    latest_job_id: str | None
    media: MediaPayload | None
    has_transcript: bool
    transcript_review: ReviewView | None
    has_instructor_tracking_result: bool
    has_sidecar: bool
    created_at: datetime
    updated_at: datetime
    links: SessionLinks

    @classmethod
    def of(cls, session: Session, links: Links) -> "SessionView":
        """Return the view of a session."""
        return cls(**_session_fields(session, links))


class SessionDetail(SessionView):
    """A session with its latest jobs, newest first."""

    jobs: list[JobView]

    @classmethod
    def with_jobs(cls, session: Session, jobs: Sequence[Job], links: Links) -> "SessionDetail":
        """Return the view of a session and its jobs."""
        return cls(**_session_fields(session, links), jobs=[JobView.of(job, links) for job in jobs])


class SessionPage(View):
    """Some sessions, newest first; `nextLink` leads to the next page and is missing on the last."""

    items: list[SessionView]
    next_link: str | None = Field(default=None, exclude_if=lambda link: link is None)


def review_of(session: Session) -> ReviewView:
    """Return the view of how far the session's transcript is corrected."""
    return ReviewView(state=session.review_state, at=session.reviewed_at, by=session.reviewed_by)


def _session_fields(session: Session, links: Links) -> dict[str, Any]:
    recording, sha256 = session.recording, session.sha256
    latest = session.latest_job_id
    return {
        "session_id": session.session_id,
        "org_id": session.org_id,
        "session_name": session.name,
        "source_url": None if session.source_url is None else without_query(session.source_url),
        "metadata": dict(session.metadata),
        "latest_job_id": latest,
        "media": MediaPayload.of(recording, sha256) if recording is not None and sha256 is not None else None,
        "has_transcript": session.transcript_job_id is not None,
        "transcript_review": review_of(session) if session.transcript_job_id is not None else None,
        "has_instructor_tracking_result": session.tracking_job_id is not None,
        "has_sidecar": session.sidecar_job_id is not None,
        "created_at": session.created_at,
        "updated_at": session.updated_at,
        "links": SessionLinks(self=links.session(session.session_id), job=links.job(latest) if latest else None),
    }
