"""Correct words that are none towards rare terms that stood on the screen while they were said.

For the transcripts that `correction.py` corrects, when the slides are known. Apart from it, because a slide shows many
words that were not said: only doubtful words that no dictionary has are changed, and only to what sounds nearly the
same. How the limits were found: docs/decisions/0039-words-of-slides.md.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from shared.transcription.engine import Segment, Word
from shared.transcription.payload import Transcript, TranscriptSegment, TranscriptWord
from shared.transcription.vocabulary.correction import Vocabulary
from shared.transcription.vocabulary.pronunciation import Sounds, guess, read_entries, spoken_words
from shared.transcription.vocabulary.rare_terms import RareTerm, is_rare, letters_of, rare_terms

MOST_UNLIKE = 0.18
"""Words that are less alike stay; see `unlikeness`. With 0.19, `homoscedasticity` on a slide replaces its opposite."""

AROUND_SEC = 4.0
"""A slide counts from so long before its visit until so long after it, as for the terms that were not said."""

MIN_DOUBTED_CHARS = 4
"""Shorter words are never changed."""

RELATED_CHARS = 4
"""Two words with as many letters in common at the beginning are related if at most so many follow in each."""

_NO_PLURALS = ("ss", "is", "us")

_Book = Mapping[str, tuple[Sounds, ...]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A visit of a slide."""

    slide: int
    """The slide's id."""
    start: float
    end: float
    lines: tuple[str, ...]


def correct_towards_shown(transcript: Transcript, shown: Sequence[Shown], known_words: Collection[str]) -> Transcript:
    """Return the transcript with words changed to what was shown; the same object where none is.

    Args:
        transcript: as an engine wrote it that is corrected; words that are corrected already stay.
        shown: the visits of all slides.
        known_words: words that the engine knows as a whole, in lower case. They neither change nor are terms.
    """
    places = [at for at, segment in enumerate(transcript.segments) if any(_doubted(segment, transcript.doubtful_below))]
    terms = {each.slide: rare_terms(each.lines, known_words) for each in shown}
    if not places or not any(terms.values()):
        return transcript
    written = {term.written for found in terms.values() for term in found.values()}
    heard = {word.word for at in places for word in transcript.segments[at].words}
    entries = read_entries(
        {said for text in (*written, *_other_numbers(written), *heard) for said in spoken_words(text)}
    )
    segments = list(transcript.segments)
    for at in places:
        corrector = _Corrector(segments[at], shown, terms, known_words, entries, transcript.doubtful_below)
        segments[at] = corrector.corrected()
    if all(one is other for one, other in zip(segments, transcript.segments, strict=True)):
        return transcript
    quality = transcript.quality
    if quality is not None:
        quality = quality.model_copy(update={"words": sum(len(segment.words) for segment in segments)})
    return transcript.model_copy(update={"segments": tuple(segments), "quality": quality})


def _doubted(segment: TranscriptSegment, below: float) -> Iterator[TranscriptWord]:
    """Yield the words that may be changed, before a dictionary is asked; none but of English."""
    if segment.language == "en" and segment.text == " ".join(word.word for word in segment.words):
        for word in segment.words:
            if word.confidence < below and word.original is None and len(letters_of(word.word)) >= MIN_DOUBTED_CHARS:
                yield word


class _Corrector:
    """Corrects one segment."""

    def __init__(
        self,
        segment: TranscriptSegment,
        shown: Sequence[Shown],
        terms: Mapping[int, Mapping[str, RareTerm]],
        known_words: Collection[str],
        entries: _Book,
        below: float,
    ) -> None:
        self._segment = segment
        self._shown = [each for each in shown if _distance(each, segment.start, segment.end) <= AROUND_SEC]
        self._terms = terms
        self._known_words = known_words
        self._entries = entries
        self._below = below

    def corrected(self) -> TranscriptSegment:
        """Return the segment with its changes; itself without any."""
        changeable = {id(word) for word in _doubted(self._segment, self._below) if not self._is_word(word.word)}
        written = {term.written for each in self._shown for term in self._terms[each.slide].values()}
        if not changeable or not written:
            return self._segment
        heard = tuple(
            Word(word.word, word.start, word.end, word.confidence if id(word) in changeable else 1.0)
            for word in self._segment.words
        )
        # Beside each term stands its plural or singular. What sounds more like that stays as it is.
        terms = sorted(written | _other_numbers(written))
        vocabulary = Vocabulary(terms, self._pronounced, MOST_UNLIKE)
        found = vocabulary.correct([Segment.of(heard, "en")], self._below)[0]
        words = tuple(self._merged(found.words))
        if words == self._segment.words:
            return self._segment
        text = " ".join(word.word for word in words)
        return self._segment.model_copy(update={"words": words, "text": text})

    def _is_word(self, text: str) -> bool:
        """Return whether a dictionary or the engine has every part of the word."""
        return not is_rare(text, self._known_words) or all(said in self._entries for said in spoken_words(text))

    def _pronounced(self, words: Collection[str]) -> _Book:
        return {word: self._entries.get(word) or (guess(word),) for word in words}

    def _merged(self, found: Sequence[Word]) -> Iterator[TranscriptWord]:
        """Yield the words of the segment, with the changes that are to be made."""
        at = 0
        for word in found:
            count = 1 if word.original is None else len(word.original.split())
            old = self._segment.words[at : at + count]
            at += count
            changed = None if word.original is None else self._changed(old, word.text)
            if changed is None:
                yield from old
            else:
                yield changed

    def _changed(self, old: Sequence[TranscriptWord], text: str) -> TranscriptWord | None:
        """Return the word in place of the old ones; None if no slide showed it then, or it is related to them."""
        letters, original = letters_of(text), " ".join(word.word for word in old)
        showing = [
            each
            for each in self._shown
            if letters in self._terms[each.slide] and _distance(each, old[0].start, old[-1].end) <= AROUND_SEC
        ]
        if not showing or _are_related(letters, letters_of(original)):
            return None
        slide = min(showing, key=lambda each: _distance(each, old[0].start, old[-1].end)).slide
        if not self._terms[slide][letters].has_own_case and _is_capitalized(original):
            text = _capitalized(text)
        confidence = round(sum(word.confidence for word in old) / len(old), 3)
        return old[0].model_copy(
            update={"word": text, "end": old[-1].end, "confidence": confidence, "original": original, "slide": slide}
        )


def _distance(shown: Shown, start: float, end: float) -> float:
    """Return how far a time lies outside of the visit, in seconds."""
    return max(0.0, shown.start - end, start - shown.end)


def _other_numbers(terms: Collection[str]) -> set[str]:
    """Return the plurals of the terms, and the singulars of those that seem to be plurals."""
    ends = {term: term.casefold().endswith for term in terms}
    singulars = {term[:-1] for term in terms if ends[term]("s") and not ends[term](_NO_PLURALS)}
    return (singulars | {f"{term}s" for term in terms if not ends[term]("s")}) - set(terms)


def _are_related(one: str, other: str) -> bool:
    """Return whether two words seem to have one stem: the engine may have heard the ending right."""
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return common >= RELATED_CHARS and max(len(one), len(other)) - common <= RELATED_CHARS


def _is_capitalized(text: str) -> bool:
    return next((letter.isupper() for letter in text if letter.isalpha()), False)


def _capitalized(text: str) -> str:
    place = next(at for at, letter in enumerate(text) if letter.isalpha())
    return text[:place] + text[place].upper() + text[place + 1 :]
