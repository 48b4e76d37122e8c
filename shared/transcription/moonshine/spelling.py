"""Spells words as people do now; knows a few words only, those that the model learned from old books."""

import re

_OLD = re.compile(r"\b(to)-(day|morrow|night)\b", re.IGNORECASE)


def as_now(word: str) -> str:
    """Return `to-day` as `today`, likewise `to-morrow` and `to-night`, whatever their case and punctuation."""
    return _OLD.sub(r"\1\2", word)
