"""Find what a session's transcript says so far: the parts that a job at work has done, or the whole.

Apart from `results`, which finds files that are whole. A part counts as done when its file is there.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from shared.domain.job import Job
from shared.domain.stage import Stage
from shared.pipeline.artefacts import TRANSCRIPT_PART
from shared.pipeline.context import Services, job_blob
from shared.pipeline.jobs.results import is_at_work, telling_job
from shared.pipeline.jobs.transcripts import FoundTranscript, find_transcript, transcript_json
from shared.storage.ports import WORK, BlobFacts
from shared.transcription.partial import PartialTranscript, partial_transcript
from shared.transcription.payload import TranscriptPart


@dataclass(frozen=True, slots=True)
class TextSoFar:
    """The files that hold a session's text at this moment."""

    session_id: str
    source: Job | FoundTranscript
    """The job at work whose parts the files are, or the newest version of the whole transcript."""

    duration_sec: float | None = None
    """The recording's length; None until a job has examined it, and for a whole transcript, which tells it itself."""

    files: Sequence[BlobFacts] = ()
    """The files of the parts."""

    @property
    def version(self) -> str:
        """Return a digest that changes with every part."""
        maker = self.source.tag if isinstance(self.source, FoundTranscript) else self.source.job_id
        facts = [maker, str(self.duration_sec), *(f"{file.name} {file.etag}" for file in self.files)]
        return sha256("\n".join(facts).encode()).hexdigest()[:32]


def find_text(services: Services, org_id: str, session_id: str, job_id: str | None) -> TextSoFar:
    """Return the text of the job that is at work on the session's transcript, else of the whole transcript.

    Raises NotFound, and ResultNotReady where there is neither. A job that has not come to its first part is at work,
    too: its text is empty.
    """
    session = services.storage.sessions.get(org_id, session_id).value
    now = services.clock()
    if job_id is None:
        job = telling_job(services, session, now, is_made=False)
    else:
        job = services.storage.jobs.get(org_id, job_id).value
    if job is None or job.session_id != session_id or not _is_transcribing(job) or not is_at_work(job, now):
        return TextSoFar(session_id, find_transcript(services, org_id, session_id, job_id))
    duration_sec = None if session.recording is None else session.recording.duration_sec
    return TextSoFar(session_id, job, duration_sec, tuple(_files(services, job)))


def read_text(services: Services, text: TextSoFar) -> bytes:
    """Return the text as JSON with `complete` and `missing`; raise NotFound when it was deleted meanwhile."""
    source = text.source
    if isinstance(source, FoundTranscript):
        whole: dict[str, Any] = json.loads(transcript_json(services, source))
        return json.dumps({**whole, "complete": True, "missing": []}, ensure_ascii=False).encode()
    is_planned = source.may_begin(Stage.TRANSCRIPTION)
    partial: PartialTranscript = partial_transcript(
        (TranscriptPart.model_validate_json(services.storage.blobs.read(WORK, file.name)) for file in text.files),
        count=source.stages[Stage.TRANSCRIPTION].parts if is_planned else None,
        session_id=text.session_id,
        job_id=source.job_id,
        duration_sec=text.duration_sec,
    )
    return partial.model_dump_json(by_alias=True).encode()


def _is_transcribing(job: Job) -> bool:
    """Return whether the job's transcript is still to come."""
    return not job.is_final and not job.stages[Stage.TRANSCRIPTION].state.is_over


def _files(services: Services, job: Job) -> Iterator[BlobFacts]:
    """Yield the files of the parts that are done, in order."""
    prefix = job_blob(job, "")
    for blob in services.storage.blobs.listing(WORK, job_blob(job, f"{Stage.TRANSCRIPTION}/")):
        if TRANSCRIPT_PART.matches(blob.name.removeprefix(prefix)):
            yield blob
