"""Divide a span of time among words.

Apart because replaced words and inserted ones share it.
"""

from collections.abc import Sequence

LONGEST_INSERTED_SEC = 0.4
"""A word that is inserted takes no more than this of the pause that it stands in."""


def divided(texts: Sequence[str], start: float, end: float) -> list[tuple[float, float]]:
    """Return a span for each word, by its length, in whole milliseconds: together they are [start, end]."""
    total = sum(map(len, texts))
    spans, at, done = [], start, 0
    for text in texts:
        done += len(text)
        until = end if done == total else min(end, max(at, round(start + (end - start) * done / total, 3)))
        spans.append((at, until))
        at = until
    return spans


def in_pause(texts: Sequence[str], start: float, end: float, *, late: bool) -> list[tuple[float, float]]:
    """Return spans for words in a pause, at its beginning or, where `late`, at its end; empty without a pause."""
    length = min(max(0.0, end - start), LONGEST_INSERTED_SEC * len(texts))
    if late:
        return divided(texts, max(start, round(end - length, 3)), max(start, end))
    return divided(texts, start, min(max(start, end), round(start + length, 3)))
