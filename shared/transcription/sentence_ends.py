"""Decide from words and their punctuation where sentences end.

Apart because segments, captions and chapters share it.
"""

import re

SENTENCE_ENDS = tuple(".?!。？！…")
_ABBREVIATIONS = frozenset(
    {"mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "vs.", "cf.", "fig.", "eq.", "vol.", "jr.", "sr.", "gen.", "col."}
    | {"capt.", "sen.", "rep.", "gov.", "mt.", "approx."}
)
_INITIAL = re.compile(r"[A-Za-z]\.|(?:[A-Za-z]\.){2,}")
_CLOSING = "\"'”’)]»"


def ends_sentence(word: str, following: str | None = None) -> bool:
    """Return whether a sentence ends with `word`; `Mr.`, initials and `...` before lower case do not."""
    bare = word.rstrip(_CLOSING)
    if not bare.endswith(SENTENCE_ENDS):
        return False
    if bare.endswith(("...", "…")) and following is not None and following[:1].islower():
        return False
    return following is None or not (bare.lower() in _ABBREVIATIONS or _INITIAL.fullmatch(bare))
