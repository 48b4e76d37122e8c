"""Cuts a transcript's words into caption cues by the broadcasters' rules.

Apart from `captions`, which writes the file formats. A cue has at most 2 lines of 42 characters, is shown for 1 to 7
seconds, and has at most 20 characters a second where the speech allows it. Between two cues the screen is empty for at
least two frames. Breaks are found by dynamic programming over each stretch of speech, so that an early break does not
force a bad one later. Sources of the rules:
https://www.bbc.co.uk/accessibility/forproducts/guides/subtitles and Netflix's timed text style guide.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.transcription.payload import Transcript
from shared.transcription.sentence_ends import ends_sentence

LINE_CHARS = 42
MAX_LINES = 2
MIN_CUE_SEC = 1.0
MAX_CUE_SEC = 7.0
CHARS_PER_SEC = 20.0
GAP_SEC = 0.085
"""Two frames at 24 frames a second, the lowest usual rate, plus a millisecond."""
STRETCH_PAUSE_SEC = 1.5
"""No cue continues over a pause of this length."""
PHRASE_PAUSE_SEC = 0.3
"""From this length on, a pause makes a break there cheaper."""
LONG_PAUSE_SEC = 0.7
"""From this length on, a pause inside a cue is charged."""
SHORT_CUE_CHARS = 15
"""Shorter cues are charged."""
CLAUSE_ENDS = tuple(",;:，；：、")
UNSPACED = frozenset({"zh", "ja", "yue", "th", "lo", "my", "km"})
LEANS_FORWARD = frozenset(
    {"a", "an", "the", "and", "or", "but", "of", "to", "in", "on", "at", "for", "with", "from", "by", "as", "that"}
    | {"is", "are", "was", "were", "be", "i", "you", "he", "she", "we", "they", "my", "your", "his", "her", "its"}
    | {"our", "their", "this", "these", "those", "not", "if", "when", "which", "who"}
)


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines that are on the screen from `start` to `end`, in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: float
    end: float


def make_cues(transcript: Transcript) -> tuple[Cue, ...]:
    """Return all cues of a transcript, in order and without overlap."""
    space = "" if transcript.language in UNSPACED else " "
    stretches = list(_stretches(transcript))
    if not stretches:
        return ()
    limits = [stretch[0].start - GAP_SEC for stretch in stretches[1:]] + [transcript.duration_sec]
    spoken = [
        Cue(tokens[first].start, tokens[end - 1].end, break_lines([token.text for token in tokens[first:end]], space))
        for tokens, limit in zip(stretches, limits, strict=True)
        for first, end in pairwise(_best_breaks(tokens, limit, space))
    ]
    return tuple(_timed(spoken, transcript.duration_sec))


def _timed(spoken: Sequence[Cue], duration_sec: float) -> Iterator[Cue]:
    """Yield the cues with the time that reading them takes, in whole milliseconds.

    A cue that would be too short delays the next one. Near the recording's end a cue leaves the following ones their
    time, even if it has to begin before its words. Cues and gaps are shorter than the rules say only in a recording
    that is too short for that many cues.
    """
    gap = min(GAP_SEC, duration_sec / 2 / len(spoken))
    shortest = min(MIN_CUE_SEC, (duration_sec + gap) / len(spoken) - gap)
    free_from = 0.0
    for number, cue in enumerate(spoken):
        following = len(spoken) - 1 - number
        latest_end = duration_sec - following * (gap + shortest)
        start = round(min(max(cue.start, free_from), latest_end - shortest), 3)
        next_start = spoken[number + 1].start if following else duration_sec + gap
        reading_sec = math.ceil(sum(map(len, cue.lines)) / CHARS_PER_SEC * 1000) / 1000
        wanted = max(cue.end, start + MIN_CUE_SEC, start + reading_sec)
        end = round(min(wanted, max(next_start - gap, start + shortest), latest_end, start + MAX_CUE_SEC), 3)
        yield Cue(start, max(start, end), cue.lines)
        free_from = end + gap


def _stretches(transcript: Transcript) -> Iterator[list[_Token]]:
    stretch: list[_Token] = []
    for segment in transcript.segments:
        for word in segment.words:
            for token in _fitting(word.word, word.start, word.end):
                if stretch and token.start - stretch[-1].end >= STRETCH_PAUSE_SEC:
                    yield stretch
                    stretch = []
                stretch.append(token)
    if stretch:
        yield stretch


def _fitting(text: str, start: float, end: float) -> Iterator[_Token]:
    """Yield the pieces of a word that is longer than a line or holds spaces, each with its share of the time."""
    words = text.split()
    pieces = [word[at : at + LINE_CHARS] for word in words for at in range(0, len(word), LINE_CHARS)]
    step = (end - start) / max(1, sum(map(len, pieces)))
    for piece in pieces:
        end = start + step * len(piece)
        yield _Token(piece, round(start, 3), round(end, 3))
        start = end


def _best_breaks(tokens: Sequence[_Token], limit: float, space: str) -> list[int]:
    """Return the indices at which cues begin, followed by the number of tokens."""
    count = len(tokens)
    cost = [0.0] + [float("inf")] * count
    came_from = [0] * (count + 1)
    for first in range(count):
        chars = 0
        for end in range(first + 1, count + 1):
            chars += len(tokens[end - 1].text) + (len(space) if end > first + 1 else 0)
            texts = [token.text for token in tokens[first:end]]
            too_long = tokens[end - 1].start - tokens[first].start > MAX_CUE_SEC - MIN_CUE_SEC
            if end > first + 1 and (too_long or not _fits(texts, chars, space)):
                break
            until = tokens[end].start - GAP_SEC if end < count else limit
            here = cost[first] + _cue_cost(tokens, first, end, chars, until)
            if here < cost[end]:
                cost[end], came_from[end] = here, first
    breaks = [count]
    while breaks[-1] > 0:
        breaks.append(came_from[breaks[-1]])
    return breaks[::-1]


def _cue_cost(tokens: Sequence[_Token], first: int, end: int, chars: int, until: float) -> float:
    """Return the cost of a cue of tokens [first, end); broken rules cost tens to hundreds, poor style a few units."""
    time = min(MAX_CUE_SEC, until - tokens[first].start)
    cost = 5.0
    cost += 500.0 * max(0.0, MIN_CUE_SEC - time)
    cost += 20.0 * max(0.0, chars - time * CHARS_PER_SEC)
    cost += 20.0 * max(0.0, tokens[end - 1].end - tokens[first].start - MAX_CUE_SEC)
    whole = first == 0 and end == len(tokens)
    if chars < SHORT_CUE_CHARS and not whole:
        cost += 4.0
    if end - first == 1 and not whole:
        cost += 14.0  # an orphan
    if end < len(tokens):
        pause = tokens[end].start - tokens[end - 1].end
        cost += _break_cost(tokens[end - 1].text, tokens[end].text) * (0.3 if pause >= PHRASE_PAUSE_SEC else 1.0)
    for one, other in pairwise(tokens[first:end]):
        if other.start - one.end >= LONG_PAUSE_SEC:
            cost += 12.0  # words after a pause would be shown before they are said
    return cost


def _break_cost(before: str, after: str) -> float:
    """Return how much it disturbs the reader when a line or cue ends with `before` and `after` follows."""
    if ends_sentence(before, after):
        return 0.0
    if before.endswith(CLAUSE_ENDS):
        return 2.0
    return 12.0 if before.lower() in LEANS_FORWARD else 8.0


def _fits(texts: Sequence[str], chars: int, space: str) -> bool:
    if chars <= LINE_CHARS:
        return True
    if chars > MAX_LINES * LINE_CHARS + len(space):
        return False
    return any(_line_splits(texts, space))


def _line_splits(texts: Sequence[str], space: str) -> Iterator[int]:
    """Yield the positions at which the words can be split into two lines that fit."""
    total = len(space.join(texts))
    first = 0
    for position, text in enumerate(texts[:-1], start=1):
        first += len(text) + (len(space) if position > 1 else 0)
        if first <= LINE_CHARS and total - first - len(space) <= LINE_CHARS:
            yield position


def break_lines(texts: Sequence[str], space: str = " ") -> tuple[str, ...]:
    """Return one line if the words fit, else two of similar length, broken where it disturbs the reader least."""
    whole = space.join(texts)
    if len(whole) <= LINE_CHARS:
        return (whole,)

    def disturbance(position: int) -> float:
        upper, lower = len(space.join(texts[:position])), len(space.join(texts[position:]))
        return _break_cost(texts[position - 1], texts[position]) + abs(upper - lower) * 0.4

    best = min(_line_splits(texts, space), key=disturbance)
    return space.join(texts[:best]), space.join(texts[best:])
