"""Measure how sampled pictures look: dark, without contrast, out of focus, or the same as before.

Apart from the tracking stage, which samples the pictures anyway. Edges are measured at a small width, at which a
camera's noise is averaged away and letters still stand out.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.domain.quality.records import Look

_EDGES_WIDTH_PX = 320
"""Width at which edges are measured; smaller pictures are halved, so that noise is averaged there as well."""
_SMALL_PX = (160, 90)
"""Width and height at which light and change are measured."""
_CELLS = (20, 12)
"""Columns and rows of the places in which a change is looked for."""
_EDGES_SHARE = 0.998
"""Share of the pixels that are no edges: what counts is the lowest of the steepest ones."""
_STEEPEST = 4 * 255
"""The steepest edge that there can be: a pixel against its four neighbours."""
_FLAT_WIDTH_PX = 640
"""Largest width at which flat areas are measured; larger pictures are shrunk."""
_FLAT_EVERY_SEC = 30.0
"""How often flat areas are measured: they tell of what kind the picture is."""
_FLAT_WITHIN_SEC = 0.5
"""They are measured in samples so soon after a multiple of that time, whichever part has them."""
_DARKEST_SHARE = 0.02
_BRIGHTEST_SHARE = 0.98
"""Shares of the pixels between which the spread lies."""


class LookMeter:
    """Measures pictures in order of time, each against the one before."""

    def __init__(self) -> None:
        self._before: NDArray[Any] | None = None
        self.difference: NDArray[Any] | None = None
        """How much the last picture differs from the one before, in steps of luma at a small size; None at first."""

    def look(self, time_sec: float, bgr: NDArray[np.uint8]) -> Look:
        """Return how the picture looks, which is height × width × 3."""
        grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
        small = np.asarray(cv2.resize(grey, _SMALL_PX, interpolation=cv2.INTER_AREA), np.uint8)
        before, self._before = self._before, small
        change = rest = None
        self.difference = None if before is None else cv2.absdiff(small, before).astype(np.float32)
        if self.difference is not None:
            cells = cv2.resize(self.difference, _CELLS, interpolation=cv2.INTER_AREA)
            change, rest = round(float(cells.max()) * 100), round(float(np.median(cells)) * 100)
        dark, bright = _at_shares(small, 256, _DARKEST_SHARE, _BRIGHTEST_SHARE)
        return Look(
            t=time_sec,
            brightness=round(float(small.mean())),
            spread=bright - dark,
            edges=_edges(grey),
            change=change,
            rest=rest,
            flat=_flat(grey) if time_sec % _FLAT_EVERY_SEC < _FLAT_WITHIN_SEC else None,
        )


def _at_shares(values: Any, end: int, *shares: float) -> list[int]:
    """Return the values below which these shares of all lie; they are whole, of 8 or 16 bits, from 0 to below `end`.

    Counting them takes a third of the time that sorting some of them does.
    """
    ranks = [min(values.size - 1, int(values.size * share)) for share in shares]
    up_to = np.cumsum(cv2.calcHist([values], [0], None, [end], [0, end]).ravel().astype(np.int64))
    return [int(np.searchsorted(up_to, rank, side="right")) for rank in ranks]


def _flat(grey: Any) -> int:
    """Return how many percent of the pixels equal the one beside them."""
    height, width = grey.shape
    if width > _FLAT_WIDTH_PX:
        size = (_FLAT_WIDTH_PX, max(1, round(height * _FLAT_WIDTH_PX / width)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return round(100 * float(np.mean(grey[:, 1:] == grey[:, :-1])))


def _edges(grey: Any) -> int:
    """Return the height of the steepest edges."""
    height, width = grey.shape
    across = max(3, min(_EDGES_WIDTH_PX, width // 2))
    grey = cv2.resize(grey, (across, max(3, round(height * across / width))), interpolation=cv2.INTER_AREA)
    away = cv2.Laplacian(grey, cv2.CV_16S, ksize=1)
    (steep,) = _at_shares(np.abs(away, out=away).view(np.uint16), _STEEPEST + 1, _EDGES_SHARE)
    return steep
