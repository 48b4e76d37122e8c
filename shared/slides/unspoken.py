"""Find the terms that a slide shows and that were not said while it stood there.

Those who describe a recording for people who cannot see it need them. Apart from the reading of slides, which knows
nothing of speech.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.slides.payload import SlidePayload

_AROUND_SEC = 4.0
"""Words count from so long before a visit until so long after it."""
MAX_TERMS = 20
_TERM = re.compile(r"[^\W\d_]{4,}(?:[-'’][^\W\d_]+)*")
_ENDINGS = ("ings", "ing", "ies", "ied", "ers", "er", "ed", "es", "s", "y")
_LEAST_STEM_CHARS = 4
_COMMON_WORDS = """
about above after again also although among because been before being below between both cannot could does doing
down during each even every from further have having here hers herself himself however into itself just less
like many more most much must myself never only other ours over same several shall should since some such than
that their theirs them then there these they this those through thus under until upon very were what when where
which while whom will with within without would your yours
"""
_COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Said:
    """A word of the transcript."""

    text: str
    start_sec: float


def unspoken_terms(slide: SlidePayload, said: Sequence[Said]) -> tuple[str, ...]:
    """Return the terms of title and body that were not said around the slide's visits, as the slide writes them."""
    heard = {
        _stem(word)
        for each in said
        if any(start - _AROUND_SEC <= each.start_sec <= end + _AROUND_SEC for start, end in slide.visits)
        for word in _TERM.findall(each.text)
    }
    terms: dict[str, str] = {}
    for text in _content(slide):
        for term in _TERM.findall(text):
            stem = _stem(term)
            if term.casefold() not in _COMMON and stem not in heard:
                terms.setdefault(stem, term)
    return tuple(list(terms.values())[:MAX_TERMS])


def _content(slide: SlidePayload) -> Iterable[str]:
    return (line.text for line in slide.lines if line.role in ("title", "body"))


def _stem(word: str) -> str:
    """Return the word without a common English ending."""
    bare = word.casefold().replace("’", "'")
    for ending in _ENDINGS:
        if bare.endswith(ending) and len(bare) - len(ending) >= _LEAST_STEM_CHARS:
            return bare[: -len(ending)]
    return bare
