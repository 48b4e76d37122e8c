"""Add segments, capitals and full stops to the words of an engine without punctuation, from their pauses.

Apart from `sentences`, which serves engines with punctuation. A sentence ends at a long pause after a word that a
sentence can end with. Commas, question marks and names cannot be inferred from pauses and are left out.
"""

import re
from collections.abc import Iterable, Sequence

from shared.transcription.line_breaks import LEANS_FORWARD
from shared.transcription.payload import TranscriptSegment, TranscriptWord
from shared.transcription.sentence_ends import SENTENCE_ENDS

JOIN_PAUSE_SEC = 0.6
"""A shorter pause is a breath: the utterances are joined."""
SENTENCE_PAUSE_SEC = 0.7
"""A pause of this length ends a sentence after a word that a sentence can end with."""
THOUGHT_PAUSE_SEC = 2.0
"""A pause of this length ends a sentence after any word."""
MAX_SEGMENT_SEC = 12.0
FIRST_PERSON = re.compile(r"^i(?=$|')")


def phrase(utterances: Iterable[TranscriptSegment]) -> tuple[TranscriptSegment, ...]:
    """Return the utterances joined over short pauses, numbered from 0.

    `I` and the first word of a sentence get a capital, its last word a full stop. No word's time changes.
    """
    joined = list(_joined(utterances))
    segments: list[TranscriptSegment] = []
    opens = True
    for number, (language, words) in enumerate(joined):
        following = joined[number + 1][1][0].start if number + 1 < len(joined) else float("inf")
        closes = _ends_sentence(words[-1].word, following - words[-1].end)
        segments.append(_segment(number, words, language, opens=opens, closes=closes))
        opens = closes
    return tuple(segments)


def _joined(utterances: Iterable[TranscriptSegment]) -> Iterable[tuple[str | None, list[TranscriptWord]]]:
    words: list[TranscriptWord] = []
    language: str | None = None
    for utterance in utterances:
        more = utterance.words
        if not more:
            continue
        if words and (
            more[0].start - words[-1].end >= JOIN_PAUSE_SEC
            or more[-1].end - words[0].start > MAX_SEGMENT_SEC
            or utterance.language != language
        ):
            yield language, words
            words = []
        words = [*words, *more]
        language = utterance.language
    if words:
        yield language, words


def _ends_sentence(word: str, pause_sec: float) -> bool:
    """Return whether a sentence ends here.

    After words such as `of the` a speaker only searches for a word, so the pause must be longer.
    """
    return pause_sec >= (THOUGHT_PAUSE_SEC if word.lower() in LEANS_FORWARD else SENTENCE_PAUSE_SEC)


def _segment(
    number: int, words: Sequence[TranscriptWord], language: str | None, *, opens: bool, closes: bool
) -> TranscriptSegment:
    texts = [FIRST_PERSON.sub("I", word.word) for word in words]
    if opens:
        texts[0] = texts[0][:1].upper() + texts[0][1:]
    if closes and not texts[-1].endswith(SENTENCE_ENDS):
        texts[-1] += "."
    shaped = tuple(word.model_copy(update={"word": text}) for word, text in zip(words, texts, strict=True))
    return TranscriptSegment(
        id=number,
        start=words[0].start,
        end=words[-1].end,
        text=" ".join(texts),
        confidence=round(sum(word.confidence for word in words) / len(words), 3),
        words=shaped,
        language=language,
    )
