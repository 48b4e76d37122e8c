"""Treat texts that clients write: the ones that storage treats in their own way, and the characters that are shown."""

import unicodedata
from typing import NewType

LongText = NewType("LongText", str)
"""A text that may be longer than a table's column; it is kept in as many columns as it needs."""

JOINERS = frozenset("\u200c\u200d")
"""Zero-width non-joiner and joiner: Persian and Indic words and many emoji are spelt with them."""


def shown_text(name: str) -> str:
    """Return the characters of `name` that may be shown: printable ones, every kind of space, and the joiners.

    Control characters, line separators, and the marks that turn the direction of writing are left out.
    """
    return "".join(c for c in name if c.isprintable() or c in JOINERS or unicodedata.category(c) == "Zs")
