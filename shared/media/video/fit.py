"""Fit pictures of another shape into the one shape of a recording, without stretching them; pure arithmetic.

A shared window is resized and a phone is turned in the middle of a recording. All results keep the size of the first
picture; another shape stands in the middle of it, with black beside it.
"""

from dataclasses import dataclass

SAME_SHAPE = 0.02
"""Relative difference of the aspect ratio up to which a picture fills the whole: coders round sizes up."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of the upright picture, in fractions of it."""

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0


WHOLE = Crop()


def fit(aspect: float, into_aspect: float) -> Crop:
    """Return where a picture of this aspect ratio (width / height) stands within one of `into_aspect`."""
    ratio = aspect / into_aspect
    if abs(ratio - 1) <= SAME_SHAPE:
        return WHOLE
    if ratio > 1:
        return Crop(0.0, (1 - 1 / ratio) / 2, 1.0, 1 / ratio)
    return Crop((1 - ratio) / 2, 0.0, ratio, 1.0)
