"""Rearrange the words of engines with punctuation into one segment a sentence, across utterances and parts.

Apart from `phrasing`, which serves engines without punctuation. Only for languages with spaces between words, and only
where the words of a segment are its text.
"""

from collections.abc import Iterable, Iterator, Sequence

from shared.transcription.payload import TranscriptSegment, TranscriptWord
from shared.transcription.sentence_ends import ends_sentence

THOUGHT_PAUSE_SEC = 2.0
"""A pause of this length ends a segment, even inside a sentence."""
LONGEST_SEC = 30.0
"""A sentence does not continue over the end of an utterance if it would be longer than this."""


def as_sentences(segments: Iterable[TranscriptSegment]) -> tuple[TranscriptSegment, ...]:
    """Return the words of the segments as a segment a sentence, numbered from 0; no word or time changes."""
    made: list[TranscriptSegment] = []
    open_words: list[TranscriptWord] = []
    language: str | None = None

    def close() -> None:
        for words in _split(open_words):
            made.append(_segment(len(made), words, language))
        open_words.clear()

    for segment in segments:
        spaced = segment.text == " ".join(word.word for word in segment.words)
        if open_words and not (spaced and segment.language == language and _goes_on(open_words, segment.words)):
            close()
        if not spaced:
            made.append(segment.model_copy(update={"id": len(made)}))
            continue
        language = segment.language
        open_words.extend(segment.words)
    if open_words:
        close()
    return tuple(made)


def _goes_on(words: Sequence[TranscriptWord], following: Sequence[TranscriptWord]) -> bool:
    """Return whether the unfinished sentence of `words` continues in `following`."""
    last = next((at for at in range(len(words) - 1, 0, -1) if ends_sentence(words[at - 1].word, words[at].word)), 0)
    pause = following[0].start - words[-1].end
    length = following[-1].end - words[last].start
    return pause < THOUGHT_PAUSE_SEC and length <= LONGEST_SEC and not ends_sentence(words[-1].word, following[0].word)


def _split(words: Sequence[TranscriptWord]) -> Iterator[list[TranscriptWord]]:
    sentence: list[TranscriptWord] = []
    for at, word in enumerate(words):
        sentence.append(word)
        if at + 1 < len(words) and ends_sentence(word.word, words[at + 1].word):
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _segment(number: int, words: Sequence[TranscriptWord], language: str | None) -> TranscriptSegment:
    return TranscriptSegment(
        id=number,
        start=words[0].start,
        end=words[-1].end,
        text=" ".join(word.word for word in words),
        confidence=round(sum(word.confidence for word in words) / len(words), 3),
        words=tuple(words),
        language=language,
    )
