"""Makes two pictures of the same scene comparable although the camera's exposure or the daylight changed.

Per channel: frame ≈ plate × (a + b·x + c·y) + d, fitted by reweighted least squares, so that a person, who fits to
nothing, has no say. Knows nothing of plates or people.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

_STEP = 6  # every sixth pixel both ways is plenty for four numbers
_ROUNDS = 6
_SCALE = 4.0  # residual, in steps of 0 to 255, at which a pixel has half its say at the least
_DARK, _BRIGHT = 4.0, 248.0  # outside, the camera has clipped


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """What leads from one exposure to another: times `gain` (height × width × 3), plus `offset` (3)."""

    gain: Image
    offset: Image

    def of(self, picture: Image, frame: Image) -> Image:
        """`picture` with the exposure of `frame`."""
        adapted: Image = np.clip(picture * self.gain + self.offset, 0, 255)
        # Where `picture` is clipped, the scene is at least that bright: a brighter frame does not contradict it.
        np.maximum(adapted, frame, out=adapted, where=picture >= _BRIGHT)
        return adapted


def exposed_like(picture: Image, frame: Image, ignored: NDArray[np.bool_] | None = None) -> Image:
    """`picture` with the exposure of `frame`; both height × width × 3, 0 to 255; what is `ignored` has no say."""
    return fit_exposure(picture, frame, ignored).of(picture, frame)


def fit_exposure(picture: Image, frame: Image, ignored: NDArray[np.bool_] | None = None) -> Exposure:
    """What leads from the exposure of `picture` to that of `frame`."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width - 0.5, y / height - 0.5
    gain = np.empty_like(picture)
    offset = np.empty(picture.shape[2], np.float32)
    told = np.ones((height, width), bool) if ignored is None else ~ignored
    for channel in range(picture.shape[2]):
        a, b, c, d = _fit(picture[..., channel], frame[..., channel], x, y, told)
        gain[..., channel] = a + b * x + c * y
        offset[channel] = d
    return Exposure(gain, offset)


def _fit(
    picture: Image, frame: Image, x: Image, y: Image, told: NDArray[np.bool_]
) -> tuple[float, float, float, float]:
    source, target, x, y = (values[::_STEP, ::_STEP].ravel() for values in (picture, frame, x, y))
    usable = (
        told[::_STEP, ::_STEP].ravel() & (source > _DARK) & (source < _BRIGHT) & (target > _DARK) & (target < _BRIGHT)
    )
    if np.count_nonzero(usable) < 64:
        return 1.0, 0.0, 0.0, 0.0
    source, target, x, y = (values[usable] for values in (source, target, x, y))
    terms: NDArray[Any] = np.stack([source, source * x, source * y, np.ones_like(source)], axis=1).astype(np.float64)
    gain = float(np.median(target / source))
    starts = [np.array([1.0, 0, 0, 0]), np.array([gain, 0, 0, 0])]
    found = min(starts, key=lambda start: float(np.median(np.abs(target - terms @ start))))
    # The gain's slope and the offset stay small unless the picture insists: a flat wall tells little of them.
    ridge = np.diag([0.0, 1e-3, 1e-3, 1e-3]) * float(np.sum(source.astype(np.float64) ** 2))
    ridge[3, 3] = 1e-2 * len(source)
    for _ in range(_ROUNDS):
        residual = target - terms @ found
        scale = max(_SCALE, 1.4826 * float(np.median(np.abs(residual))) * 2)
        weight = 1 / (1 + (residual / scale) ** 2) ** 2
        weighted = terms * weight[:, None]
        # Drawn towards "same slope, no offset", not towards zero gain.
        found = np.linalg.solve(terms.T @ weighted + ridge, weighted.T @ target)
    a, b, c, d = (float(value) for value in found)
    return a, b, c, d


def strongest(values: Image) -> Image:
    """The greatest of the three channels; NumPy's own maximum over so short an axis takes ten times as long."""
    return np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])


def apart(one: Image, other: Image) -> Image:
    """How far two pictures are apart in the channel that tells them apart best."""
    return strongest(np.abs(one - other))


def small_float(bgr: NDArray[np.uint8], size: tuple[int, int]) -> Image:
    """`bgr` as floats at `size` (width, height), lightly smoothed: single pixels of noise say nothing of a person."""
    if (bgr.shape[1], bgr.shape[0]) != size:
        bgr = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
    smooth: Image = cv2.GaussianBlur(bgr.astype(np.float32), (3, 3), 0).astype(np.float32, copy=False)
    return smooth
