"""Read a transcript in its newest version, and write a new one.

Apart from `transcription`, which makes version 0. The row of a version is written after its blob: a blob that no row
names is no version. Version N is the present one as long as there is no row N + 1.
"""

import gzip
from dataclasses import dataclass

from shared.domain.transcript_version import ReviewState, TranscriptVersion
from shared.pipeline.artefacts import TRANSCRIPT, TRANSCRIPT_VERSION
from shared.pipeline.context import Services, blob_name
from shared.storage.ports import RESULTS
from shared.transcription.editing.word_ids import with_word_ids
from shared.transcription.payload import Transcript

COMPRESSION = 5


@dataclass(frozen=True, slots=True)
class PresentText:
    """What a job's transcript is now."""

    version: TranscriptVersion | None
    """The newest version; None while the machine's is the only one."""

    state: ReviewState

    session_name: str
    """The recording's name, which stands in what is derived from the text."""


def present_text(services: Services, org_id: str, session_id: str, job_id: str) -> PresentText:
    """Return the state of the job's transcript; one that the session does not show is as the machine left it.

    Raise NotFound without the session.
    """
    session = services.storage.sessions.get(org_id, session_id).value
    state = session.review_state if session.transcript_job_id == job_id else ReviewState.AUTO
    return PresentText(latest_version(services, org_id, job_id), state, session.name)


def latest_version(services: Services, org_id: str, job_id: str) -> TranscriptVersion | None:
    """Return the newest version that people made of the job's transcript; None while the machine's is the only one."""
    return services.storage.transcript_versions.latest(org_id, job_id)


def read_machine_transcript(services: Services, org_id: str, session_id: str, job_id: str) -> Transcript:
    """Return version 0 with an id for every word; raise BlobMissing."""
    blob = blob_name(org_id, session_id, job_id, TRANSCRIPT.name)
    return with_word_ids(Transcript.model_validate_json(services.storage.blobs.read(RESULTS, blob)))


def read_version(services: Services, version: TranscriptVersion) -> Transcript:
    """Return the transcript of a version; raise BlobMissing."""
    return Transcript.model_validate_json(read_version_json(services, version))


def read_version_json(services: Services, version: TranscriptVersion) -> bytes:
    """Return the transcript of a version as JSON; raise BlobMissing."""
    return gzip.decompress(services.storage.blobs.read(RESULTS, version_blob(version)))


def read_current(
    services: Services, org_id: str, session_id: str, job_id: str, version: TranscriptVersion | None
) -> Transcript:
    """Return the transcript of the version, or the machine's for None; raise BlobMissing."""
    if version is not None:
        return read_version(services, version)
    return read_machine_transcript(services, org_id, session_id, job_id)


def write_version_blob(services: Services, version: TranscriptVersion, transcript: Transcript) -> None:
    """Write the text of a version that has no row yet; the same bytes for the same transcript."""
    data = gzip.compress(transcript.model_dump_json(by_alias=True).encode(), COMPRESSION, mtime=0)
    services.storage.blobs.write(RESULTS, version_blob(version), data, TRANSCRIPT_VERSION.content_type)


def version_blob(version: TranscriptVersion) -> str:
    """Return the full name of the version's blob in container `results`."""
    name = TRANSCRIPT_VERSION.name_of(version=version.version, token=version.token)
    return blob_name(version.org_id, version.session_id, version.job_id, name)
