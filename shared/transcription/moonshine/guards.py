"""Tells text that was said from text that the model makes up over noise; knows nothing of sound or of the model.

A model that writes by itself writes over music and noise, too, and is sure of it: the probabilities of its tokens do
not tell. What tells is the pace and the form. None of these limits is reached by speech (docs/transcription.md).
"""

from collections.abc import Sequence

MOST_TOKENS_PER_SEC = 10.0
"""The fastest speech that was measured has 6.0 tokens a second."""
SPARE_TOKENS = 4
"""More for each utterance: a word of a quarter of a second may have as many, with its full stop."""
FEWEST_TOKENS_PER_SEC = 1.0
LONG_ENOUGH_TO_TELL_SEC = 3.0
"""From this length on, an utterance with fewer tokens than that is not speech."""
LOOP_TOKENS = 16
"""So many tokens that repeat what stands before them are a loop."""
LEAST_CONFIDENCE = 0.3
"""Mean of the words of a shorter utterance, whose pace does not tell; over noise it is lower."""
SAID_OVER_NOTHING = frozenset({"you", "so"})
"""What the model writes, alone and without a full stop, over one to three seconds of silence, noise or music."""
LONGEST_PERIOD = 32
"""Tokens of the longest phrase whose repetition is looked for."""


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
