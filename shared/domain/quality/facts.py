"""Define what the verdict is computed of: what the stages measured and found, without their results' other content.

Apart from the rules, so that they can be tested on tables of facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.quality.records import Look, SoundLevels

Span = tuple[float, float]
"""[start, end) in seconds."""

LONG_FIRST_PART_SEC = 120.0
"""A first part that is shorter may lie before the talk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardText:
    """The transcript, as far as the verdict needs it."""

    transcribed_share: float
    """Share of the speech that became words."""
    words: int
    last_word_end: float | None = None
    ends_sentence: bool = True
    """Whether the text ends with the end of a sentence; true where the engine writes no punctuation."""
    low_confidence: Sequence[Span] = ()
    doubtful_share: float = 0.0
    """Share of the words that the engine was unsure of."""
    languages: tuple[str, ...] = ()
    warnings: frozenset[str] = frozenset()
    """Codes of the transcript's warnings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of a recording when its stages are over."""

    duration_sec: float
    has_sound: bool
    has_picture: bool
    levels: SoundLevels | None = None
    """None for a recording without sound, and for a job of an earlier release."""
    speech: Sequence[Span] = ()
    """Where someone speaks, in order of time."""
    text: HeardText | None = None
    looks: Sequence[Look] = field(default=())
    """The sampled pictures in order of time; empty for a job of an earlier release."""
    coverage_percent: float | None = None
    """Share of the recording that shows the instructor; None without a track."""
    presence: Sequence[Span] = ()
    has_slides: bool = False
    """Whether slides were found in the picture that is followed."""
    slides_fill_picture: bool = False
    """Whether slides were found, and no screen around them."""


def total(spans: Sequence[Span]) -> float:
    """Return how long the spans are together."""
    return sum(end - start for start, end in spans)


def overlap(span: Span, spans: Sequence[Span]) -> float:
    """Return how much of the span the others cover."""
    return sum(max(0.0, min(span[1], end) - max(span[0], start)) for start, end in spans)
