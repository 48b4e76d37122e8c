"""Find repetition loops in text, which engines write over music and noise.

Apart from the engines because it compares words only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST_PHRASE = 12
"""Words of the longest phrase that is checked for repetition."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A phrase of `period` words, said `times` in a row from word `first` on."""

    first: int
    period: int
    times: int

    @property
    def end(self) -> int:
        """Return the index of the first word after the last repetition."""
        return self.first + self.period * self.times


def bare(word: str) -> str:
    """Return a word without case and punctuation, for comparison."""
    return "".join(char for char in word.casefold() if char.isalnum())


def find_loops(words: Sequence[str]) -> Iterator[Loop]:
    """Yield the loops in `words`, in order, without overlap; a short phrase needs more repetitions than a long one."""
    bared = [bare(word) for word in words]
    at = 0
    while at < len(bared):
        loop = next((found for found in _loops_at(bared, at) if found.times >= _suspicious(found.period)), None)
        if loop is not None:
            yield loop
        at = loop.end if loop is not None else at + 1


def _loops_at(words: Sequence[str], at: int) -> Iterator[Loop]:
    for period in range(1, min(LONGEST_PHRASE, (len(words) - at) // 2) + 1):
        if words[at] != words[at + period]:
            continue
        end = at + period
        while end < len(words) and words[end] == words[end - period]:
            end += 1
        if any(words[at : at + period]):
            yield Loop(at, period, (end - at) // period)


def _suspicious(period: int) -> int:
    if period == 1:
        return 6
    return 4 if period <= 3 else 3
