"""Break the words of a caption into lines, where it disturbs the reader least.

Apart from `cues`, which decides the words of each cue.
"""

from collections.abc import Sequence
from itertools import accumulate, combinations, pairwise

from shared.transcription.caption_rules import DEFAULT_RULES, CaptionRules
from shared.transcription.sentence_ends import ends_sentence
from shared.transcription.text_width import text_width

CLAUSE_ENDS = tuple(",;:，；：、")
LEANS_FORWARD = frozenset(
    {"a", "an", "the", "and", "or", "but", "of", "to", "in", "on", "at", "for", "with", "from", "by", "as", "that"}
    | {"is", "are", "was", "were", "be", "i", "you", "he", "she", "we", "they", "my", "your", "his", "her", "its"}
    | {"our", "their", "this", "these", "those", "not", "if", "when", "which", "who"}
)
UNEVEN_COST = 0.4
"""Cost of each column by which the longest line exceeds the shortest."""


def break_cost(before: str, after: str) -> float:
    """Return how much it disturbs the reader when a line or cue ends with `before` and `after` follows."""
    if ends_sentence(before, after):
        return 0.0
    if before.endswith(CLAUSE_ENDS):
        return 2.0
    return 12.0 if before.lower() in LEANS_FORWARD else 8.0


def line_count(widths: Sequence[int], space: int, columns: int) -> int:
    """Return the fewest lines that hold words of these widths, none of which is wider than a line."""
    lines, taken = 1, -space
    for width in widths:
        if taken + space + width > columns:
            lines, taken = lines + 1, -space
        taken += space + width
    return lines


def break_lines(texts: Sequence[str], space: str = " ", rules: CaptionRules = DEFAULT_RULES) -> tuple[str, ...]:
    """Return as few lines as hold the words, of similar length, broken where it disturbs the reader least."""
    widths = [text_width(text) for text in texts]
    count = line_count(widths, len(space), rules.line_chars)
    if count == 1:
        return (space.join(texts),)
    before = [0, *accumulate(widths)]

    def line_widths(edges: tuple[int, ...]) -> list[int]:
        return [before[end] - before[start] + len(space) * (end - start - 1) for start, end in pairwise(edges)]

    def disturbance(edges: tuple[int, ...]) -> float:
        found = line_widths(edges)
        breaks = sum(break_cost(texts[at - 1], texts[at]) for at in edges[1:-1])
        return breaks + (max(found) - min(found)) * UNEVEN_COST

    splits = ((0, *positions, len(texts)) for positions in combinations(range(1, len(texts)), count - 1))
    best = min((edges for edges in splits if max(line_widths(edges)) <= rules.line_chars), key=disturbance)
    return tuple(space.join(texts[start:end]) for start, end in pairwise(best))
