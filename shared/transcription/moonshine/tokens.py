"""Read Moonshine's vocabulary and turn tokens into words.

Apart from the model, which knows tokens only by number. The vocabulary is a list of byte strings, each behind its
length: one byte up to 127, else two, of which the first has its highest bit set (`first - 128 + 128 * second`). A token
may be a part of a UTF-8 character, so the bytes of a word are decoded together.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.domain.errors import EngineUnavailable

VOCABULARY_SIZE = 32_768
START = 1
END = 2
SPACE = "\u2581".encode()
"""Stands at the beginning of a token that opens a word."""
_CONTROL = re.compile(rb"<unk>|</?s>|<<ST_\d+>>")
"""Tokens that stand for no text."""


@dataclass(frozen=True, slots=True)
class WrittenWord:
    """A word and the tokens that it was made of, as positions [first, end) in the decoded sequence."""

    text: str
    first: int
    end: int


class Vocabulary:
    """The byte string of every token."""

    def __init__(self, content: bytes) -> None:
        self._pieces = tuple(b"" if _CONTROL.fullmatch(piece) else piece for piece in _entries(content))
        if len(self._pieces) != VOCABULARY_SIZE:
            raise EngineUnavailable(f"Moonshine's vocabulary has {len(self._pieces)} entries, not {VOCABULARY_SIZE}.")

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token; none for the tokens that stand for no text."""
        return self._pieces[token]

    def words(self, tokens: Sequence[int]) -> tuple[WrittenWord, ...]:
        """Return the words of decoded tokens, in order; tokens without text belong to the word before them."""
        words: list[WrittenWord] = []
        for first, end in _word_bounds([self.piece(token) for token in tokens]):
            text = b"".join(map(self.piece, tokens[first:end])).replace(SPACE, b" ").decode("utf-8", "replace").strip()
            if text:
                words.append(WrittenWord(text, first, end))
        return tuple(words)

    def whole_words(self) -> frozenset[str]:
        """Return the words that are one token, in lower case: those that were frequent where the model was trained."""
        opening = (piece.removeprefix(SPACE) for piece in self._pieces if piece.startswith(SPACE))
        return frozenset(piece.decode("utf-8", "replace").casefold() for piece in opening)


def _entries(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        length = content[at]
        at += 1
        if length >= 128:
            length += 128 * content[at] - 128
            at += 1
        yield content[at : at + length]
        at += length


def _word_bounds(pieces: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield [first, end) of each word: a new one begins at a token that opens with a space."""
    first = 0
    for at, piece in enumerate(pieces):
        if at > first and piece.startswith(SPACE):
            yield first, at
            first = at
    if first < len(pieces):
        yield first, len(pieces)
