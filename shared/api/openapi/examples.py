"""An example of every operation's answer, made of the models that the API answers with, so that none can be wrong."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from shared.api.http.links import Links
from shared.api.models.probe import ExpectedEngineView, ExpectedStageView, PlanView, ProbeView
from shared.api.models.schedules import ScheduleLinks, SchedulePage, ScheduleView
from shared.api.models.tasks import TaskLinks, TaskPage, TaskView
from shared.api.models.transcripts import EditedView, TranscriptVersionView
from shared.api.models.views import (
    DeliveryView,
    EventView,
    HealthView,
    ImportedView,
    JobLinks,
    JobPage,
    JobStatusView,
    JobView,
    ReviewView,
    SessionDetail,
    SessionLinks,
    SessionPage,
    SessionView,
    StageView,
    Step,
    StepFailureView,
    UploadView,
)
from shared.api.openapi.described import EXAMPLE_TRACE
from shared.api.openapi.problem_examples import DELIVERY_ID, JOB_ID, SCHEDULE_ID, SESSION_ID, UPLOAD_ID
from shared.api.routes.deliveries import DeliveryList, RedeliveryView
from shared.api.routes.queues import DeadLetterPage, DeadLetterView, QueueInfoView, QueueView, RequeuedView
from shared.api.routes.removals import RemovalPage, RemovalView
from shared.api.routes.traces import SpanView, TraceView
from shared.api.routes.vocabularies import VocabularyList, VocabularySummary, VocabularyView
from shared.api.version import VERSION
from shared.domain.errors import StorageUnavailable
from shared.domain.options import PLAYABLE_ALREADY
from shared.domain.quality.payload import Quality, Reason, TrackFacts, TranscriptFacts, Verdict
from shared.domain.removal import RemovalReason
from shared.domain.stage import Stage, StageState
from shared.domain.transcript_version import ReviewState, VersionKind
from shared.domain.webhook import DeliveryState
from shared.job_status import JobStatus
from shared.media.payload import (
    ArtefactPayload,
    AudioStreamPayload,
    MediaPayload,
    Peaks,
    ScenePayload,
    SidecarPayload,
    ThumbnailPayload,
    VideoStreamPayload,
)
from shared.pipeline.artefacts import PODCAST_CHAPTERS
from shared.pipeline.housekeeping.background_tasks import CallState
from shared.slides.payload import SlideLine, SlidePayload, Slides
from shared.tracking.drawing.plot_data import HeatMap, TrackPlot
from shared.tracking.payload import (
    DerivedMetrics,
    DetectionPayload,
    FramePayload,
    InstructorTracking,
    TrackingDetector,
    TrackingSource,
    TrackPointPayload,
)
from shared.transcription.payload import (
    ChapterPayload,
    Chapters,
    InstructorBySegment,
    SegmentPlace,
    Transcript,
    TranscriptEngine,
    TranscriptQuality,
    TranscriptSegment,
    TranscriptWord,
)
from shared.transcription.podcast_chapters import to_podcast_chapters

JSON = "application/json"
PATH_VALUES = {
    "jobId": JOB_ID,
    "sessionId": SESSION_ID,
    "scheduleId": SCHEDULE_ID,
    "vocabulary": "algebra",
    "queue": "transcriptions",
    "letterId": DELIVERY_ID,
    "taskId": f"redelivery-{DELIVERY_ID}",
    "name": "scene-0001.jpg",
}
"""The ids in the paths of the examples."""

_BASE = "http://localhost:7071/api"
_STORAGE = f"http://127.0.0.1:10000/devstoreaccount1/sources/local/{SESSION_ID}/talk.mp4"
_LINKS = Links(_BASE)
_AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
_DONE_AT = _AT + timedelta(minutes=4)
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_CALLBACK = "https://example.com/hooks/rostrum"

_WAITING = StageView(
    state=StageState.WAITING,
    progress=0.0,
    parts_done=0,
    parts=1,
    attempts=0,
    started_at=None,
    finished_at=None,
    reason=None,
)
_OVER = _WAITING.model_copy(
    update={
        "state": StageState.DONE,
        "progress": 1.0,
        "parts_done": 1,
        "attempts": 1,
        "started_at": _AT,
        "finished_at": _DONE_AT,
    }
)
_SKIPPED = _WAITING.model_copy(update={"state": StageState.SKIPPED, "parts": 0, "reason": PLAYABLE_ALREADY})
_SUBMITTED = JobView(
    job_id=JOB_ID,
    session_id=SESSION_ID,
    org_id="local",
    status=JobStatus.CREATED,
    stage=Stage.DOWNLOAD,
    progress=0.0,
    stages=dict.fromkeys(Stage, _WAITING),
    cancel_requested=False,
    attempt=1,
    error=None,
    options={"language": "en"},
    callback_url=None,
    start_at=None,
    created_at=_AT,
    updated_at=_AT,
    started_at=None,
    finished_at=None,
    links=JobLinks(self=_LINKS.job(JOB_ID), events=_LINKS.job_events(JOB_ID), session=_LINKS.session(SESSION_ID)),
)
_RUNNING = _SUBMITTED.model_copy(
    update={
        "status": JobStatus.DOWNLOADED,
        "stage": Stage.TRANSCRIPTION,
        "progress": 0.45,
        "stages": {
            Stage.DOWNLOAD: _OVER,
            Stage.TRANSCRIPTION: _OVER.model_copy(
                update={
                    "state": StageState.RUNNING,
                    "progress": 0.5,
                    "parts_done": 9,
                    "parts": 18,
                    "finished_at": None,
                }
            ),
            Stage.TRACKING: _WAITING,
            Stage.RENDITION: _SKIPPED,
        },
        "updated_at": _AT + timedelta(minutes=2),
        "started_at": _AT,
    }
)
_ENDED = _RUNNING.model_copy(
    update={
        "status": JobStatus.DONE,
        "stage": None,
        "progress": 1.0,
        "stages": {**dict.fromkeys(Stage, _OVER), Stage.RENDITION: _SKIPPED},
        "failures": [
            StepFailureView(
                code=StorageUnavailable.code,
                title=StorageUnavailable("").title,
                detail="The storage account did not answer for the blob work/…/transcription/00003.json.",
                stage=Stage.TRANSCRIPTION,
                step=Step.PART,
                part=3,
                attempt=1,
                job_attempt=1,
                at=_AT + timedelta(minutes=1),
                retryable=True,
            )
        ],
        "callback_url": _CALLBACK,
        "updated_at": _DONE_AT,
        "finished_at": _DONE_AT,
    }
)
_DELIVERY = DeliveryView(
    delivery_id=DELIVERY_ID,
    webhook_id=f"msg_{JOB_ID}_1",
    attempt=1,
    number=1,
    url=_CALLBACK,
    state=DeliveryState.DELIVERED,
    sent_at=_DONE_AT,
    status_code=204,
    error=None,
    duration_sec=0.08,
    will_retry_at=None,
)
_JOB_SPAN = SpanView(
    span_id="53995c3f42cd8ad8",
    parent_id=None,
    name="job",
    part=None,
    attempt=1,
    outcome="DONE",
    detail=None,
    started_at=_AT,
    finished_at=_DONE_AT,
    links=[],
)
_STEP_SPAN = _JOB_SPAN.model_copy(
    update={
        "span_id": "6bb0f1d4a8c3e2f5",
        "parent_id": _JOB_SPAN.span_id,
        "name": "download part",
        "part": 0,
        "outcome": "done",
    }
)
_MEDIA = MediaPayload(
    container="mov,mp4,m4a,3gp,3g2,mj2",
    streams=[
        VideoStreamPayload(
            index=0, codec="h264", width=1920, height=1080, rotation=0, fps=30.0, start_sec=0.0, duration_sec=61.2
        ),
        AudioStreamPayload(index=1, codec="aac", sample_rate=48000, channels=2, start_sec=0.0, duration_sec=61.2),
    ],
    duration_sec=61.2,
    size_bytes=7340032,
    sha256=_SHA256,
)
_SESSION: dict[str, Any] = {
    "session_id": SESSION_ID,
    "org_id": "local",
    "session_name": "A talk",
    "source_url": "https://example.com/talk.mp4",
    "metadata": {"course": "Algebra"},
    "latest_job_id": JOB_ID,
    "media": _MEDIA,
    "has_transcript": True,
    "transcript_review": ReviewView(state=ReviewState.AUTO, at=None, by=None),
    "has_instructor_tracking_result": True,
    "has_sidecar": True,
    "created_at": _AT,
    "updated_at": _DONE_AT,
    "links": SessionLinks(self=_LINKS.session(SESSION_ID), job=_LINKS.job(JOB_ID)),
}
_VOCABULARY = VocabularyView(
    name="algebra", terms=["Noether", "Artinian"], updated_at=datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
)
_SCHEDULE = ScheduleView(
    schedule_id=SCHEDULE_ID,
    org_id="local",
    cron="0 2 * * MON-FRI",
    time_zone="Europe/Zurich",
    job={"sourceUrl": "https://example.com/latest.mp4", "sessionName": "The daily talk"},
    next_run_at=_AT + timedelta(days=2),
    last_run_at=None,
    last_job_id=None,
    last_error=None,
    created_at=_AT,
    links=ScheduleLinks(self=_LINKS.schedule(SCHEDULE_ID), last_job=None),
)
_TASK = TaskView(
    task_id=f"redelivery-{DELIVERY_ID}",
    org_id="local",
    name="deliver_webhook",
    state=CallState.WAITING,
    attempts=2,
    last_error="The server answered 503.",
    created_at=_AT,
    next_run_at=_AT + timedelta(minutes=1),
    last_run_at=None,
    finished_at=None,
    cron=None,
    time_zone=None,
    links=TaskLinks(self=_LINKS.task(f"redelivery-{DELIVERY_ID}")),
)
_CRON = _TASK.model_copy(
    update={
        "task_id": SCHEDULE_ID,
        "name": "submit_scheduled",
        "state": CallState.SCHEDULED,
        "attempts": 0,
        "last_error": None,
        "next_run_at": _AT + timedelta(days=2),
        "cron": "0 2 * * MON-FRI",
        "time_zone": "Europe/Zurich",
        "links": TaskLinks(self=_LINKS.task(SCHEDULE_ID)),
    }
)
_DEAD_LETTER = DeadLetterView(
    letter_id=DELIVERY_ID,
    queue="transcriptions",
    org_id=None,
    job_id=None,
    task_id=None,
    reason="The message cannot be read.",
    at=_AT,
    body="{not base64}",
)
_BOX = (0.41, 0.2, 0.1, 0.6)
_TRACKING = InstructorTracking(
    session_id=SESSION_ID,
    job_id=JOB_ID,
    source=TrackingSource(width=1920, height=1080, fps=30.0, duration_sec=61.2, sample_fps=2.0),
    detector=TrackingDetector(name="plate", version="1"),
    frame_detections=(FramePayload(t=0.5, detections=(DetectionPayload(box=_BOX, score=0.8, source="plate"),)),),
    track_points=(TrackPointPayload(t=0.5, x=0.46, y=0.5, box=_BOX, confidence=0.8, state="observed"),),
    presence=((0.5, 60.0),),
    gaps=(),
    derived_metrics=DerivedMetrics(
        coverage_percent=97.22, gaps_count=0, longest_gap_sec=0.0, total_distance=3.2, jitter=0.004
    ),
    warnings=(),
)
_PLOT = TrackPlot.of(_TRACKING).model_copy(
    update={"heat_map": HeatMap(columns=2, rows=1, seconds=((58.5, 1.0),))}  # a real one has more cells
)
_TRANSCRIPT = Transcript(
    session_id=SESSION_ID,
    job_id=JOB_ID,
    language="en",
    duration_sec=61.2,
    engine=TranscriptEngine(name="faster-whisper", version="1.2.1", model="base"),
    segments=(
        TranscriptSegment(
            id=0,
            start=0.4,
            end=1.6,
            text="Good morning.",
            confidence=0.91,
            words=(
                TranscriptWord(word="Good", start=0.4, end=0.7, confidence=0.9),
                TranscriptWord(word="morning.", start=0.7, end=1.6, confidence=0.92),
            ),
        ),
    ),
    speech_sec=52.0,
    warnings=(),
    quality=TranscriptQuality(
        words=2,
        words_per_minute=100.0,
        transcribed_sec=1.2,
        transcribed_share=0.023,
        mean_confidence=0.91,
        doubtful_share=0.0,
        doubtful=(),
        repeated=(),
        language_switches=(),
    ),
)
_EDIT = TranscriptVersionView(
    version=1,
    created_at=_DONE_AT + timedelta(hours=1),
    by="ada@example.com",
    state=ReviewState.IN_CORRECTION,
    changed_words=1,
    kind=VersionKind.EDIT,
)
_MACHINE = TranscriptVersionView(
    version=0, created_at=_DONE_AT, by=None, state=ReviewState.AUTO, changed_words=0, kind=VersionKind.MACHINE
)
_CHAPTERS = Chapters(
    session_id=SESSION_ID,
    job_id=JOB_ID,
    duration_sec=61.2,
    chapters=(ChapterPayload(start=0.0, end=61.2, title="Good morning", reasons=("start",)),),
)
_QUALITY = Quality(
    session_id=SESSION_ID,
    job_id=JOB_ID,
    duration_sec=61.2,
    verdict=Verdict.CHECK,
    reasons=(Reason(code="sound_muted", start=20.0, end=31.0, text="The sound is muted from 0:20 to 0:31."),),
    speech_sec=41.5,
    silences=((20.0, 31.2),),
    suggested_in=0.0,
    suggested_out=60.9,
    transcript=TranscriptFacts(transcribed_share=0.93, low_confidence=((44.1, 47.0),), languages=("en",)),
    track=TrackFacts(coverage_percent=97.22),
)
_SLIDES = Slides(
    session_id=SESSION_ID,
    job_id=JOB_ID,
    region=(0.1, 0.05, 0.6, 0.7),
    slides=(
        SlidePayload(
            id=1,
            title="Gradient descent",
            number="3",
            picture="slide-0001.jpg",
            lines=(SlideLine(text="Gradient descent", box=(0.2, 0.1, 0.5, 0.06), confidence=0.97, role="title"),),
            visits=((12.5, 61.0),),
            unspoken=("momentum",),
        ),
    ),
)
_SIDECAR = SidecarPayload(
    session_id=SESSION_ID,
    job_id=JOB_ID,
    media=_MEDIA,
    scenes=[ScenePayload(start=0.0, end=61.2, thumbnail="scene-0001.jpg")],
    thumbnails=[ThumbnailPayload(name="scene-0001.jpg", t=30.6, width=640, height=360)],
    artefacts=[ArtefactPayload(name="transcript.vtt", content_type="text/vtt", size_bytes=1834, sha256=_SHA256)],
)
_EVENTS = (
    ("status", 1, JobStatus.CREATED, Stage.DOWNLOAD, 0.0, _AT),
    ("progress", 2, JobStatus.CREATED, Stage.DOWNLOAD, 0.05, _AT + timedelta(seconds=2)),
    ("transcript", 3, JobStatus.DOWNLOADED, Stage.TRANSCRIPTION, 0.3, _AT + timedelta(seconds=30)),
    ("status", 4, JobStatus.DONE, None, 1.0, _DONE_AT),
)
_NEW_TEXT = {"start": 0.0, "end": 298.4, "words": 712}
_NEXT = f"{_BASE}/{{}}?limit=1&cursor=MTpsaXN0OmtleQ"

EXAMPLES: Mapping[str, BaseModel | Mapping[str, str]] = {
    "submitJob": _SUBMITTED,
    "submitDownload": _SUBMITTED,
    "listJobs": JobPage(items=[_RUNNING], next_link=_NEXT.format("jobs")),
    "getJob": _ENDED.model_copy(update={"deliveries": [_DELIVERY]}),
    "getJobStatus": JobStatusView(
        job_id=JOB_ID, status=_RUNNING.status, stage=_RUNNING.stage, progress=_RUNNING.progress, error=None
    ),
    "followJob": {
        "text/event-stream": "retry: 2000\n\n"
        + "".join(
            f"event: {event}\nid: {number}\ndata: "
            + EventView.model_validate(
                {
                    "job_id": JOB_ID,
                    "sequence": number,
                    "at": at,
                    "status": status,
                    "stage": stage,
                    "progress": progress,
                    "error": None,
                    **(_NEW_TEXT if event == "transcript" else {}),
                }
            ).model_dump_json(by_alias=True)
            + "\n\n"
            for event, number, status, stage, progress, at in _EVENTS
        )
    },
    "retryJob": _SUBMITTED.model_copy(update={"attempt": 2}),
    "cancelJob": _RUNNING.model_copy(update={"cancel_requested": True}),
    "traceJob": TraceView(trace_id=EXAMPLE_TRACE, spans=[_JOB_SPAN, _STEP_SPAN]),
    "listDeliveries": DeliveryList(items=[_DELIVERY]),
    "redeliverWebhook": RedeliveryView(job_id=JOB_ID, webhook_id=_DELIVERY.webhook_id),
    "listTasks": TaskPage(items=[_TASK, _CRON], next_link=_NEXT.format("tasks")),
    "getTask": _TASK,
    "retryTask": _TASK.model_copy(update={"attempts": 0, "last_error": None}),
    "listDeadLetters": DeadLetterPage(items=[_DEAD_LETTER], next_link=_NEXT.format("jobs/poison/transcriptions")),
    "getQueueInfo": QueueInfoView(
        queues=[
            QueueView(name="downloads", waiting=0, poison=0, oldest_seconds=None),
            QueueView(name="transcriptions", waiting=12, poison=1, oldest_seconds=3.5),
        ],
        jobs={status: int(status in (JobStatus.DOWNLOADED, JobStatus.DONE)) for status in JobStatus},
    ),
    "requeueDeadLetters": RequeuedView(requeued=1),
    "listVocabularies": VocabularyList(
        items=[VocabularySummary(name="algebra", term_count=2, updated_at=datetime(2026, 11, 20, 9, 15, tzinfo=UTC))]
    ),
    "getVocabulary": _VOCABULARY,
    "putVocabulary": _VOCABULARY,
    "createSchedule": _SCHEDULE,
    "listSchedules": SchedulePage(items=[_SCHEDULE]),
    "getSchedule": _SCHEDULE,
    "announceUpload": UploadView(
        upload_id=UPLOAD_ID,
        upload_url=f"{_STORAGE}?se=2026-11-22T10%3A00%3A00Z&sp=cw&sv=2026-02-06&sr=b&sig=…",
        block_size_bytes=8388608,
        expires_at=_AT + timedelta(days=1),
    ),
    "commitUpload": _SUBMITTED,
    "probeRecording": ProbeView(
        container=_MEDIA.container,
        streams=_MEDIA.streams,
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
    "listSessions": SessionPage(items=[SessionView(**_SESSION)], next_link=_NEXT.format("sessions")),
    "listRemovals": RemovalPage(
        items=[
            RemovalView(
                removal_id="7w1x3e5j8k2m9n4p6q7",
                session_id=SESSION_ID,
                org_id="local",
                reason=RemovalReason.RETENTION,
                at=_AT + timedelta(days=30),
                finished_at=_AT + timedelta(days=30, seconds=2),
                jobs=1,
                blobs=31,
                size_bytes=19_922_944,
                rows=214,
                messages=0,
            )
        ]
    ),
    "getSession": SessionDetail(**_SESSION, jobs=[_ENDED]),
    "processSession": _SUBMITTED,
    "getTranscript": {
        "text/vtt": "WEBVTT\n\nNOTE (auto-generated)\n\n00:00:00.400 --> 00:00:01.600\nGood morning.\n",
        "application/x-subrip": "1\n00:00:00,400 --> 00:00:01,600\nGood morning.\n",
        "text/plain": "Good morning.\n",
        "text/html": '<!DOCTYPE html>\n<html lang="en">\n<head><title>A talk</title></head>\n'
        "<body><main><p>Good morning.</p></main></body>\n</html>\n",
        JSON: _TRANSCRIPT.model_dump_json(by_alias=True),
    },
    "listVersions": {JSON: f"[{_EDIT.model_dump_json(by_alias=True)}, {_MACHINE.model_dump_json(by_alias=True)}]"},
    "editTranscript": EditedView(**_EDIT.model_dump(), segments=list(_TRANSCRIPT.segments), removed_segment_ids=[]),
    "importTranscript": _EDIT.model_copy(update={"kind": VersionKind.IMPORT}),
    "restoreTranscript": _EDIT.model_copy(update={"kind": VersionKind.RESTORE}),
    "reviewTranscript": ReviewView(state=ReviewState.REVIEWED, at=_EDIT.created_at, by=_EDIT.by),
    "getInstructorTracking": _TRACKING,
    "getTrackPlot": _PLOT,
    "getSprite": {"text/vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:05.000\nsprite-0001.jpg#xywh=0,0,160,90\n"},
    "getPeaks": Peaks(sample_rate=16_000, samples_per_pixel=1_600, length=3, data=(-2, 1, -61, 58, -47, 52)),
    "getChapters": {
        "text/vtt": "WEBVTT\n\n1\n00:00:00.000 --> 00:01:01.200\nGood morning\n",
        JSON: _CHAPTERS.model_dump_json(by_alias=True),
        PODCAST_CHAPTERS.media_type: to_podcast_chapters(_CHAPTERS, "A talk").model_dump_json(by_alias=True),
    },
    "getSlides": _SLIDES,
    "getQuality": _QUALITY,
    "getInstructorBySegment": InstructorBySegment(
        session_id=SESSION_ID,
        job_id=JOB_ID,
        segments=(SegmentPlace(id=0, start=0.4, end=1.6, visible=1.0, x=0.46),),
    ),
    "getSidecar": _SIDECAR,
    "rebuildSidecar": ImportedView(job_id=JOB_ID, session_id=SESSION_ID),
    "health": HealthView(status="ok", version=VERSION, storage="ok"),
}
"""By operation: what it answers with, or the answers by media type."""


def examples_of(operation_id: str) -> dict[str, Any]:
    """Return the operation's examples by media type; empty where the schema has its own, or none are needed."""
    found = EXAMPLES.get(operation_id, {})
    texts = {JSON: found.model_dump_json(by_alias=True)} if isinstance(found, BaseModel) else found
    return {kind: json.loads(text) if kind == JSON else text for kind, text in texts.items()}
