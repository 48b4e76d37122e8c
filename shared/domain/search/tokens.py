"""Cut text of any script into the tokens that search compares, queries and transcripts alike.

A token is a run of letters, marks and digits, folded (NFKC, case) so that `Straße` and `STRASSE` are one. In scripts
that are written without spaces, and in Korean, where particles are joined to the noun, each character is a token, and a
word is found as the sequence of its characters. An apostrophe parts tokens like any other sign: `Newton's` is
`newton s`, so that `newton` finds it, and it does not matter which of the many apostrophes was typed.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

MAX_TOKEN_CHARS = 64
"""Longer tokens are cut; those that begin alike are then one."""

_UNSPACED = (
    *("CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH", "IDEOGRAPHIC", "BOPOMOFO", "HANGUL", "YI "),
    *("THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "JAVANESE", "BALINESE"),
)
"""How Unicode's names of their characters begin."""

_ASCII_TOKEN = re.compile("[A-Za-z0-9]+")

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200c\u200d"))  # soft hyphen and (non-)joiners shape a word and part none


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and between which characters of the text it stands."""

    text: str
    start: int
    end: int


class _Kind(Enum):
    NONE = auto()
    LETTER = auto()
    SYLLABLE = auto()  # a token by itself
    MARK = auto()  # belongs to what it follows


def tokenise(text: str) -> list[Token]:
    """Return the text's tokens in order; `text` is to be in NFC, for a letter and its accent are read one by one."""
    if text.isascii():
        return [Token(run[0].lower()[:MAX_TOKEN_CHARS], *run.span()) for run in _ASCII_TOKEN.finditer(text)]
    return [
        Token(token[:MAX_TOKEN_CHARS], start, end) for start, end in _pieces(text) for token in _folded(text[start:end])
    ]


@lru_cache(maxsize=1 << 12)
def _folded(piece: str) -> tuple[str, ...]:
    """Return the tokens of a folded piece: one, except for signs such as `½` and ligatures of several words."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", piece).casefold()).translate(_INVISIBLE)
    if plain.isascii() and plain.isalnum():
        return (plain,)
    return tuple(plain[start:end] for start, end in _pieces(plain))


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    start, running = 0, _Kind.NONE
    for at, character in enumerate(text):
        kind = _kind(character)
        if running is not _Kind.NONE:
            if kind is _Kind.MARK or kind is running is _Kind.LETTER:
                continue
            yield start, at
        start, running = at, _Kind.NONE if kind is _Kind.MARK else kind
    if running is not _Kind.NONE:
        yield start, len(text)


@lru_cache(maxsize=1 << 14)
def _kind(character: str) -> _Kind:
    category = unicodedata.category(character)
    if category[0] == "M" or ord(character) in _INVISIBLE or character in "ﾞﾟ":
        return _Kind.MARK
    if category[0] not in "LN":
        return _Kind.NONE
    return _Kind.SYLLABLE if unicodedata.name(character, "").startswith(_UNSPACED) else _Kind.LETTER
