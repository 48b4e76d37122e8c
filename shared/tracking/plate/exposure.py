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

_STEP = 8  # every eighth pixel both ways is plenty for four numbers
_ROUNDS = 6
_SETTLED = 1e-4  # of the gain: further rounds do not change a step of 0 to 255
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
    x = (np.arange(width, dtype=np.float32) / width - 0.5)[None, :]
    y = (np.arange(height, dtype=np.float32) / height - 0.5)[:, None]
    gain = np.empty_like(picture)
    offset = np.empty(picture.shape[2], np.float32)
    told = np.ones((height, width), bool) if ignored is None else ~ignored
    some = np.s_[::_STEP, ::_STEP]
    told, across, down = told[some].ravel(), np.broadcast_to(x, told.shape)[some], np.broadcast_to(y, told.shape)[some]
    for channel in range(picture.shape[2]):
        one, other = picture[some][..., channel].ravel(), frame[some][..., channel].ravel()
        a, b, c, d = _fit(one, other, across.ravel(), down.ravel(), told)
        gain[..., channel] = a + b * x + c * y
        offset[channel] = d
    return Exposure(gain, offset)


def _fit(
    source: Image, target: Image, x: Image, y: Image, told: NDArray[np.bool_]
) -> tuple[float, float, float, float]:
    """a, b, c and d for one channel, from pixels of `source` and `target` at (x, y); those not `told` have no say."""
    usable = told & (source > _DARK) & (source < _BRIGHT) & (target > _DARK) & (target < _BRIGHT)
    if np.count_nonzero(usable) < 64:
        return 1.0, 0.0, 0.0, 0.0
    source, target, x, y = (values[usable] for values in (source, target, x, y))
    terms: NDArray[Any] = np.stack([source, source * x, source * y, np.ones_like(source)], axis=1).astype(np.float64)
    gain = _middle(target / source)
    starts = [np.array([1.0, 0, 0, 0]), np.array([gain, 0, 0, 0])]
    found = min(starts, key=lambda start: _middle(np.abs(target - terms @ start)))
    # The gain's slope and the offset stay small unless the picture insists: a flat wall tells little of them.
    ridge = np.diag([0.0, 1e-3, 1e-3, 1e-3]) * float(np.sum(source.astype(np.float64) ** 2))
    ridge[3, 3] = 1e-2 * len(source)
    for _ in range(_ROUNDS):
        residual = target - terms @ found
        scale = max(_SCALE, 1.4826 * _middle(np.abs(residual)) * 2)
        weight = 1 / (1 + (residual / scale) ** 2) ** 2
        weighted = terms * weight[:, None]
        # Drawn towards "same slope, no offset", not towards zero gain.
        before, found = found, np.linalg.solve(terms.T @ weighted + ridge, weighted.T @ target)
        if np.abs(found - before).max() < _SETTLED:
            break
    a, b, c, d = (float(value) for value in found)
    return a, b, c, d


def _middle(values: NDArray[Any]) -> float:
    """The upper median; NumPy's own takes three times as long over so few values."""
    half = len(values) // 2
    return float(np.partition(values, half)[half])


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
