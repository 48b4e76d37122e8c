"""Join neighbouring stretches of speech into utterances of the length that the model recognises best.

Apart from the engine because it needs the spans only. A longer context gives fewer wrong words and better punctuation,
up to 20 s. Beyond 25 s the model gets worse and takes more memory. Longer speech is cut at its longest pause.
"""

from collections.abc import Iterable, Iterator, Sequence

from shared.transcription.vad import Span

LONGEST_SEC = 20.0
LONGEST_PAUSE_SEC = 1.0
"""Longer pauses end an utterance."""
SHORTEST_PIECE_SEC = 8.0
"""Speech that is too long is cut after this length at the earliest, so that every piece has enough context."""


def utterances(spans: Iterable[Span]) -> Iterator[tuple[Span, ...]]:
    """Yield the spans of each utterance, in order; none longer than `LONGEST_SEC`, pauses included, unless a single
    span is."""
    chain: list[Span] = []
    for span in spans:
        if chain and span.start - chain[-1].end > LONGEST_PAUSE_SEC:
            yield from _pieces(chain)
            chain = []
        chain.append(span)
    if chain:
        yield from _pieces(chain)


def _pieces(chain: Sequence[Span]) -> Iterator[tuple[Span, ...]]:
    while chain:
        count = _spans_of_first_piece(chain)
        yield tuple(chain[:count])
        chain = chain[count:]


def _spans_of_first_piece(chain: Sequence[Span]) -> int:
    """Return how many spans make the first piece: all that fit, or as many as end at the longest pause."""
    start = chain[0].start
    fitting = [count for count in range(1, len(chain) + 1) if chain[count - 1].end - start <= LONGEST_SEC]
    if len(fitting) == len(chain) or len(fitting) <= 1:
        return max(1, len(fitting))
    long_enough = [count for count in fitting if chain[count - 1].end - start >= SHORTEST_PIECE_SEC] or fitting[-1:]
    return max(long_enough, key=lambda count: (chain[count].start - chain[count - 1].end, count))
