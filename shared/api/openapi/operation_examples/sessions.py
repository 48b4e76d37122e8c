"""Give examples of recordings before and after a job: uploads, probes, sessions and removals."""

from datetime import timedelta
from typing import Any

from shared.api.models.job_views import ImportedView
from shared.api.models.probe import ExpectedEngineView, ExpectedStageView, PlanView, ProbeView
from shared.api.models.session_views import (
    ReviewView,
    SessionDetail,
    SessionLinks,
    SessionPage,
    SessionView,
    UploadView,
)
from shared.api.openapi.operation_examples.common import AT, DONE_AT, LINKS, NEXT, SHA256, STORAGE, Examples
from shared.api.openapi.operation_examples.jobs import ENDED, SUBMITTED
from shared.api.openapi.problem_examples import JOB_ID, SESSION_ID, UPLOAD_ID
from shared.api.routes.removals import RemovalPage, RemovalView
from shared.domain.options import PLAYABLE_ALREADY
from shared.domain.removal import RemovalReason
from shared.domain.stage import Stage
from shared.domain.transcript_version import ReviewState
from shared.media.payload import AudioStreamPayload, MediaPayload, VideoStreamPayload

MEDIA = MediaPayload(
    container="mov,mp4,m4a,3gp,3g2,mj2",
    streams=[
        VideoStreamPayload(
            index=0, codec="h264", width=1920, height=1080, rotation=0, fps=30.0, start_sec=0.0, duration_sec=61.2
        ),
        AudioStreamPayload(index=1, codec="aac", sample_rate=48000, channels=2, start_sec=0.0, duration_sec=61.2),
    ],
    duration_sec=61.2,
    size_bytes=7340032,
    sha256=SHA256,
)
SESSION: dict[str, Any] = {
    "session_id": SESSION_ID,
    "org_id": "local",
    "session_name": "A talk",
    "source_url": "https://example.com/talk.mp4",
    "metadata": {"course": "Algebra"},
    "latest_job_id": JOB_ID,
    "media": MEDIA,
    "has_transcript": True,
    "transcript_review": ReviewView(state=ReviewState.AUTO, at=None, by=None),
    "has_instructor_tracking_result": True,
    "has_sidecar": True,
    "created_at": AT,
    "updated_at": DONE_AT,
    "links": SessionLinks(self=LINKS.session(SESSION_ID), job=LINKS.job(JOB_ID)),
}

SESSION_EXAMPLES: Examples = {
    "announceUpload": UploadView(
        upload_id=UPLOAD_ID,
        upload_url=f"{STORAGE}?se=2026-11-22T10%3A00%3A00Z&sp=cw&sv=2026-02-06&sr=b&sig=…",
        block_size_bytes=8388608,
        expires_at=AT + timedelta(days=1),
    ),
    "commitUpload": SUBMITTED,
    "probeRecording": ProbeView(
        container=MEDIA.container,
        streams=MEDIA.streams,
        duration_sec=5400.0,
        size_bytes=734003200,
        sha256=None,
        plan=PlanView(
            stages={
                Stage.DOWNLOAD: ExpectedStageView(parts=1, invocations=1, reason=None),
                Stage.TRANSCRIPTION: ExpectedStageView(parts=18, invocations=19, reason=None),
                Stage.TRACKING: ExpectedStageView(parts=9, invocations=11, reason=None),
                Stage.RENDITION: ExpectedStageView(parts=0, invocations=0, reason=PLAYABLE_ALREADY),
            },
            invocations=31,
            engine=ExpectedEngineView(name="faster-whisper", model="base", language="en"),
            problem=None,
        ),
        warnings=[],
    ),
    "importSession": ImportedView(job_id=JOB_ID, session_id=SESSION_ID),
    "listSessions": SessionPage(items=[SessionView(**SESSION)], next_link=NEXT.format("sessions")),
    "listRemovals": RemovalPage(
        items=[
            RemovalView(
                removal_id="7w1x3e5j8k2m9n4p6q7",
                session_id=SESSION_ID,
                org_id="local",
                reason=RemovalReason.RETENTION,
                at=AT + timedelta(days=30),
                finished_at=AT + timedelta(days=30, seconds=2),
                jobs=1,
                blobs=31,
                size_bytes=19_922_944,
                rows=214,
                messages=0,
            )
        ]
    ),
    "getSession": SessionDetail(**SESSION, jobs=[ENDED]),
}
