"""Give examples of result files: transcripts, tracks, chapters, slides, quality and sidecars."""

from datetime import timedelta

from shared.api.models.job_views import ImportedView
from shared.api.models.session_views import ReviewView
from shared.api.models.transcripts import EditedView, TranscriptVersionView
from shared.api.openapi.operation_examples.common import DONE_AT, JSON, SHA256, Examples
from shared.api.openapi.operation_examples.sessions import MEDIA
from shared.api.openapi.problem_examples import JOB_ID, SESSION_ID
from shared.domain.quality.payload import Quality, Reason, TrackFacts, TranscriptFacts, Verdict
from shared.domain.transcript_version import ReviewState, VersionKind
from shared.media.payload import ArtefactPayload, Peaks, ScenePayload, SidecarPayload, ThumbnailPayload
from shared.pipeline.artefacts import PODCAST_CHAPTERS
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

BOX = (0.41, 0.2, 0.1, 0.6)
TRACKING = InstructorTracking(
    session_id=SESSION_ID,
    job_id=JOB_ID,
    source=TrackingSource(width=1920, height=1080, fps=30.0, duration_sec=61.2, sample_fps=2.0),
    detector=TrackingDetector(name="plate", version="1"),
    frame_detections=(FramePayload(t=0.5, detections=(DetectionPayload(box=BOX, score=0.8, source="plate"),)),),
    track_points=(TrackPointPayload(t=0.5, x=0.46, y=0.5, box=BOX, confidence=0.8, state="observed"),),
    presence=((0.5, 60.0),),
    gaps=(),
    derived_metrics=DerivedMetrics(
        coverage_percent=97.22, gaps_count=0, longest_gap_sec=0.0, total_distance=3.2, jitter=0.004
    ),
    warnings=(),
)
PLOT = TrackPlot.of(TRACKING).model_copy(
    update={"heat_map": HeatMap(columns=2, rows=1, seconds=((58.5, 1.0),))}  # a real one has more cells
)
TRANSCRIPT = Transcript(
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
EDIT = TranscriptVersionView(
    version=1,
    created_at=DONE_AT + timedelta(hours=1),
    by="ada@example.com",
    state=ReviewState.IN_CORRECTION,
    changed_words=1,
    kind=VersionKind.EDIT,
)
MACHINE = TranscriptVersionView(
    version=0, created_at=DONE_AT, by=None, state=ReviewState.AUTO, changed_words=0, kind=VersionKind.MACHINE
)
CHAPTERS = Chapters(
    session_id=SESSION_ID,
    job_id=JOB_ID,
    duration_sec=61.2,
    chapters=(ChapterPayload(start=0.0, end=61.2, title="Good morning", reasons=("start",)),),
)
QUALITY = Quality(
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
SLIDES = Slides(
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
SIDECAR = SidecarPayload(
    session_id=SESSION_ID,
    job_id=JOB_ID,
    media=MEDIA,
    scenes=[ScenePayload(start=0.0, end=61.2, thumbnail="scene-0001.jpg")],
    thumbnails=[ThumbnailPayload(name="scene-0001.jpg", t=30.6, width=640, height=360)],
    artefacts=[ArtefactPayload(name="transcript.vtt", content_type="text/vtt", size_bytes=1834, sha256=SHA256)],
)

RESULT_EXAMPLES: Examples = {
    "getTranscript": {
        "text/vtt": "WEBVTT\n\nNOTE (auto-generated)\n\n00:00:00.400 --> 00:00:01.600\nGood morning.\n",
        "application/x-subrip": "1\n00:00:00,400 --> 00:00:01,600\nGood morning.\n",
        "text/plain": "Good morning.\n",
        "text/html": '<!DOCTYPE html>\n<html lang="en">\n<head><title>A talk</title></head>\n'
        "<body><main><p>Good morning.</p></main></body>\n</html>\n",
        JSON: TRANSCRIPT.model_dump_json(by_alias=True),
    },
    "listVersions": {JSON: f"[{EDIT.model_dump_json(by_alias=True)}, {MACHINE.model_dump_json(by_alias=True)}]"},
    "editTranscript": EditedView(**EDIT.model_dump(), segments=list(TRANSCRIPT.segments), removed_segment_ids=[]),
    "importTranscript": EDIT.model_copy(update={"kind": VersionKind.IMPORT}),
    "restoreTranscript": EDIT.model_copy(update={"kind": VersionKind.RESTORE}),
    "reviewTranscript": ReviewView(state=ReviewState.REVIEWED, at=EDIT.created_at, by=EDIT.by),
    "getInstructorTracking": TRACKING,
    "getTrackPlot": PLOT,
    "getSprite": {"text/vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:05.000\nsprite-0001.jpg#xywh=0,0,160,90\n"},
    "getPeaks": Peaks(sample_rate=16_000, samples_per_pixel=1_600, length=3, data=(-2, 1, -61, 58, -47, 52)),
    "getChapters": {
        "text/vtt": "WEBVTT\n\n1\n00:00:00.000 --> 00:01:01.200\nGood morning\n",
        JSON: CHAPTERS.model_dump_json(by_alias=True),
        PODCAST_CHAPTERS.media_type: to_podcast_chapters(CHAPTERS, "A talk").model_dump_json(by_alias=True),
    },
    "getSlides": SLIDES,
    "getQuality": QUALITY,
    "getInstructorBySegment": InstructorBySegment(
        session_id=SESSION_ID,
        job_id=JOB_ID,
        segments=(SegmentPlace(id=0, start=0.4, end=1.6, visible=1.0, x=0.46),),
    ),
    "getSidecar": SIDECAR,
    "rebuildSidecar": ImportedView(job_id=JOB_ID, session_id=SESSION_ID),
}
