"""Measure text as a reader sees it: in grapheme clusters, of which a full-width one takes two columns.

Apart because captions are cut and timed by it. https://www.unicode.org/reports/tr29/ defines the clusters, and
https://www.unicode.org/reports/tr11/ the width. The library with Unicode's tables is loaded by the first text that is
not ASCII, so that an app which only accepts jobs starts without it.
"""

from collections.abc import Iterator

WIDEST_CLUSTER = 2


def text_width(text: str) -> int:
    """Return the columns of a text; each cluster takes at least one."""
    return len(text) if text.isascii() else sum(width for _, width in _clusters(text))


def cut_to_width(text: str, columns: int) -> Iterator[str]:
    """Yield the pieces of a text that fit `columns`, of which there are at least two; no cluster is cut."""
    if text.isascii():
        yield from (text[at : at + columns] for at in range(0, len(text), columns))
        return
    piece, taken = "", 0
    for cluster, width in _clusters(text):
        if piece and taken + width > columns:
            yield piece
            piece, taken = "", 0
        piece += cluster
        taken += width
    if piece:
        yield piece


def _clusters(text: str) -> Iterator[tuple[str, int]]:
    """Yield each cluster with its columns: two if it is full-width or has a vowel beside its letter, else one."""
    from wcwidth import iter_graphemes, width

    for cluster in iter_graphemes(text):
        yield cluster, min(WIDEST_CLUSTER, max(1, width(cluster)))
