"""Match the exposure of two pictures of one scene, after the camera or the daylight changed.

Per channel: frame ≈ plate × (a + b·x + c·y) + d, fitted by iteratively reweighted least squares. A person fits no such
model and gets no weight. Apart from plates and people, which it knows nothing of.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

_STEP_PX = 8
"""Distance between the pixels used for the fit, both ways; plenty for four parameters."""
_MAX_ROUNDS = 6
"""Most rounds of reweighting."""
_CONVERGED = 1e-4
"""Change of the gain below which another round does not change a step of 0 to 255."""
_MIN_SCALE_STEPS = 4.0
"""Least residual, in steps of 0 to 255, at which the weight of a pixel is a quarter."""
_DARK_STEPS = 4.0
"""Darker values may be clipped and are not fitted."""
_BRIGHT_STEPS = 248.0
"""Brighter values may be clipped and are not fitted."""
_MIN_GAIN = 0.05
"""Least gain that is reverted: less light leaves no colour."""


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """A map from one exposure to another: multiply by `gain`, then add `offset`."""

    gain: Image
    """Factor of each pixel and channel, height × width × 3."""
    offset: Image
    """Summand of each channel (3), in steps of 0 to 255."""

    def apply(self, picture: Image, frame: Image) -> Image:
        """Return `picture` in the exposure of `frame`; both height × width × 3, 0 to 255."""
        adapted: Image = picture * self.gain
        adapted += self.offset
        np.clip(adapted, 0, 255, out=adapted)
        # Where `picture` is clipped, the scene is at least that bright, so a brighter frame agrees with it.
        np.maximum(adapted, frame, out=adapted, where=picture >= _BRIGHT_STEPS)
        return adapted

    def revert(self, frame: Image, inside: tuple[slice, slice]) -> NDArray[np.uint8]:
        """Return the rows and columns `inside` of `frame` in the exposure of the picture that `apply` takes."""
        reverted = (frame[inside] - self.offset) / np.maximum(self.gain[inside], _MIN_GAIN)
        return np.clip(reverted, 0, 255).astype(np.uint8)


def match_exposure(picture: Image, frame: Image, ignored: NDArray[np.bool_] | None = None) -> Image:
    """Return `picture` in the exposure of `frame` (both height × width × 3, 0 to 255), fitted without `ignored`."""
    return fit_exposure(picture, frame, ignored).apply(picture, frame)


def fit_exposure(picture: Image, frame: Image, ignored: NDArray[np.bool_] | None = None) -> Exposure:
    """Return the map from the exposure of `picture` to that of `frame`, fitted without the pixels in `ignored`."""
    height, width = picture.shape[:2]
    x = (np.arange(width, dtype=np.float32) / width - 0.5)[None, :]
    y = (np.arange(height, dtype=np.float32) / height - 0.5)[:, None]
    gain = np.empty_like(picture)
    offset = np.empty(picture.shape[2], np.float32)
    fitted = np.ones((height, width), bool) if ignored is None else ~ignored
    some = np.s_[::_STEP_PX, ::_STEP_PX]
    fitted, across, down = (
        fitted[some].ravel(),
        np.broadcast_to(x, fitted.shape)[some],
        np.broadcast_to(y, fitted.shape)[some],
    )
    for channel in range(picture.shape[2]):
        one, other = picture[some][..., channel].ravel(), frame[some][..., channel].ravel()
        a, b, c, d = _fit(one, other, across.ravel(), down.ravel(), fitted)
        gain[..., channel] = a + b * x + c * y
        offset[channel] = d
    return Exposure(gain, offset)


def _fit(
    source: Image, target: Image, x: Image, y: Image, fitted: NDArray[np.bool_]
) -> tuple[float, float, float, float]:
    """Return a, b, c and d for one channel, fitted to the pixels of `source` and `target` at (x, y) where `fitted` is
    True.

    Returns the identity (1, 0, 0, 0) if fewer than 64 pixels are usable.
    """
    usable = (
        fitted & (source > _DARK_STEPS) & (source < _BRIGHT_STEPS) & (target > _DARK_STEPS) & (target < _BRIGHT_STEPS)
    )
    if np.count_nonzero(usable) < 64:
        return 1.0, 0.0, 0.0, 0.0
    source, target, x, y = (values[usable] for values in (source, target, x, y))
    terms: NDArray[Any] = np.stack([source, source * x, source * y, np.ones_like(source)], axis=1).astype(np.float64)
    gain = upper_median(target / source)
    starts = [np.array([1.0, 0, 0, 0]), np.array([gain, 0, 0, 0])]
    found = min(starts, key=lambda start: upper_median(np.abs(target - terms @ start)))
    # Keep the gain's slope and the offset small: a flat wall determines them poorly.
    ridge = np.diag([0.0, 1e-3, 1e-3, 1e-3]) * float(np.sum(source.astype(np.float64) ** 2))
    ridge[3, 3] = 1e-2 * len(source)
    for _ in range(_MAX_ROUNDS):
        residual = target - terms @ found
        scale = max(_MIN_SCALE_STEPS, 1.4826 * upper_median(np.abs(residual)) * 2)
        weight = 1 / (1 + (residual / scale) ** 2) ** 2
        weighted = terms * weight[:, None]
        # Regularize towards no slope and no offset, not towards zero gain.
        before, found = found, np.linalg.solve(terms.T @ weighted + ridge, weighted.T @ target)
        if np.abs(found - before).max() < _CONVERGED:
            break
    a, b, c, d = (float(value) for value in found)
    return a, b, c, d


def upper_median(values: NDArray[Any]) -> float:
    """Return the upper median; NumPy's own takes three times as long for so few values."""
    half = len(values) // 2
    return float(np.partition(values, half)[half])


def max_over_channels(values: Image) -> Image:
    """Return the greatest of the three channels; NumPy's own maximum over so short an axis takes ten times as long."""
    return np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])


def colour_distance(one: Image, other: Image) -> Image:
    """Return the distance of two pictures in the channel that differs most, in steps of 0 to 255."""
    return max_over_channels(np.abs(one - other))


def shrink_and_smooth(bgr: NDArray[np.uint8], size: tuple[int, int]) -> Image:
    """Return `bgr` as floats at `size` (width, height in pixels), lightly smoothed against single noisy pixels."""
    if (bgr.shape[1], bgr.shape[0]) != size:
        bgr = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
    smooth: Image = cv2.GaussianBlur(bgr.astype(np.float32), (3, 3), 0).astype(np.float32, copy=False)
    return smooth
