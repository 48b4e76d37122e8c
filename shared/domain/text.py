"""Treat texts that clients write: the ones that storage treats in their own way, and the characters that are shown."""

import unicodedata
from typing import NewType

LongText = NewType("LongText", str)
"""A text that may be longer than a table's column; it is kept in as many columns as it needs."""

JOINERS = frozenset("\u200c\u200d")
"""Zero-width non-joiner and joiner: Persian and Indic words and many emoji are spelt with them."""

DIRECTION_MARKS = frozenset("\u200e\u200f\u061c")
"""Marks that keep punctuation on its side in Arabic and Hebrew; unlike overrides, they turn no other text."""


def shown_text(name: str) -> str:
    """Return the characters of `name` that may be shown: printable ones, every kind of space, and the joiners.

    Control characters, line separators, and the marks that turn the direction of writing are left out.
    """
    return "".join(c for c in name if c.isprintable() or c in JOINERS or unicodedata.category(c) == "Zs")


def is_writable(char: str) -> bool:
    """Return whether the character may stand in a text that a person writes: no control, and no override."""
    return char.isprintable() or char.isspace() or char in JOINERS or char in DIRECTION_MARKS


def is_visible(word: str) -> bool:
    """Return whether the word has more than joiners and marks."""
    return any(map(str.isprintable, word))
