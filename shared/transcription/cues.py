"""Cut a transcript's words into caption cues by the broadcasters' rules.

Apart from `captions`, which writes the file formats, and `line_breaks`, which breaks a cue's words. `caption_rules` has
the room and the time of a cue. Between two cues the screen is empty for at least two frames. Breaks are found by
dynamic programming over each stretch of speech, so that an early break does not force a bad one later.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from shared.transcription.caption_rules import DEFAULT_RULES, CaptionRules
from shared.transcription.line_breaks import break_cost, break_lines, line_count
from shared.transcription.payload import Transcript, TranscriptWord
from shared.transcription.text_width import cut_to_width, text_width

SHORTEST_CUE_SEC = 1.0
"""A cue that would be shorter delays the next one, however late that becomes."""
MAX_DELAY_SEC = 1.0
"""A longer shortest time than that, if a job asks for one, delays a cue by no more than this after its words."""
GAP_SEC = 0.085
"""Two frames at 24 frames a second, the lowest usual rate, plus a millisecond."""
STRETCH_PAUSE_SEC = 1.5
"""No cue continues over a pause of this length, unless its words alone would be shown for too short a time."""
PHRASE_PAUSE_SEC = 0.3
"""From this length on, a pause makes a break there cheaper."""
LONG_PAUSE_SEC = 0.7
"""From this length on, a pause inside a cue is charged."""
SHORT_CUE_CHARS = 15
"""Shorter cues are charged."""
UNSPACED = frozenset({"zh", "ja", "yue", "th", "lo", "my", "km"})


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines that are on the screen from `start` to `end`, in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]
    speaker: str | None = None
    """Who says them, where it is known; a cue has one speaker."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    width: int
    start: float
    end: float
    speaker: str | None


def make_cues(transcript: Transcript, rules: CaptionRules = DEFAULT_RULES) -> tuple[Cue, ...]:
    """Return all cues of a transcript, in order and without overlap."""
    space = "" if transcript.language in UNSPACED else " "
    stretches = list(_stretches(transcript, rules))
    if not stretches:
        return ()
    limits = [stretch[0].start - GAP_SEC for stretch in stretches[1:]] + [transcript.duration_sec]
    spoken = [
        Cue(
            tokens[first].start,
            tokens[end - 1].end,
            break_lines([token.text for token in tokens[first:end]], space, rules),
            tokens[first].speaker,
        )
        for tokens, limit in zip(stretches, limits, strict=True)
        for first, end in pairwise(_best_breaks(tokens, limit, len(space), rules))
    ]
    return tuple(_timed(spoken, transcript.duration_sec, rules))


def _timed(spoken: Sequence[Cue], duration_sec: float, rules: CaptionRules) -> Iterator[Cue]:
    """Yield the cues with the time that reading them takes, in whole milliseconds.

    A cue that would be too short delays the next one. Near the recording's end a cue leaves the following ones their
    time, even if it has to begin before its words. Cues and gaps are shorter than the rules say only in a recording
    that is too short for that many cues, and where a long shortest time would delay a cue by more than
    `MAX_DELAY_SEC`.
    """
    gap = min(GAP_SEC, duration_sec / 2 / len(spoken))
    shortest = min(SHORTEST_CUE_SEC, rules.min_sec, (duration_sec + gap) / len(spoken) - gap)
    delay = MAX_DELAY_SEC if rules.min_sec > SHORTEST_CUE_SEC else 0.0
    free_from = 0.0
    for number, cue in enumerate(spoken):
        following = len(spoken) - 1 - number
        latest_end = duration_sec - following * (gap + shortest)
        start = round(min(max(cue.start, free_from), latest_end - shortest), 3)
        next_start = spoken[number + 1].start if following else duration_sec + gap
        reading_sec = math.ceil(sum(map(text_width, cue.lines)) / rules.chars_per_sec * 1000) / 1000
        wanted = max(cue.end, start + rules.min_sec, start + reading_sec)
        free_until = max(next_start - gap, min(start + rules.min_sec, next_start - gap + delay), start + shortest)
        end = round(min(wanted, free_until, latest_end, start + rules.max_sec), 3)
        yield replace(cue, start=start, end=max(start, end))
        free_from = end + gap


def _stretches(transcript: Transcript, rules: CaptionRules) -> Iterator[list[_Token]]:
    pause_sec = max(STRETCH_PAUSE_SEC, rules.min_sec + GAP_SEC)
    stretch: list[_Token] = []
    for segment in transcript.segments:
        for word in segment.words:
            for token in _fitting(word, segment.speaker, rules.line_chars):
                turn = stretch and token.speaker != stretch[-1].speaker
                if turn or (stretch and token.start - stretch[-1].end >= pause_sec):
                    yield stretch
                    stretch = []
                stretch.append(token)
    if stretch:
        yield stretch


def _fitting(word: TranscriptWord, speaker: str | None, columns: int) -> Iterator[_Token]:
    """Yield the pieces of a word that is longer than a line or holds spaces, each with its share of the time."""
    pieces = [(piece, text_width(piece)) for text in word.word.split() for piece in cut_to_width(text, columns)]
    start, step = word.start, (word.end - word.start) / max(1, sum(width for _, width in pieces))
    for piece, width in pieces:
        end = start + step * width
        yield _Token(piece, width, round(start, 3), round(end, 3), speaker)
        start = end


def _best_breaks(tokens: Sequence[_Token], limit: float, space: int, rules: CaptionRules) -> list[int]:
    """Return the indices at which cues begin, followed by the number of tokens."""
    count = len(tokens)
    cost = [0.0] + [float("inf")] * count
    came_from = [0] * (count + 1)
    for first in range(count):
        chars = 0
        for end in range(first + 1, count + 1):
            chars += tokens[end - 1].width + (space if end > first + 1 else 0)
            too_long = tokens[end - 1].start - tokens[first].start > rules.max_sec - rules.min_sec
            if end > first + 1 and (too_long or not _fits(tokens, first, end, chars, space, rules)):
                break
            until = tokens[end].start - GAP_SEC if end < count else limit
            here = cost[first] + _cue_cost(tokens, first, end, chars, until, rules)
            if here < cost[end]:
                cost[end], came_from[end] = here, first
    breaks = [count]
    while breaks[-1] > 0:
        breaks.append(came_from[breaks[-1]])
    return breaks[::-1]


def _fits(tokens: Sequence[_Token], first: int, end: int, chars: int, space: int, rules: CaptionRules) -> bool:
    if chars > rules.lines * rules.line_chars + (rules.lines - 1) * space:
        return False
    return line_count([token.width for token in tokens[first:end]], space, rules.line_chars) <= rules.lines


def _cue_cost(tokens: Sequence[_Token], first: int, end: int, chars: int, until: float, rules: CaptionRules) -> float:
    """Return the cost of a cue of tokens [first, end); broken rules cost tens to hundreds, poor style a few units."""
    time = min(rules.max_sec, until - tokens[first].start)
    cost = 5.0
    cost += 500.0 * max(0.0, rules.min_sec - time)
    cost += 20.0 * max(0.0, chars - time * rules.chars_per_sec)
    cost += 20.0 * max(0.0, tokens[end - 1].end - tokens[first].start - rules.max_sec)
    whole = first == 0 and end == len(tokens)
    if chars < SHORT_CUE_CHARS and not whole:
        cost += 4.0
    if end - first == 1 and not whole:
        cost += 14.0  # an orphan
    if end < len(tokens):
        pause = tokens[end].start - tokens[end - 1].end
        cost += break_cost(tokens[end - 1].text, tokens[end].text) * (0.3 if pause >= PHRASE_PAUSE_SEC else 1.0)
    for one, other in pairwise(tokens[first:end]):
        if other.start - one.end >= LONG_PAUSE_SEC:
            cost += 12.0  # words after a pause would be shown before they are said
    return cost
