"""Correct words that an engine was unsure of towards terms of a vocabulary that sound alike.

For engines that cannot be told what to expect. Apart from the engines: it knows words, confidences and sounds, but no
audio. How the limits were found: docs/decisions/0032-vocabulary.md.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, islice, pairwise, product, takewhile

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extract

from shared.transcription.engine import Segment, Word
from shared.transcription.sentence_ends import ends_sentence
from shared.transcription.vocabulary.pronunciation import Sounds, look_up, spoken_words
from shared.transcription.vocabulary.sound_distance import skeleton, unlikeness, weight_of

MAX_UNLIKENESS = 0.42
"""Words that are less alike stay; see `unlikeness`."""

SHORT_WEIGHT = 6.0
"""A term lighter than this (about eight sounds) has to be more alike: many words sound nearly like a short one."""

SHORT_SLOPE = 0.06
"""By so much the limit falls for each unit of weight that a short term lacks."""

MEAN_BELIEF = 0.3
"""The confidence at which the limit is as above."""

BELIEF_SLOPE = 0.3
"""By so much the limit falls for each unit of confidence above it."""

DISBELIEF_SLOPE = 0.15
"""By so much the limit rises for each unit of confidence below it."""

MIN_WEIGHT = 2.0
"""Lighter terms, of two or three sounds, are left out: they cannot be told by their sound."""

MAX_EXTRA_WORDS = 3
"""An engine splits a term into at most so many words more than it has."""

MAX_WORDS = 6
"""Longest stretch of words that is compared with a term."""

MAX_SKELETON_DISTANCE = 0.67
"""Rows of consonants that differ more, as a share of the longer one, are not compared any further."""

MAX_READINGS = 4
"""Ways to say a stretch of words that are tried."""

_EDGES = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)
"""A written word with the punctuation around it."""

_Book = Mapping[str, tuple[Sounds, ...]]
"""How each word is said."""


@dataclass(frozen=True, slots=True)
class _Term:
    """A term: its written words, the words of each as they are said, the ways it sounds."""

    written: tuple[str, ...]
    spoken: tuple[Sounds, ...]
    readings: tuple[Sounds, ...]
    weight: float
    """The weight of the heaviest reading."""


@dataclass(frozen=True, slots=True)
class _Change:
    """The words from `first` to before `end` are to become these."""

    unlike: float
    first: int
    end: int
    written: tuple[str, ...]
    length: int
    """The words of the stretch that was compared, with those at its edges that stay."""


class Vocabulary:
    """Terms that a recording may contain."""

    def __init__(
        self,
        terms: Sequence[str],
        look_up: Callable[[Collection[str]], Mapping[str, tuple[Sounds, ...]]] = look_up,
        most_unlike: float = MAX_UNLIKENESS,
    ) -> None:
        """Take the terms.

        Args:
            terms: as they are to be written.
            look_up: returns how words are said.
            most_unlike: words that are less alike stay, for any weight of the term and belief of the engine.
        """
        self._terms = tuple(dict.fromkeys(terms))
        self._look_up = look_up
        self._most_unlike = most_unlike

    def correct(self, segments: Sequence[Segment], unsure: float) -> list[Segment]:
        """Return the segments with words below the confidence `unsure` corrected; other words are never changed."""
        if not any(word.confidence < unsure for segment in segments for word in segment.words):
            return list(segments)
        texts = [*self._terms, *(word.text for segment in segments for word in segment.words)]
        book = self._look_up({said for text in texts for said in spoken_words(text)})
        known = [term for written in self._terms if (term := _term(written, book)).weight >= MIN_WEIGHT]
        skeletons = [skeleton(term.readings[0]) for term in known]
        return [
            _Corrector(segment, known, skeletons, book, unsure, self._most_unlike).corrected() for segment in segments
        ]


def _term(written: str, book: _Book) -> _Term:
    """Return the term with its sounds; one without letters has no weight."""
    words = tuple(written.split())
    spoken = tuple(tuple(spoken_words(word)) for word in words)
    readings = _readings(spoken, book)
    return _Term(words, spoken, readings, max(map(weight_of, readings)))


def _readings(words: Sequence[Sequence[str]], book: _Book) -> tuple[Sounds, ...]:
    """Return the ways to say the words in a row."""
    choices = [book[said] for word in words for said in word]
    rows = islice(product(*choices), MAX_READINGS)
    return tuple(tuple(chain.from_iterable(row)) for row in rows)


class _Corrector:
    """Corrects one segment."""

    def __init__(
        self,
        segment: Segment,
        terms: Sequence[_Term],
        skeletons: Sequence[str],
        book: _Book,
        unsure: float,
        most_unlike: float,
    ) -> None:
        self._segment = segment
        self._words = segment.words
        self._spoken = [tuple(spoken_words(word.text)) for word in segment.words]
        self._terms = terms
        self._skeletons = skeletons
        self._book = book
        self._unsure = unsure
        self._most_unlike = most_unlike

    def corrected(self) -> Segment:
        """Return the segment with the changes that sound most alike, none of which overlap."""
        changes: list[_Change] = []
        taken: set[int] = set()
        for change in sorted(self._proposals(), key=lambda each: (each.unlike, -each.length, each.first)):
            places = set(range(change.first, change.end))
            if not places & taken:
                taken |= places
                changes.append(change)
        if not changes:
            return self._segment
        words: list[Word] = []
        at = 0
        for change in sorted(changes, key=lambda each: each.first):
            words.extend(self._words[at : change.first])
            words.extend(self._written(change))
            at = change.end
        return Segment.of((*words, *self._words[at:]), self._segment.language)

    def _proposals(self) -> Iterator[_Change]:
        """Yield what each stretch of words with an unsure one might have been."""
        for first, end in self._stretches():
            readings = _readings(self._spoken[first:end], self._book)
            for _, _, place in extract(
                skeleton(readings[0]),
                self._skeletons,
                scorer=Levenshtein.normalized_distance,
                score_cutoff=MAX_SKELETON_DISTANCE,
                limit=None,
            ):
                change = self._compared(first, end, readings, self._terms[place])
                if change is not None:
                    yield change

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """Yield the stretches of words within a sentence of which at least one is unsure and all have letters."""
        for first in range(len(self._words)):
            is_unsure = False
            for end in range(first + 1, min(len(self._words), first + MAX_WORDS) + 1):
                word = self._words[end - 1]
                if not self._spoken[end - 1]:
                    break
                is_unsure = is_unsure or word.confidence < self._unsure
                if is_unsure:
                    yield first, end
                if self._ends_sentence(end - 1):
                    break

    def _ends_sentence(self, at: int) -> bool:
        following = self._words[at + 1].text if at + 1 < len(self._words) else None
        return ends_sentence(self._words[at].text, following)

    def _compared(self, first: int, end: int, readings: Sequence[Sounds], term: _Term) -> _Change | None:
        """Return the change of the stretch to the term, without the words at its edges that the two share; None if the
        engine was sure of a word, has written the term already, or they are not alike enough."""
        heard, wanted = self._spoken[first:end], term.spoken
        if end - first > len(wanted) + MAX_EXTRA_WORDS or _contains(heard, wanted):
            return None
        head = _shared(heard, wanted)
        tail = _shared(heard[head:][::-1], wanted[head:][::-1])
        core, written = range(first + head, end - tail), term.written[head : len(wanted) - tail]
        if not core or not written or any(self._words[at].confidence >= self._unsure for at in core):
            return None
        belief = sum(self._words[at].confidence for at in core) / len(core)
        limit = min(self._most_unlike, _limit(term.weight, belief))
        unlike = min(unlikeness(mine, theirs, limit) for mine in readings for theirs in term.readings)
        return _Change(unlike, core.start, core.stop, written, end - first) if unlike <= limit else None

    def _written(self, change: _Change) -> Iterator[Word]:
        """Yield the words of the change, with the punctuation and the times of those that they replace.

        As many words keep their own times. Otherwise the time of all is shared by the number of letters.
        """
        old = self._words[change.first : change.end]
        texts = self._in_place(change, old)
        if len(texts) == len(old):
            for word, text in zip(old, texts, strict=True):
                yield replace(word, text=text, original=word.text)
            return
        start, length = old[0].start, old[-1].end - old[0].start
        letters = [0, *accumulate(map(len, texts))]
        confidence = sum(word.confidence for word in old) / len(old)
        original = " ".join(word.text for word in old)
        for text, (before, after) in zip(texts, pairwise(letters), strict=True):
            yield Word(
                text,
                start + length * before / letters[-1],
                start + length * after / letters[-1],
                confidence,
                original,
            )

    def _in_place(self, change: _Change, old: Sequence[Word]) -> list[str]:
        """Return the term's words with the capital and the punctuation of the place."""
        texts = list(change.written)
        opening, first, _ = _edges(old[0].text)
        closing = _edges(old[-1].text)[2]
        begins = change.first == 0 or self._ends_sentence(change.first - 1)
        if begins and first[:1].isupper():
            texts[0] = texts[0][:1].upper() + texts[0][1:]
        texts[0] = opening + texts[0]
        texts[-1] += closing
        return texts


def _limit(weight: float, belief: float) -> float:
    """Return how unlike words may be that become a term of this weight, where the engine believed them so much."""
    slope = BELIEF_SLOPE if belief > MEAN_BELIEF else DISBELIEF_SLOPE
    return MAX_UNLIKENESS - SHORT_SLOPE * max(0.0, SHORT_WEIGHT - weight) - slope * (belief - MEAN_BELIEF)


def _contains(heard: Sequence[Sounds], wanted: Sequence[Sounds]) -> bool:
    """Return whether the words contain the term as it is."""
    said, term = list(chain.from_iterable(heard)), list(chain.from_iterable(wanted))
    return any(said[at : at + len(term)] == term for at in range(len(said) - len(term) + 1))


def _shared(heard: Sequence[Sounds], wanted: Sequence[Sounds]) -> int:
    """Return how many words the two have in common from their beginnings on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(heard, wanted, strict=False)))


def _edges(text: str) -> tuple[str, str, str]:
    found = _EDGES.match(text)
    assert found is not None  # the pattern matches every text
    return found[1], found[2], found[3]
