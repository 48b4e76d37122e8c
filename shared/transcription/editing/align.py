"""Align a corrected text with the words that are known.

Apart from `apply` because an import aligns a whole recording. Anchors are runs of words that occur once in both texts,
in one order in both (patience diff: https://bramcohen.livejournal.com/73318.html). What lies between two anchors is
short, and is aligned by `difflib`, which takes up to cubic time.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

ANCHOR_WORDS = 3
"""Length of the runs that serve as anchors."""
LARGEST_GAP = 30_000_000
"""Known words times corrected words between two anchors, times the smaller number of the two, above which nothing
between them is taken for the same.

The time of `difflib` grows with it: 310 repeated words against 310 take 0.2 CPU s, 990 against 990 take 5."""


@dataclass(frozen=True, slots=True)
class Block:
    """The known words [first, end) stand as the corrected words [begin, stop)."""

    first: int
    end: int
    begin: int
    stop: int
    is_same: bool
    """Whether the words are the same but for capitals and punctuation."""


def same_word(text: str) -> str:
    """Return the word without capitals and punctuation, for comparing; a word of punctuation only as it is."""
    bare = "".join(char for char in text.casefold() if char.isalnum())
    return bare or text


def align(known: Sequence[str], corrected: Sequence[str]) -> list[Block]:
    """Return blocks that cover both texts in order, each of words that are the same or of words that are not."""
    before, after = [same_word(text) for text in known], [same_word(text) for text in corrected]
    blocks: list[Block] = []
    at, to = 0, 0
    for first, begin, length in (*_same_runs(before, after), (len(before), len(after), 0)):
        if first > at or begin > to:
            blocks.append(Block(at, first, to, begin, is_same=False))
        if length:
            blocks.append(Block(first, first + length, begin, begin + length, is_same=True))
        at, to = first + length, begin + length
    return blocks


def groups(words: int, texts: int) -> Iterator[tuple[range, range]]:
    """Yield which of so many words stand for which of so many texts: one for one, one for several, or several for one.

    Both numbers are above 0. The groups are of similar size and cover all, in order.
    """
    pieces = min(words, texts)
    for piece in range(pieces):
        yield (
            range(piece * words // pieces, (piece + 1) * words // pieces),
            range(piece * texts // pieces, (piece + 1) * texts // pieces),
        )


def _same_runs(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    at, to = 0, 0
    for first, begin in (*_anchors(before, after), (len(before), len(after))):
        if first < at or begin < to:  # inside the run of an earlier anchor
            continue
        yield from _between(before, after, range(at, first), range(to, begin))
        length = 0
        while first + length < len(before) and begin + length < len(after):
            if before[first + length] != after[begin + length]:
                break
            length += 1
        if length:
            yield first, begin, length
        at, to = first + length, begin + length


def _between(before: Sequence[str], after: Sequence[str], old: range, new: range) -> Iterator[tuple[int, int, int]]:
    if not old or not new or len(old) * len(new) * min(len(old), len(new)) > LARGEST_GAP:
        return
    matcher = SequenceMatcher(None, before[old.start : old.stop], after[new.start : new.stop], autojunk=False)
    for found in matcher.get_matching_blocks():
        if found.size:
            yield old.start + found.a, new.start + found.b, found.size


def _anchors(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """Return places of runs that occur once in both texts: the longest list that rises in both."""
    old, new = _single_runs(before), _single_runs(after)
    pairs = [(first, new[run]) for run, first in old.items() if run in new]
    tails: list[int] = []
    tail_at: list[int] = []
    came_from = [-1] * len(pairs)
    for number, (_, begin) in enumerate(pairs):
        place = bisect_left(tails, begin)
        came_from[number] = tail_at[place - 1] if place else -1
        tails[place : place + 1] = [begin]
        tail_at[place : place + 1] = [number]
    found: list[tuple[int, int]] = []
    number = tail_at[-1] if tail_at else -1
    while number >= 0:
        found.append(pairs[number])
        number = came_from[number]
    return found[::-1]


def _single_runs(texts: Sequence[str]) -> dict[tuple[str, ...], int]:
    runs = [tuple(texts[at : at + ANCHOR_WORDS]) for at in range(len(texts) - ANCHOR_WORDS + 1)]
    times = Counter(runs)
    return {run: at for at, run in enumerate(runs) if times[run] == 1}
