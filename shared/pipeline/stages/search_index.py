"""Put transcripts into the search index and take them out of it.

Apart from `shared.pipeline.jobs.search`, which finds places in it, because the transcription's merge and the removal of
sessions write it. Only a session's present transcript is ever found: what the index has of others, while it is written
or removed, is left out. Each job's transcript has rows of its own, so that two that are written at once do not mix.
"""

from contextlib import suppress

from shared.domain.errors import NotFound
from shared.domain.search.transcript import IndexedTranscript, SpokenWord, index_words
from shared.domain.session import Session
from shared.pipeline.context import Services
from shared.pipeline.stages.current_transcript import latest_version, read_current
from shared.pipeline.tasks.job_manager import job_manager
from shared.transcription.cues import UNSPACED


@job_manager.job
def index_transcript(services: Services, org_id: str, session_id: str, job_id: str) -> None:
    """Index the job's transcript, if it is the session's present one, and remove the session's others. Idempotent, also
    when two run at once: the last one to end leaves the present transcript alone."""
    index = services.storage.search
    session = find_session(services, org_id, session_id)
    written: IndexedTranscript | None = None
    if session is not None and session.transcript_job_id == job_id:
        written = _indexed(services, session, job_id)
        index.put(written)
    known = index.jobs(org_id, session_id)
    present = present_job(find_session(services, org_id, session_id))  # read after `known`, lest a newer one be removed
    for other in known:
        if other != present:
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


def present_job(session: Session | None) -> str | None:
    """Return the id of the job that made the session's present transcript."""
    return None if session is None else session.transcript_job_id


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
