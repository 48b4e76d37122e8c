"""Make a new version of a session's transcript: by operations, from a corrected file, or from an earlier version.

The blob is written first, then the task that brings captions up to date, then the mark on the session that keeps a new
run from replacing the text, and last the row. The row's key is unique: of two editors who make the same version, one
fails. A crash before it leaves the version before as the newest, and a blob that no row names.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from shared.domain.errors import (
    InvalidOperation,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    ResultNotReady,
    TextDoesNotFit,
    WriteConflict,
)
from shared.domain.session import Session
from shared.domain.transcript_version import ReviewState, TranscriptVersion, VersionKind
from shared.pipeline.context import Services
from shared.pipeline.jobs.transcripts import FoundTranscript, find_transcript, transcript_of, version_tag
from shared.pipeline.stages.current_transcript import latest_version, version_blob, write_version_blob
from shared.pipeline.stages.follow_corrections import FOLLOW_AFTER, follow_corrections
from shared.pipeline.updates import change_session, retry_conflicts
from shared.storage.ports import RESULTS
from shared.transcription.editing import import_text
from shared.transcription.editing.apply import Edited, OperationRefused, apply_operations
from shared.transcription.editing.changes import Changes, changes_between
from shared.transcription.editing.import_text import import_operations
from shared.transcription.editing.operations import Operation
from shared.transcription.editing.subtitles import TextFormat, read_words
from shared.transcription.editing.word_ids import next_segment_id
from shared.transcription.payload import Transcript

ANY = "*"
NEWER = "The transcript has a newer version, {number}; read it, and apply your changes to it."
OTHER_VERSION = "If-Match names another text than version {number} of the transcript; read it, and edit that."


@dataclass(frozen=True, slots=True)
class Editor:
    """The caller that edits, and what it has read."""

    org_id: str
    name: str | None
    if_match: Sequence[str] | None
    """The entity tags that the caller holds; None without the header."""

    def require(self, found: FoundTranscript) -> None:
        """Raise PreconditionFailed unless the caller has read this version; without tags it need not."""
        if self.if_match is not None and not {ANY, found.tag} & set(self.if_match):
            raise PreconditionFailed(OTHER_VERSION.format(number=found.number))


@dataclass(frozen=True, slots=True)
class SavedVersion:
    """A version that was made."""

    version: TranscriptVersion
    tag: str
    changes: Changes


Make = Callable[[FoundTranscript, Transcript, int, int], Edited]
"""Returns the new text of a transcript, for a version with this number, with the first id for new segments."""


def edit_transcript(
    services: Services, editor: Editor, session_id: str, operations: Sequence[Operation]
) -> SavedVersion:
    """Apply the operations and return the new version.

    Raises:
        PreconditionRequired: The editor did not say which version it has read.
        PreconditionFailed: Another editor was faster.
        InvalidOperation: An operation does not fit the transcript.
        NotFound: There is no such session.
        ResultNotReady: It has no transcript yet.
    """
    if editor.if_match is None:
        services.storage.sessions.get(editor.org_id, session_id)
        raise PreconditionRequired("Send the ETag of the transcript that you edited in the header If-Match.")

    def make(found: FoundTranscript, transcript: Transcript, version: int, first_id: int) -> Edited:
        try:
            return apply_operations(transcript, operations, version=version, next_segment_id=first_id)
        except OperationRefused as error:
            pointer = f"#/operations/{error.number}/{error.field}"
            raise InvalidOperation(error.detail, pointer) from error

    return _save(services, editor, session_id, VersionKind.EDIT, make)


def import_transcript(
    services: Services, editor: Editor, session_id: str, content: str, form: TextFormat
) -> SavedVersion:
    """Align a corrected text with the transcript's words and return the new version.

    Raise TextDoesNotFit for the text of another recording, and as `edit_transcript`.
    """
    written = read_words(content, form)

    def make(found: FoundTranscript, transcript: Transcript, version: int, first_id: int) -> Edited:
        try:
            operations = import_operations(transcript, written)
        except import_text.TextDoesNotFit as error:
            raise TextDoesNotFit(f"{error} Import a corrected text of this recording.") from error
        return apply_operations(transcript, operations, version=version, next_segment_id=first_id)

    return _save(services, editor, session_id, VersionKind.IMPORT, make)


def restore_transcript(services: Services, editor: Editor, session_id: str, number: int) -> SavedVersion:
    """Make an earlier version the newest one again, as a new version; raise NotFound, and as `edit_transcript`."""

    def make(found: FoundTranscript, transcript: Transcript, version: int, first_id: int) -> Edited:
        earlier = find_transcript(services, editor.org_id, session_id, found.job_id, number)
        return Edited(transcript_of(services, earlier), first_id)

    return _save(services, editor, session_id, VersionKind.RESTORE, make)


def set_review_state(services: Services, editor: Editor, session_id: str, state: ReviewState) -> Session:
    """Note how far the transcript is corrected and return the session.

    Raise as `edit_transcript`, and PreconditionFailed when an edit finished meanwhile: its text was not reviewed.
    """
    found = find_transcript(services, editor.org_id, session_id)
    editor.require(found)
    session = _mark(services, editor, session_id, found.job_id, state)
    newest = latest_version(services, editor.org_id, found.job_id)
    if newest is not None and newest.version != found.number:
        _mark(services, editor, session_id, found.job_id, ReviewState.IN_CORRECTION)
        raise PreconditionFailed(NEWER.format(number=newest.version))
    if found.version is not None:
        versions = services.storage.transcript_versions
        stored = versions.get(editor.org_id, found.job_id, found.number)
        versions.update(stored, stored.value.evolve(state=state))
    follow_corrections.using(services).delay(editor.org_id, session_id, found.job_id)
    return session


def _save(services: Services, editor: Editor, session_id: str, kind: VersionKind, make: Make) -> SavedVersion:
    once = partial(_save_once, services, editor, session_id, kind, make)
    if editor.if_match is None:
        return retry_conflicts(once, services.sleep)
    try:
        return once()
    except WriteConflict as error:
        newest = find_transcript(services, editor.org_id, session_id)
        raise PreconditionFailed(NEWER.format(number=newest.number)) from error


def _save_once(services: Services, editor: Editor, session_id: str, kind: VersionKind, make: Make) -> SavedVersion:
    found = find_transcript(services, editor.org_id, session_id)
    editor.require(found)
    before = transcript_of(services, found)
    first_id = next_segment_id(before) if found.version is None else found.version.next_segment_id
    number = found.number + 1
    edited = make(found, before, number, first_id)
    changes = changes_between(before, edited.transcript)
    version = TranscriptVersion(
        org_id=editor.org_id,
        session_id=session_id,
        job_id=found.job_id,
        version=number,
        created_at=services.clock(),
        state=ReviewState.IN_CORRECTION,
        changed_words=changes.words,
        token=secrets.randbits(62),
        next_segment_id=edited.next_segment_id,
        kind=kind,
        by=editor.name,
    )
    write_version_blob(services, version, edited.transcript)
    following = follow_corrections.using(services)
    following.delay_in(FOLLOW_AFTER, editor.org_id, session_id, found.job_id, number)
    _mark(services, editor, session_id, found.job_id, ReviewState.IN_CORRECTION)
    try:
        services.storage.transcript_versions.create(version)
    except WriteConflict:  # another editor made the version, with a blob of another name
        services.storage.blobs.delete(RESULTS, version_blob(version))
        raise
    _require_shown(services, editor, version)
    return SavedVersion(version, version_tag(version), changes)


def _mark(services: Services, editor: Editor, session_id: str, job_id: str, state: ReviewState) -> Session:
    """Mark the session's transcript as this far corrected; raise PreconditionFailed when it is another one now."""
    now = services.clock()

    def mark(session: Session) -> Session:
        if session.transcript_job_id != job_id:
            raise PreconditionFailed("Another transcript took the place of the one that you edited; read it.")
        if state is ReviewState.IN_CORRECTION:
            session = session.evolve(corrected_job_id=job_id)
        if session.review_state is not state:
            session = session.evolve(review_state=state, reviewed_at=now, reviewed_by=editor.name)
        return session.evolve(updated_at=now)

    return change_session(services, editor.org_id, session_id, mark)


def _require_shown(services: Services, editor: Editor, version: TranscriptVersion) -> None:
    """Mend what happened while the version was written: a review of the text before, or a deletion."""
    try:
        session = services.storage.sessions.get(editor.org_id, version.session_id).value
        if session.transcript_job_id == version.job_id:
            if session.review_state is not ReviewState.IN_CORRECTION:
                _mark(services, editor, version.session_id, version.job_id, ReviewState.IN_CORRECTION)
            return
    except NotFound:
        session = None
    services.storage.transcript_versions.delete(version)
    services.storage.blobs.delete(RESULTS, version_blob(version))
    if session is None:
        raise NotFound(f"There is no session {version.session_id}.")
    raise ResultNotReady("The transcript was deleted meanwhile.")
