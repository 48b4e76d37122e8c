"""Put transcripts and the text of slides into the search index and take them out of it.

Apart from `shared.pipeline.jobs.search`, which finds places in it, because the transcription's merge, the end of a job
and the removal of sessions write it. Only a session's present transcript and slides are ever found: what the index has
of others, while it is written or removed, is left out. Each job's text has rows of its own, so that two that are
written at once do not mix.
"""

from contextlib import suppress

from shared.domain.errors import NotFound
from shared.domain.search.transcript import (
    IndexedTranscript,
    Source,
    SpokenWord,
    index_texts,
    index_words,
    parse_text_id,
    text_id,
)
from shared.domain.session import Session
from shared.pipeline.artefacts import SLIDES
from shared.pipeline.context import Services, blob_name
from shared.pipeline.stages.current_transcript import latest_version, read_current
from shared.pipeline.tasks.job_manager import job_manager
from shared.slides.payload import SlidePayload, Slides
from shared.storage.ports import RESULTS
from shared.transcription.cues import UNSPACED


@job_manager.job
def index_transcript(services: Services, org_id: str, session_id: str, job_id: str) -> None:
    """Index the job's transcript, if it is the session's present one, and remove the session's others. Idempotent, also
    when two run at once: the last one to end leaves the present transcript alone."""
    _put(services, org_id, session_id, job_id, Source.SPEECH)


@job_manager.job
def index_slides(services: Services, org_id: str, session_id: str, job_id: str) -> None:
    """Index the text of the job's slides, as `index_transcript` does for the transcript."""
    _put(services, org_id, session_id, job_id, Source.SLIDE)


def _put(services: Services, org_id: str, session_id: str, job_id: str, source: Source) -> None:
    index = services.storage.search
    session = find_session(services, org_id, session_id)
    written: IndexedTranscript | None = None
    if session is not None and present_job(session, source) == job_id:
        indexed = _indexed if source is Source.SPEECH else _indexed_slides
        written = indexed(services, session, job_id)
        index.put(written)
    known = index.jobs(org_id, session_id)
    # Read after `known`, lest a newer one be removed.
    present = present_job(find_session(services, org_id, session_id), source)
    for other in known:
        other_job, of_source = parse_text_id(other)
        if of_source is source and other_job != present:
            index.remove(org_id, session_id, other)
    if written is not None and present != job_id:
        index.withdraw(written)


def forget_session(services: Services, org_id: str, session_id: str) -> int:
    """Remove all that the index has of a session that is missing or marked as deleted; return how many rows."""
    index = services.storage.search
    return sum(index.remove(org_id, session_id, job_id) for job_id in index.jobs(org_id, session_id))


def find_session(services: Services, org_id: str, session_id: str) -> Session | None:
    """Return the session; None when it is missing or marked as deleted."""
    try:
        return services.storage.sessions.get(org_id, session_id).value
    except NotFound:
        return None


def present_job(session: Session | None, source: Source) -> str | None:
    """Return the id of the job that made the session's present transcript, or its present slides."""
    if session is None:
        return None
    return session.transcript_job_id if source is Source.SPEECH else session.sidecar_job_id


def _indexed(services: Services, session: Session, job_id: str) -> IndexedTranscript:
    """Return the job's transcript, in its newest version, for the index; without words when its file is missing."""
    ids = session.org_id, session.session_id, job_id
    words: list[SpokenWord] = []
    spaced = True
    with suppress(NotFound):
        transcript = read_current(services, *ids, latest_version(services, session.org_id, job_id))
        words = [
            SpokenWord(word.word, word.start, word.end) for segment in transcript.segments for word in segment.words
        ]
        spaced = transcript.language not in UNSPACED
    return index_words(
        words,
        org_id=session.org_id,
        session_id=session.session_id,
        job_id=job_id,
        session_name=session.name,
        spaced=spaced,
    )


def _indexed_slides(services: Services, session: Session, job_id: str) -> IndexedTranscript:
    """Return the text of the job's slides for the index; without words when there are none."""
    name = blob_name(session.org_id, session.session_id, job_id, SLIDES.name)
    texts: list[list[SpokenWord]] = []
    with suppress(NotFound):
        slides = Slides.model_validate_json(services.storage.blobs.read(RESULTS, name))
        texts = [_words_of(slide) for slide in slides.slides if slide.visits]
    return index_texts(
        texts,
        org_id=session.org_id,
        session_id=session.session_id,
        job_id=text_id(job_id, Source.SLIDE),
        session_name=session.name,
        spaced=True,
    )


def _words_of(slide: SlidePayload) -> list[SpokenWord]:
    """Return the words of a slide but for its footer and number, with the time of its first visit."""
    start, end = slide.visits[0]
    lines = [line.text for line in slide.lines if line.role in ("title", "body")]
    return [SpokenWord(word, start, end) for line in lines for word in line.split()]
