"""Tell how much a region that moves is like a person: by its shape, and by how its pixels change.

Apart from `outlines.py`, which finds the regions. Each property is turned into a likeness by a ramp, and the likenesses
are multiplied: a person has all of the properties.
"""

import numpy as np
from numpy.typing import NDArray

from shared.tracking.plate.exposure import Image, colour_distance

Mask = NDArray[np.bool_]
Ramp = tuple[float, float, float, float]
"""Likeness rises from 0 at the first to 1 at the second value, and falls from 1 at the third to 0 at the fourth."""

_HEAD_HEIGHT: Ramp = (0.2, 0.3, 0.72, 0.85)
"""Share of the rows above the shoulders."""
_HEAD_WIDTH: Ramp = (0.25, 0.35, 0.72, 0.85)
"""Width of the head, as a share of the largest width."""
_HEAD_OFF: Ramp = (-1.0, 0.0, 0.22, 0.4)
"""Distance of the middle of the head from that of the shoulders, as a share of the largest width."""
_BOTTOM_WIDTH: Ramp = (0.35, 0.55, 9.0, 10.0)
"""Width of the lowest rows, as a share of the largest width."""
_FILL: Ramp = (-1.0, 0.0, 0.6, 0.85)
"""Share of the pixels within the outline that change most of the time."""
_OFTEN_MOVED: Ramp = (0.02, 0.045, 9.0, 10.0)
"""Share of the active pixels that differ from the picture before, in the median over the pictures: slides rest."""
_MUCH_MOVED: Ramp = (0.32, 0.42, 9.0, 10.0)
"""The same where most moves, in the 90th percentile: the hands of a clock are always a small part of its face."""
_IN_STEP: Ramp = (-1.0, 0.0, 0.3, 0.6)
"""Mean correlation of the changes of two pixels: 1 where all become brighter and darker together."""
_ONE_PATTERN: Ramp = (-1.0, 0.0, 0.65, 0.88)
"""Share of the changes that are one pattern, stronger and weaker."""

_SHOULDERS_SHARE = 0.75
"""Share of the largest width from which a row belongs to the shoulders."""
_MOSTLY_LEVEL = 0.5
"""Share of the pictures from which a pixel is active most of the time."""
_MAX_PIXELS = 4000
"""Most pixels of a region whose changes are compared."""


def shape_likeness(region: Mask, active: Image) -> float:
    """Return how much a region with this activity has a head above shoulders, 0 to 1."""
    height = len(region)
    first = np.argmax(region, axis=1)
    last = region.shape[1] - np.argmax(region[:, ::-1], axis=1)
    widths = np.where(region.any(axis=1), last - first, 0)
    largest = float(np.quantile(widths, 0.9))
    neck = int(np.argmax(widths >= _SHOULDERS_SHARE * largest))
    head = slice(neck // 4, max(neck // 4 + 1, neck - neck // 10))
    below = slice(neck, height)
    middle_of_head = float(np.median((first + last)[head])) / 2
    middle_below = float(np.median((first + last)[below])) / 2
    columns = np.arange(region.shape[1])
    within = (columns >= first[:, None]) & (columns < last[:, None])
    return (
        _ramp(_HEAD_HEIGHT, neck / height)
        * _ramp(_HEAD_WIDTH, float(np.median(widths[head])) / largest)
        * _ramp(_HEAD_OFF, abs(middle_of_head - middle_below) / largest)
        * _ramp(_BOTTOM_WIDTH, float(np.median(widths[-max(1, height // 7) :])) / largest)
        * _ramp(_FILL, float(np.mean(active[within] >= _MOSTLY_LEVEL)))
    )


def motion_likeness(values: Image, threshold: Image) -> float:
    """Return how independently, and how often, the pixels of a region change.

    `values` is n × pixels × 3; a pixel changes beyond its `threshold`.
    """
    every = -(-values.shape[1] // _MAX_PIXELS)
    some = values[:, ::every]
    moved = np.mean(colour_distance(some[1:], some[:-1]) > threshold[::every], axis=1)
    changes = some.mean(axis=2)
    changes = changes - changes.mean(axis=0)
    changes = changes / (changes.std(axis=0) + 1e-3)
    in_step = float(np.mean(np.mean(changes, axis=1) ** 2))
    spectrum = np.linalg.eigvalsh((changes @ changes.T).astype(np.float64))
    return (
        _ramp(_OFTEN_MOVED, float(np.median(moved)))
        * _ramp(_MUCH_MOVED, float(np.quantile(moved, 0.9)))
        * _ramp(_IN_STEP, in_step)
        * _ramp(_ONE_PATTERN, float(spectrum[-1] / max(spectrum.sum(), 1e-9)))
    )


def _ramp(ramp: Ramp, value: float) -> float:
    """Return the likeness of `value`, 0 to 1."""
    none_below, all_from, all_to, none_above = ramp
    rising = (value - none_below) / (all_from - none_below)
    falling = (none_above - value) / (none_above - all_to)
    return min(1.0, max(0.0, min(rising, falling)))
