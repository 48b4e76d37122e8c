"""Group a transcript's segments into paragraphs.

Apart because plain text and the HTML page share it.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from shared.transcription.cues import UNSPACED
from shared.transcription.payload import Transcript, TranscriptSegment
from shared.transcription.sentence_ends import SENTENCE_ENDS

PARAGRAPH_PAUSE_SEC = 2.0
"""A pause of this length ends any paragraph."""
LONG_PARAGRAPH_CHARS = 600
"""From this length on, a shorter pause or the end of a sentence ends a paragraph."""
SHORTER_PAUSE_SEC = 0.7
"""A pause of this length ends a long paragraph."""


def paragraphs(transcript: Transcript, starts: Sequence[float] = ()) -> Iterator[tuple[TranscriptSegment, ...]]:
    """Yield the paragraphs in order, each of at least one segment.

    Args:
        transcript: The transcript.
        starts: Times at which chapters begin, in order. No paragraph reaches from one chapter into the next.
    """
    paragraph: list[TranscriptSegment] = []
    for segment in transcript.segments:
        turns = paragraph and chapter_of(segment, starts) != chapter_of(paragraph[-1], starts)
        if paragraph and (turns or _ends(paragraph, segment, transcript.language)):
            yield tuple(paragraph)
            paragraph = []
        paragraph.append(segment)
    if paragraph:
        yield tuple(paragraph)


def chapter_of(segment: TranscriptSegment, starts: Sequence[float]) -> int:
    """Return the number of the chapter in which the segment's middle lies; -1 before the first.

    A chapter that begins with a slide need not begin with a segment.
    """
    return bisect_right(starts, (segment.start + segment.end) / 2) - 1


def joined(segments: Sequence[TranscriptSegment], language: str) -> str:
    """Return the text of a paragraph in a transcript of this language."""
    return ("" if language in UNSPACED else " ").join(segment.text for segment in segments)


def _ends(paragraph: Sequence[TranscriptSegment], following: TranscriptSegment, language: str) -> bool:
    """Return whether a new paragraph begins with `following`."""
    before = paragraph[-1]
    pause = following.start - before.end
    if pause >= PARAGRAPH_PAUSE_SEC or following.speaker != before.speaker:
        return True
    if pause < SHORTER_PAUSE_SEC and not before.text.endswith(SENTENCE_ENDS):
        return False
    return len(joined(paragraph, language)) >= LONG_PARAGRAPH_CHARS
