"""Hand a recording and its results over to other systems: an Opencast package as a ZIP, and a IIIF manifest.

Both are made when they are asked for: a stored package would double the storage of each recording. See
docs/decisions/0030-standards.md.
"""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from shared.domain.transcript_version import ReviewState
from shared.media.payload import SidecarPayload, VideoStreamPayload
from shared.pipeline.artefacts import CHAPTERS, SIDECAR, TRANSCRIPT, TRANSCRIPT_VTT
from shared.pipeline.context import Services
from shared.pipeline.jobs.results import (
    Result,
    find_result,
    media_type,
    playable_type,
    result_with_text,
    stored_recording,
)
from shared.pipeline.stages.job_blobs import find_model
from shared.standards.iiif import to_iiif
from shared.standards.opencast import CAPTIONS, CATALOG, MANIFEST, STILL, to_catalog, to_manifest
from shared.standards.talk import Chapter, Still, Talk
from shared.standards.zip_stream import Entry, zip_stream
from shared.storage.ports import RESULTS, SOURCES
from shared.transcription.payload import Chapters, TranscriptEngine

UNDETERMINED = "und"


class _Heard(BaseModel):
    """The part of `transcript.json` that is needed here."""

    language: str
    engine: TranscriptEngine


def package(services: Services, org_id: str, session_id: str) -> Iterator[bytes]:
    """Return the session as an Opencast package, a ZIP in pieces.

    Raise NotFound, ResultNotReady before a job is done or without the recording, and ChecksumMismatch for an upload
    that was overwritten.
    """
    result, text, sidecar, talk = _talk(services, org_id, session_id, None)
    session = result.session
    facts = stored_recording(services, session)
    recording = session.source_blob.rpartition("/")[2]
    entries = [_small(MANIFEST, to_manifest(talk, recording)), _small(CATALOG, to_catalog(talk))]
    if talk.engine is not None:
        captions = services.storage.blobs.read(RESULTS, text.blob(TRANSCRIPT_VTT.name))  # corrections may rewrite them
        entries.append(_small(CAPTIONS, captions))
    if talk.still is not None:
        entries.append(_stored(services, result, sidecar, f"thumbnails/{talk.still.name}", STILL))
    entries.append(Entry(recording, facts.size_bytes, services.storage.blobs.chunks(SOURCES, session.source_blob)))
    return zip_stream(entries)


def manifest(services: Services, org_id: str, session_id: str, job_id: str | None, base: str) -> dict[str, object]:
    """Return the session's IIIF manifest, with ids under `base`; raise NotFound, and ResultNotReady."""
    result, _, _, talk = _talk(services, org_id, session_id, job_id)
    return to_iiif(talk, base, playable_type=playable_type(services, result.session), job_id=job_id)


def _talk(
    services: Services, org_id: str, session_id: str, job_id: str | None
) -> tuple[Result, Result, SidecarPayload, Talk]:
    """Return the result of the sidecar, that of the text, the sidecar, and what to tell."""
    result = find_result(services, org_id, session_id, None, job_id)
    sidecar = find_model(services, RESULTS, result.blob(SIDECAR.name), SidecarPayload)
    if sidecar is None:
        raise result.missing
    text = result_with_text(result, job_id)
    has_captions = services.storage.blobs.facts(RESULTS, text.blob(TRANSCRIPT_VTT.name)) is not None
    transcript = find_model(services, RESULTS, text.blob(TRANSCRIPT.name), _Heard) if has_captions else None
    chapters = find_model(services, RESULTS, text.blob(CHAPTERS.name), Chapters)
    return result, text, sidecar, _told(text, sidecar, transcript, chapters)


def _told(text: Result, sidecar: SidecarPayload, transcript: _Heard | None, chapters: Chapters | None) -> Talk:
    session = text.session
    picture = next((each for each in sidecar.media.streams if isinstance(each, VideoStreamPayload)), None)
    still = next(iter(sidecar.thumbnails), None)
    language = transcript.language if transcript is not None else UNDETERMINED
    return Talk(
        session_id=session.session_id,
        title=session.name,
        created_at=session.created_at,
        duration_sec=sidecar.media.duration_sec,
        media_type=media_type(session.recording, "", session.source_blob),
        has_sound=any(not isinstance(each, VideoStreamPayload) for each in sidecar.media.streams),
        width=picture.width if picture else None,
        height=picture.height if picture else None,
        language=None if language == UNDETERMINED else language,
        engine=transcript.engine.name if transcript is not None else None,
        is_reviewed=session.review_state is ReviewState.REVIEWED and text.job_id == session.transcript_job_id,
        metadata=session.metadata,
        chapters=_chapters(chapters),
        still=Still(name=still.name, width=still.width, height=still.height) if still else None,
    )


def _chapters(chapters: Chapters | None) -> Sequence[Chapter]:
    found = chapters.chapters if chapters is not None else ()
    return [Chapter(start_sec=each.start, end_sec=each.end, title=each.title) for each in found]


def _small(name: str, data: bytes) -> Entry:
    return Entry(name, len(data), [data])


def _stored(services: Services, result: Result, sidecar: SidecarPayload, name: str, as_name: str) -> Entry:
    """Return a file of the job as an entry, with the size that the sidecar tells."""
    size = next((each.size_bytes for each in sidecar.artefacts if each.name == name), 0)
    return Entry(as_name, size, services.storage.blobs.chunks(RESULTS, result.blob(name)))
