"""Gives words from an engine that writes none of it the little shape that pauses tell: segments and capitals.

Full stops and commas are left out: where they belong cannot be heard well enough from pauses alone.
"""

import re
from collections.abc import Iterable, Sequence

from shared.transcription.payload import TranscriptSegment, TranscriptWord

JOIN_PAUSE_SEC = 0.6  # shorter ones are breath, not the end of a thought
SENTENCE_PAUSE_SEC = 0.7
MAX_SEGMENT_SEC = 12.0
FIRST_PERSON = re.compile(r"^i(?=$|')")


def phrase(utterances: Iterable[TranscriptSegment]) -> tuple[TranscriptSegment, ...]:
    """Utterances joined over short pauses, numbered from 0; `I`, and the first word after a long pause, capitalised."""
    joined: list[list[TranscriptWord]] = []
    for utterance in utterances:
        words = list(utterance.words)
        if not words:
            continue
        if (
            joined
            and words[0].start - joined[-1][-1].end < JOIN_PAUSE_SEC
            and words[-1].end - joined[-1][0].start <= MAX_SEGMENT_SEC
        ):
            joined[-1].extend(words)
        else:
            joined.append(words)
    segments: list[TranscriptSegment] = []
    end = float("-inf")
    for number, words in enumerate(joined):
        segments.append(_segment(number, words, opens=words[0].start - end >= SENTENCE_PAUSE_SEC))
        end = words[-1].end
    return tuple(segments)


def _segment(number: int, words: Sequence[TranscriptWord], *, opens: bool) -> TranscriptSegment:
    texts = [FIRST_PERSON.sub("I", word.word) for word in words]
    if opens:
        texts[0] = texts[0][:1].upper() + texts[0][1:]
    cased = tuple(word.model_copy(update={"word": text}) for word, text in zip(words, texts, strict=True))
    return TranscriptSegment(
        id=number,
        start=words[0].start,
        end=words[-1].end,
        text=" ".join(texts),
        confidence=round(sum(word.confidence for word in words) / len(words), 3),
        words=cased,
    )
