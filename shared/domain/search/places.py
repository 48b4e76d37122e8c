"""Find and score the places of one transcript that match a query: pure functions of the tokens' positions.

A place is where the terms stand as they were typed (a phrase) or, for several terms, where all of them stand within
NEAR_TOKENS (near). Words that are further apart make no place: a find is a moment that one can listen to.

A place's score is 2 for a phrase and 1 when near, plus a bonus below 1 of what makes one talk a better answer than
another: how often the query is answered in it (ever less for each time more), how much of it the talk's name says, and
how close the words stand. A talk's further places get a fraction of the bonus, so that one talk does not fill the page.
Nothing in a score depends on other talks: a talk that is added moves no other, and pages stay what they were.
"""

from bisect import bisect
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge

from shared.domain.search.query import Query, Tokens

NEAR_TOKENS = 30
"""The longest stretch that holds all terms of a place."""

OCCURRENCES_WEIGHT = 0.5
TITLE_WEIGHT = 0.3
CLOSENESS_WEIGHT = 0.2

HALF_OF_OCCURRENCES = 4
"""The number of occurrences that reaches half of their weight."""

Span = tuple[int, int]
"""Positions from the first up to but without the second."""

Positions = Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Place:
    """Spans close together that match a query."""

    marks: tuple[Span, ...]
    """The spans in order of their beginnings."""

    is_phrase: bool
    closeness: float = 1.0
    """1 for a phrase and less when near."""

    @property
    def first(self) -> int:
        """Return the first position."""
        return self.marks[0][0]

    @property
    def end(self) -> int:
        """Return the position behind the last."""
        return max(end for _, end in self.marks)


@dataclass(frozen=True, slots=True)
class ScoredPlace:
    """A place and its score."""

    place: Place
    score: float


def find_places(query: Query, positions: Positions) -> list[Place]:
    """Return all places, phrases first; places of a kind in the order of the recording.

    Every occurrence of the phrase is in one place. `positions` has every token of the query.
    """
    phrases = [Place((span,), is_phrase=True) for span in occurrences(query.phrase, positions)]
    places = list(_grouped(phrases))
    terms = list(dict.fromkeys(query.terms))
    if len(terms) > 1:
        places += _grouped(_tightest(_windows(terms, positions), phrases))
    return places


def score_places(places: Sequence[Place], query: Query, title: Collection[str]) -> list[ScoredPlace]:
    """Return the places of one transcript, best first. `title` are the query's tokens that the session's name has."""
    answers = sum(len(place.marks) if place.is_phrase else 1 for place in places)
    bonus = OCCURRENCES_WEIGHT * answers / (answers + HALF_OF_OCCURRENCES)
    bonus += TITLE_WEIGHT * len(title) / len(query.tokens)
    best_first = sorted(places, key=lambda place: (not place.is_phrase, -place.closeness))
    return [
        ScoredPlace(
            place,
            round((2 if place.is_phrase else 1) + (bonus + CLOSENESS_WEIGHT * place.closeness) / (1 + number), 6),
        )
        for number, place in enumerate(best_first)
    ]


def occurrences(tokens: Tokens, positions: Positions) -> list[Span]:
    """Return the spans where exactly these tokens follow each other."""
    rarest_first = sorted(enumerate(tokens), key=lambda pair: len(positions[pair[1]]))
    starts = set.intersection(*({at - offset for at in positions[token]} for offset, token in rarest_first))
    return [(start, start + len(tokens)) for start in sorted(starts)]


def _windows(terms: Sequence[Tokens], positions: Positions) -> Iterator[Place]:
    """Yield for each occurrence of a term the shortest stretch up to it that holds all terms, unless it is too long."""
    where = [[(span, number) for span in occurrences(term, positions)] for number, term in enumerate(terms)]
    latest: dict[int, Span] = {}
    for span, number in merge(*where):
        latest[number] = span
        marks = tuple(sorted(latest.values()))
        window = Place(marks, is_phrase=False)
        length = window.end - window.first
        if len(marks) == len(terms) and length <= NEAR_TOKENS:
            yield replace(window, closeness=1 - length / (NEAR_TOKENS + 1))


def _tightest(windows: Iterable[Place], taken: Iterable[Place]) -> list[Place]:
    """Return the windows, from the tightest on, that overlap neither what is taken nor a tighter one; in order."""
    kept = sorted(taken, key=_first)
    for window in sorted(windows, key=lambda window: (-window.closeness, window.first)):
        at = bisect(kept, window.first, key=_first)
        if (at == 0 or kept[at - 1].end <= window.first) and (at == len(kept) or window.end <= kept[at].first):
            kept.insert(at, window)
    return [place for place in kept if not place.is_phrase]


def _grouped(places: Iterable[Place]) -> Iterator[Place]:
    """Yield the places, those that begin close to each other joined: shown apart, they would show the same words."""
    group: list[Place] = []
    for place in places:
        if group and place.first - group[0].first >= NEAR_TOKENS:
            yield _joined(group)
            group = []
        group.append(place)
    if group:
        yield _joined(group)


def _joined(group: Sequence[Place]) -> Place:
    marks = tuple(sorted(mark for place in group for mark in place.marks))
    return Place(marks, group[0].is_phrase, max(place.closeness for place in group))


def _first(place: Place) -> int:
    return place.first
