"""A job of the API's harness whose transcription has run, without any engine: one part with given words."""

from contextlib import suppress
from typing import Any

from shared.domain import job as jobs
from shared.domain.errors import BlobMissing
from shared.domain.message import StageMessage, StepKind
from shared.domain.recording import AudioStream, Recording
from shared.domain.stage import Stage
from shared.pipeline.artefacts import TRANSCRIPT_PART
from shared.pipeline.context import StepContext
from shared.pipeline.stages.job_blobs import write_json
from shared.pipeline.stages.transcription import merge_transcript
from shared.transcription.payload import TranscriptEngine, TranscriptPart, TranscriptSegment, TranscriptWord
from tests.support.api_harness import ORG, ApiHarness

DURATION_SEC = 60.0
SECONDS_A_WORD = 0.4


def merge_spoken(harness: ApiHarness, job: dict[str, Any], text: str) -> None:
    """Leave one part with the words, one after another, and run the merge of the transcription."""
    sound = AudioStream(index=0, codec="aac", sample_rate=16000, channels=1, start_sec=0.0, duration_sec=DURATION_SEC)
    recording = Recording(
        container="mp4", size_bytes=1, start_sec=0.0, duration_sec=DURATION_SEC, video=None, audio=sound
    )
    services = harness.services
    stored = services.storage.sessions.get(ORG, job["sessionId"])
    services.storage.sessions.update(stored, stored.value.evolve(recording=recording, sha256="00"))
    parts, skipped = {Stage.TRANSCRIPTION: 1}, {Stage.TRACKING: ""}
    row = harness.change(job["jobId"], lambda job: jobs.plan_stages(job, parts, skipped, job.created_at))
    write_json(services, row, TRANSCRIPT_PART, _part(text.split()), part=0)
    context = StepContext(
        services=services,
        message=StageMessage(
            job_id=row.job_id,
            org_id=row.org_id,
            session_id=row.session_id,
            stage=Stage.TRANSCRIPTION,
            step=StepKind.MERGE,
        ),
        job=row,
        session=harness.session(job["sessionId"]),
        began_at=row.created_at,
        report=lambda done: None,
        confirm=lambda: None,
        elapsed_sec=lambda: 0.0,
        send_next=lambda job: None,
        warn=lambda reasons: None,
    )
    with suppress(BlobMissing):  # the text is written: what is missing is the sound, from which the last files are made
        merge_transcript(context)


def _part(texts: list[str]) -> TranscriptPart:
    words = tuple(
        TranscriptWord(
            word=text,
            start=round(number * SECONDS_A_WORD, 3),
            end=round((number + 1) * SECONDS_A_WORD, 3),
            confidence=0.9,
        )
        for number, text in enumerate(texts)
    )
    segment = TranscriptSegment(
        id=0, start=0.0, end=words[-1].end, text=" ".join(texts), confidence=0.9, words=words, language="en"
    )
    return TranscriptPart(
        part=0,
        start=0.0,
        end=DURATION_SEC,
        language="en",
        engine=TranscriptEngine(name="moonshine", version="0.1.0", model="tiny-en"),
        written=True,
        segments=(segment,),
        speech_sec=words[-1].end,
        warnings=(),
    )
