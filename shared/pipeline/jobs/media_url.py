"""Where a recording can be played from: a signed address of one blob, for minutes, that a browser takes as media."""

import mimetypes
from datetime import timedelta

from shared.domain.recording import Recording
from shared.pipeline.context import Services
from shared.pipeline.jobs.results import no_recording
from shared.storage.ports import SOURCES

UNKNOWN = "application/octet-stream"
_PICTURES, _SOUNDS = "video/", "audio/"
_OPEN_CODECS = frozenset({"vp8", "vp9", "av1", "libdav1d", "opus", "vorbis"})
_SUBTYPES = {
    "mov,mp4,m4a,3gp,3g2,mj2": "mp4",
    "mp3": "mpeg",
    "wav": "wav",
    "ogg": "ogg",
    "flac": "flac",
    "aac": "aac",
    "mpegts": "mp2t",
}
"""By FFmpeg's names of containers."""


def media_url(services: Services, org_id: str, session_id: str) -> str:
    """An address that reads the session's recording and nothing else; raises NotFound, ResultNotReady, and
    ResultInTheMaking while a job is to fetch it.

    Storage serves ranges there. What it calls the content is never what the uploader called it, unless that is sound or
    picture: a page that somebody uploaded must not run under the storage's name.
    """
    session = services.storage.sessions.get(org_id, session_id).value
    facts = services.storage.blobs.facts(SOURCES, session.source_blob)
    if facts is None:
        raise no_recording(services, session)
    return services.storage.blobs.read_url(
        SOURCES,
        session.source_blob,
        timedelta(minutes=services.settings.media_url_minutes),
        content_type=media_type(session.recording, facts.content_type, session.source_blob),
        file_name=session.source_blob.rpartition("/")[2],
    )


def media_type(recording: Recording | None, declared: str, name: str) -> str:
    """The content type of a recording: by what was found in it, else as declared, else by its name."""
    if recording is not None:
        found = _subtype(recording)
        if found is not None:
            return (_PICTURES if recording.video else _SOUNDS) + found
    for kind in (declared, mimetypes.guess_type(name)[0] or ""):
        if kind.lower().startswith((_PICTURES, _SOUNDS)):
            return kind
    return UNKNOWN


def _subtype(recording: Recording) -> str | None:
    if recording.container == "matroska,webm":
        codecs = {stream.codec for stream in (recording.video, recording.audio) if stream is not None}
        return "webm" if codecs <= _OPEN_CODECS else "x-matroska"
    return _SUBTYPES.get(recording.container)
