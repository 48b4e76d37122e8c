"""Tell what differs between two versions of a transcript.

Apart from `apply`, because a restored version differs from the one before it without any operation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.transcription.payload import Transcript, TranscriptSegment


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs."""

    words: int
    """How many words were added, removed, or written otherwise."""

    segments: Sequence[TranscriptSegment]
    """The segments that are new or changed, as they are now, in order."""

    removed_segment_ids: Sequence[int]
    """The segments that are there no more."""


def changes_between(before: Transcript, after: Transcript) -> Changes:
    """Return how `after` differs from `before`; both have ids for all words."""
    old_segments = {segment.id: segment for segment in before.segments}
    kept = {segment.id for segment in after.segments}
    changed = [segment for segment in after.segments if old_segments.get(segment.id) != segment]
    gone = [segment for segment in before.segments if segment.id not in kept]
    old = {word.id: word.word for segment in before.segments for word in segment.words}
    new = {word.id: word.word for segment in after.segments for word in segment.words}
    words = len(old.keys() ^ new.keys()) + sum(new[each] != text for each, text in old.items() if each in new)
    return Changes(words, changed, [segment.id for segment in gone])
