"""Declare the stores of texts: vocabularies, versions of transcripts, and the search index."""

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from shared.domain.search.transcript import IndexedTranscript, Passage, Posting, PostingKey
from shared.domain.transcript_version import TranscriptVersion
from shared.domain.vocabulary import Vocabulary
from shared.storage.ports.stored import Stored


class VocabularyStore(Protocol):
    """Organisations' vocabularies."""

    def save(self, vocabulary: Vocabulary) -> None:
        """Write the vocabulary, in place of the one that the organisation has under this name."""

    def create(self, vocabulary: Vocabulary) -> None:
        """Insert the vocabulary; raise WriteConflict when the organisation has one under this name."""

    def update(self, stored: Stored[Vocabulary], vocabulary: Vocabulary) -> None:
        """Replace the vocabulary; raise WriteConflict when it was changed since it was read, NotFound when it is
        missing."""

    def get(self, org_id: str, name: str) -> Stored[Vocabulary]:
        """Return the row; raise NotFound."""

    def of_organisation(self, org_id: str) -> Iterator[Vocabulary]:
        """Return all vocabularies of an organisation, by name."""

    def delete(self, org_id: str, name: str) -> None:
        """Delete the vocabulary if it is there."""


class TranscriptVersionStore(Protocol):
    """The versions of transcripts that people made."""

    def create(self, version: TranscriptVersion) -> None:
        """Insert the version; raise WriteConflict when its number is taken."""

    def latest(self, org_id: str, job_id: str) -> TranscriptVersion | None:
        """Return the newest version of the job's transcript, in one request; raise RowOfLaterRelease or UnreadableRow
        when it cannot be read."""

    def get(self, org_id: str, job_id: str, version: int) -> Stored[TranscriptVersion]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[TranscriptVersion], version: TranscriptVersion) -> None:
        """Replace the version; raise WriteConflict when it was changed since it was read."""

    def of_job(self, org_id: str, job_id: str) -> Iterator[TranscriptVersion]:
        """Return the versions of the job's transcript, newest first."""

    def delete(self, version: TranscriptVersion) -> None:
        """Delete the version if it is there."""

    def delete_of(self, org_id: str, job_id: str) -> int:
        """Delete all versions of the job's transcript; return their number."""


class SearchIndex(Protocol):
    """Which tokens the organisations' transcripts have, and where. Each job's transcript stands for itself."""

    def put(self, transcript: IndexedTranscript) -> None:
        """Write the job's transcript in place of what is there of it. Until it returns, only a part may be found."""

    def jobs(self, org_id: str, session_id: str) -> Collection[str]:
        """Return the session's jobs of which anything was put and not removed."""

    def remove(self, org_id: str, session_id: str, job_id: str) -> int:
        """Remove what was put of the job; return the number of rows."""

    def withdraw(self, transcript: IndexedTranscript) -> None:
        """Remove what `put` writes of the transcript, also when some of it was removed at the same time."""

    def postings(
        self, org_id: str, token: str, *, limit: int, start: PostingKey = ("", ""), session_id: str | None = None
    ) -> Sequence[Posting]:
        """Return up to `limit` transcripts that have the token, of all sessions or of one, by key, from `start` on:
        newest sessions first. One request."""

    def passages(self, org_id: str, session_id: str, job_id: str, numbers: range) -> Sequence[Passage]:
        """Return those of the transcript's passages that are there, in order. One request for a few of them."""
