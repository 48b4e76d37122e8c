"""Find a version of a session's transcript, and list its versions.

Apart from `results`, whose files never change, and from `edit_transcript`, which makes versions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import NotFound
from shared.domain.session import Session
from shared.domain.stage import Stage
from shared.domain.transcript_version import ReviewState, TranscriptVersion, VersionKind
from shared.pipeline.artefacts import TRANSCRIPT
from shared.pipeline.context import Services, blob_name
from shared.pipeline.jobs.results import find_result
from shared.pipeline.stages.current_transcript import (
    latest_version,
    read_current,
    read_machine_transcript,
    read_version_json,
)
from shared.storage.ports import RESULTS
from shared.transcription.payload import Transcript

HEAD_BYTES = 64 * 1024
"""So much of a transcript tells whether its words have ids."""


@dataclass(frozen=True, slots=True)
class FoundTranscript:
    """A version of a transcript."""

    session: Session
    job_id: str
    version: TranscriptVersion | None
    """None for the machine's."""

    is_newest: bool
    file_etag: str
    """The ETag of the machine's file."""

    lacks_ids: bool
    """Whether the machine's file is of an earlier release, without ids of words."""

    @property
    def number(self) -> int:
        """Return the number of the version."""
        return 0 if self.version is None else self.version.version

    @property
    def tag(self) -> str:
        """Return the entity tag of the version as JSON."""
        if self.version is not None:
            return version_tag(self.version)
        return f'"{self.file_etag}-ids"' if self.lacks_ids else f'"{self.file_etag}"'

    @property
    def state(self) -> ReviewState:
        """Return how far the version is corrected."""
        if self.is_newest and self.session.transcript_job_id == self.job_id:
            return self.session.review_state
        return ReviewState.AUTO if self.version is None else self.version.state


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version in the list of all."""

    version: int
    created_at: datetime
    by: str | None
    state: ReviewState
    changed_words: int
    kind: VersionKind


def find_transcript(
    services: Services, org_id: str, session_id: str, job_id: str | None = None, number: int | None = None
) -> FoundTranscript:
    """Return a version of the transcript, the newest unless numbered; raise NotFound, ResultNotReady."""
    result = find_result(services, org_id, session_id, Stage.TRANSCRIPTION, job_id)
    file = services.storage.blobs.facts(RESULTS, result.blob(TRANSCRIPT.name))
    if file is None or result.job_id is None:
        raise result.missing
    made_by = result.job_id
    newest = None
    session = result.session
    if session.corrected_job_id == made_by or session.transcript_job_id != made_by or number is not None:
        newest = latest_version(services, org_id, made_by)
    version = newest
    if number == 0:
        version = None
    elif number is not None and (newest is None or newest.version != number):
        version = _numbered(services, org_id, made_by, number)
    lacks_ids = version is None and _lacks_ids(services, result.blob(TRANSCRIPT.name))
    return FoundTranscript(session, made_by, version, version == newest, file.etag, lacks_ids)


def transcript_json(services: Services, found: FoundTranscript) -> bytes:
    """Return the version as JSON, with an id for every word."""
    session = found.session
    if found.version is not None:
        return read_version_json(services, found.version)
    if not found.lacks_ids:
        blob = blob_name(session.org_id, session.session_id, found.job_id, TRANSCRIPT.name)
        return services.storage.blobs.read(RESULTS, blob)
    made = read_machine_transcript(services, session.org_id, session.session_id, found.job_id)
    return made.model_dump_json(by_alias=True).encode()


def transcript_of(services: Services, found: FoundTranscript) -> Transcript:
    """Return the version, with an id for every word."""
    session = found.session
    return read_current(services, session.org_id, session.session_id, found.job_id, found.version)


def version_tag(version: TranscriptVersion) -> str:
    """Return the entity tag of a version that people made."""
    return f'"{version.job_id}-v{version.version}"'


def list_versions(services: Services, org_id: str, session_id: str) -> Iterator[ListedVersion]:
    """Yield the versions of the session's transcript, newest first, to the machine's; raise as `find_transcript`."""
    found = find_transcript(services, org_id, session_id)
    session = found.session
    state = session.review_state
    rows = () if found.version is None else services.storage.transcript_versions.of_job(org_id, found.job_id)
    for row in rows:
        if row.version > found.number:
            continue  # made since
        shown = state if row.version == found.number else row.state
        yield ListedVersion(row.version, row.created_at, row.by, shown, row.changed_words, row.kind)
    job = services.storage.jobs.get(org_id, found.job_id).value
    made_at = job.stages[Stage.TRANSCRIPTION].finished_at or job.created_at
    shown = state if found.number == 0 else ReviewState.AUTO
    yield ListedVersion(0, made_at, None, shown, 0, VersionKind.MACHINE)


def _numbered(services: Services, org_id: str, job_id: str, number: int) -> TranscriptVersion:
    try:
        return services.storage.transcript_versions.get(org_id, job_id, number).value
    except NotFound as err:
        raise NotFound(f"The transcript has no version {number}.") from err


def _lacks_ids(services: Services, blob: str) -> bool:
    """Return whether the file's first words have no ids."""
    head = services.storage.blobs.read_range(RESULTS, blob, 0, HEAD_BYTES).replace(b" ", b"")
    return b'"words":[{"' in head and b'"words":[{"id":' not in head
