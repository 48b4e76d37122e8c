"""Modernise spellings that the model learned from old books.

Apart from the tokens because it changes the text that the model wrote.
"""

import re

_OLD = re.compile(r"\b(to)-(day|morrow|night)\b", re.IGNORECASE)


def as_now(word: str) -> str:
    """Return `to-day` as `today`, likewise `to-morrow` and `to-night`, in any case and with any punctuation."""
    return _OLD.sub(r"\1\2", word)
