"""Define the rules that captions keep, and their defaults.

Apart from `cues`, which applies them. Sources of the defaults:
https://www.bbc.co.uk/accessibility/forproducts/guides/subtitles and Netflix's timed text style guide.
"""

from dataclasses import dataclass

from shared.domain.options import CaptionOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionRules:
    """The room and the time that a cue may take."""

    line_chars: int = 42
    """Columns of a line; a full-width character takes two."""
    lines: int = 2
    """Lines of a cue."""
    chars_per_sec: float = 20.0
    """Columns that are read in a second; a faster cue stays longer, where the speech allows it."""
    min_sec: float = 1.0
    max_sec: float = 7.0


DEFAULT_RULES = CaptionRules()


def rules_for(options: CaptionOptions | None) -> CaptionRules:
    """Return the rules that a job asked for; the defaults stand in for what was not given."""
    if options is None:
        return DEFAULT_RULES
    default = DEFAULT_RULES
    return CaptionRules(
        line_chars=options.max_line_chars or default.line_chars,
        lines=options.max_lines or default.lines,
        chars_per_sec=options.max_chars_per_sec or default.chars_per_sec,
        min_sec=options.min_sec or default.min_sec,
        max_sec=options.max_sec or default.max_sec,
    )
