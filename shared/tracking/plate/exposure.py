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
_CONVERGED = np.array([4e-4, 4e-4, 4e-4, 0.1])
"""Change of the gain, its two slopes and the offset below which another round moves a pixel by a tenth of a step of 0
to 255."""
_MIN_SCALE_STEPS = 4.0
"""Least residual, in steps of 0 to 255, at which the weight of a pixel is a quarter."""
_MIN_PIXELS = 64
"""Fewer usable pixels of a channel do not tell its exposure."""
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
        adapted = picture * self.gain
        add_to_channels(adapted, self.offset)
        np.clip(adapted, 0, 255, out=adapted)
        # Where `picture` is clipped, the scene is at least that bright, so a brighter frame agrees with it.
        bright = np.flatnonzero(picture >= _BRIGHT_STEPS)
        values = adapted.reshape(-1)
        values[bright] = np.maximum(values[bright], frame.reshape(-1)[bright])
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
    return ExposureFit(picture, ignored).to(frame)


class ExposureFit:
    """Fits the exposures of many frames to one picture; what depends on the picture alone is computed once."""

    def __init__(self, picture: Image, ignored: NDArray[np.bool_] | None = None) -> None:
        """Take `picture` (height × width × 3, 0 to 255), and where nothing is fitted (height × width)."""
        height, width = picture.shape[:2]
        self._x = np.arange(width, dtype=np.float32) / width - 0.5
        self._y = np.arange(height, dtype=np.float32) / height - 0.5
        across, down = (each.ravel() for each in np.meshgrid(self._x[::_STEP_PX], self._y[::_STEP_PX]))
        self._source = _some(picture)
        self._usable = (self._source > _DARK_STEPS) & (self._source < _BRIGHT_STEPS)
        if ignored is not None:
            self._usable &= ~ignored[::_STEP_PX, ::_STEP_PX].ravel()
        source = self._source.astype(np.float64)
        self._terms = np.stack([source, source * across, source * down, np.ones_like(source)], axis=1)

    def to(self, frame: Image) -> Exposure:
        """Return the map from the exposure of the picture to that of `frame` (height × width × 3, 0 to 255)."""
        a, b, c, d = self._fit(_some(frame)).astype(np.float32).T
        # A product of two thin matrices, because NumPy is slow over an axis as short as that of the channels.
        across = np.stack([(a + self._x[:, None] * b).ravel(), np.tile(c, len(self._x))])
        down = np.stack([np.ones_like(self._y), self._y], axis=1)
        return Exposure((down @ across).reshape(*frame.shape), d)

    def _fit(self, target: Image) -> NDArray[np.float64]:
        """Return a, b, c and d of each channel (channels × 4), fitted to the values of the frame (channels × pixels).

        A channel with fewer than 64 usable pixels gets the identity (1, 0, 0, 0). All channels are fitted at once,
        because calls of NumPy cost more than the arithmetic of so few pixels. A pixel that a channel cannot use has no
        weight there.
        """
        usable = self._usable & (target > _DARK_STEPS) & (target < _BRIGHT_STEPS)
        halves = np.count_nonzero(usable, axis=1) // 2
        wanted = halves >= _MIN_PIXELS // 2
        found = np.zeros((len(target), 4))
        found[:, 0] = 1.0
        if not wanted.any():
            return found
        terms, counts = self._terms, usable.astype(np.float64)
        outside = np.where(usable, 0.0, np.inf)
        source, values = terms[:, 0], target.astype(np.float64)
        ratio = np.divide(values, source, out=np.full_like(source, np.inf), where=usable)
        gain = _upper_medians(ratio, halves)
        as_it_is = _upper_medians(np.abs(values - source) + outside, halves)
        with_gain = _upper_medians(np.abs(values - gain[:, None] * source) + outside, halves)
        found[:, 0] = np.where(wanted & (with_gain < as_it_is), gain, 1.0)
        # Keep the gain's slope and the offset small: a flat wall determines them poorly.
        ridge = np.zeros((len(source), 4, 4))
        ridge[:, 1, 1] = ridge[:, 2, 2] = 1e-3 * np.sum(source**2 * counts, axis=1)
        ridge[:, 3, 3] = 1e-2 * np.sum(counts, axis=1)
        ridge[~wanted] = np.eye(4)
        turned, column = terms.transpose(0, 2, 1), values[..., None]
        for _ in range(_MAX_ROUNDS):
            residual = values - (found[:, None] @ terms)[:, 0]
            median = _upper_medians(np.abs(residual) + outside, halves)
            residual /= np.maximum(_MIN_SCALE_STEPS, 1.4826 * median * 2)[:, None]
            residual *= residual
            residual += 1.0
            weighted = terms * (counts / (residual * residual))[:, None]
            # Regularize towards no slope and no offset, not towards zero gain.
            better = np.linalg.solve(weighted @ turned + ridge, weighted @ column)[..., 0]
            changes = (np.abs(better - found) > _CONVERGED).any(axis=1)
            found[wanted] = better[wanted]
            wanted &= changes
            if not wanted.any():
                break
        return found


def _some(picture: Image) -> Image:
    """Return the pixels that are fitted, channels × pixels."""
    return np.ascontiguousarray(picture[::_STEP_PX, ::_STEP_PX].reshape(-1, picture.shape[2]).T)


def _upper_medians(values: NDArray[Any], halves: NDArray[Any]) -> NDArray[Any]:
    """Return the value of each row that has so many below it, as in `upper_median`; what does not count is infinite."""
    found: NDArray[Any] = np.partition(values, halves, axis=1)[np.arange(len(values)), halves]
    return found


def add_to_channels(picture: Image, offset: Image) -> None:
    """Add `offset` (3) to the channels of `picture` in place; over so short an axis NumPy takes six times as long."""
    cv2.add(picture, np.append(offset, 0.0).astype(np.float64), dst=picture)


def upper_median(values: NDArray[Any]) -> float:
    """Return the upper median; NumPy's own takes three times as long for so few values."""
    half = len(values) // 2
    return float(np.partition(values, half)[half])


def max_over_channels(values: Image) -> Image:
    """Return the greatest of the three channels; NumPy's own maximum over so short an axis takes ten times as long."""
    greatest = np.maximum(values[..., 0], values[..., 1])
    return np.maximum(greatest, values[..., 2], out=greatest)


def colour_distance(one: Image, other: Image) -> Image:
    """Return the distance of two pictures in the channel that differs most, in steps of 0 to 255."""
    away = one - other
    return max_over_channels(np.abs(away, out=away))


def shrink_and_smooth(bgr: NDArray[np.uint8], size: tuple[int, int]) -> Image:
    """Return `bgr` as floats at `size` (width, height in pixels), lightly smoothed against single noisy pixels."""
    if (bgr.shape[1], bgr.shape[0]) != size:
        bgr = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
    smooth: Image = cv2.GaussianBlur(bgr.astype(np.float32), (3, 3), 0).astype(np.float32, copy=False)
    return smooth
