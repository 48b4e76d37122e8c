"""Detect text that the model makes up over noise.

Apart from the model because it judges tokens and text only. An autoregressive model also writes over music and noise,
with confident tokens, so their probabilities alone do not reveal it. The pace and the form of the text do. Speech does
not reach any of these limits (docs/transcription.md).
"""

from collections.abc import Sequence

MOST_TOKENS_PER_SEC = 10.0
"""The fastest measured speech has 6.0 tokens a second."""
SPARE_TOKENS = 4
"""Allowance added for each utterance: a word of a quarter of a second may have as many tokens, with its full stop."""
FEWEST_TOKENS_PER_SEC = 1.0
LONG_ENOUGH_TO_TELL_SEC = 3.0
"""From this length on, an utterance with fewer than `FEWEST_TOKENS_PER_SEC` is not speech."""
LOOP_TOKENS = 16
"""This many tokens that repeat the ones before them are a loop."""
LEAST_CONFIDENCE = 0.3
"""Least mean confidence of the words of a shorter utterance, too short to judge by pace; over noise it is lower."""
SAID_OVER_NOTHING = frozenset({"you", "so"})
"""Words that the model writes, alone and without a full stop, over one to three seconds of silence, noise or music."""
LONGEST_PERIOD = 32
"""Tokens of the longest phrase that is checked for repetition."""


def most_tokens(length_sec: float) -> int:
    """Return how many tokens an utterance of this length may have; the model is stopped there."""
    return int(length_sec * MOST_TOKENS_PER_SEC) + SPARE_TOKENS


def is_looping(tokens: Sequence[int]) -> bool:
    """Return whether the last `LOOP_TOKENS` tokens repeat the ones right before them, with any period."""
    if len(tokens) <= LOOP_TOKENS:
        return False
    recent = tuple(tokens[-LOOP_TOKENS:])
    longest = min(LONGEST_PERIOD, len(tokens) - LOOP_TOKENS)
    return any(tuple(tokens[-LOOP_TOKENS - period : -period]) == recent for period in range(1, longest + 1))


def is_made_up(text: str, tokens: Sequence[int], length_sec: float, confidence: float, *, ended: bool) -> bool:
    """Return whether decoded text is not to be published.

    Args:
        text: The words.
        tokens: What the words were made of.
        length_sec: The utterance's length.
        confidence: The mean of its words.
        ended: Whether the model ended the text itself.
    """
    if length_sec >= LONG_ENOUGH_TO_TELL_SEC:
        unlikely = len(tokens) < length_sec * FEWEST_TOKENS_PER_SEC
    else:
        unlikely = confidence < LEAST_CONFIDENCE
    wordless = text.lower() in SAID_OVER_NOTHING or not any(char.isalnum() for char in text)
    return not ended or unlikely or wordless
