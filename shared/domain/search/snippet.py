"""Make the text around a place, as a reader sees it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.domain.search.places import Place, Span
from shared.domain.search.tokens import Token
from shared.domain.search.transcript import PASSAGE_TOKENS, Passage, SpokenWord, tokens_of

CONTEXT_TOKENS = 12
"""The number of tokens that are shown before and behind a place."""

ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Snippet:
    """Text around a place."""

    text: str
    highlights: tuple[Span, ...]
    """The spans of the text's characters (Unicode code points) that match the query."""

    start: float
    """When the first match begins, in seconds."""

    end: float
    """When the last match ends, in seconds."""


def passages_around(place: Place) -> range:
    """Return the numbers of the passages that may hold the place and what is around it."""
    first = (place.first - CONTEXT_TOKENS) // PASSAGE_TOKENS - 1  # a word of many tokens may begin in the one before
    return range(max(0, first), (place.end + CONTEXT_TOKENS) // PASSAGE_TOKENS + 1)


def make_snippet(place: Place, passages: Iterable[Passage]) -> Snippet | None:
    """Return the place with its surroundings; None when the passages, which come in order, do not hold all of it."""
    text, before, behind = "", "", ""
    where: dict[int, tuple[int, int, SpokenWord]] = {}
    for at, word, tokens, spaced in _words(passages):
        if at + len(tokens) <= place.first - CONTEXT_TOKENS:
            before = f"{ELLIPSIS} "
        elif at >= place.end + CONTEXT_TOKENS:
            behind = f" {ELLIPSIS}"
        else:
            if text and (spaced or (text[-1].isascii() and word.text[0].isascii())):
                text += " "
            for position, token in enumerate(tokens, at):
                where[position] = (len(text) + token.start, len(text) + token.end, word)
            text += word.text
    marked = [where.get(position) for start, end in place.marks for position in range(start, end)]
    found = [one for one in marked if one is not None]
    if len(found) < len(marked):
        return None
    lead = len(before)
    highlights = _joined((lead + where[start][0], lead + where[end - 1][1]) for start, end in place.marks)
    start, end = min(word.start for _, _, word in found), max(word.end for _, _, word in found)
    return Snippet(before + text + behind, highlights, start, end)


def _words(passages: Iterable[Passage]) -> Iterator[tuple[int, SpokenWord, Sequence[Token], bool]]:
    """Yield each word with its first position, its tokens, and whether it stands apart from its neighbours."""
    for passage in passages:
        at = passage.first_token
        for word in passage.words:
            tokens = tokens_of(word)
            yield at, word, tokens, passage.spaced
            at += len(tokens)


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans in order, those that overlap made one."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
