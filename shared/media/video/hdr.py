"""Turn pictures in PQ (HDR10, HDR10+, Dolby Vision 8.1) into ordinary ones, so that a white slide is white.

PQ codes absolute luminance (SMPTE ST 2084; ITU-R BT.2100, table 4), in which a white page has 203 cd/m² (ITU-R BT.2408)
and looks grey where its values are taken for ordinary ones. HLG is made to be shown as it is, and keeps its tags.
"""

from functools import cache
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

PQ = 16
"""FFmpeg's code of the transfer function of SMPTE ST 2084."""
HLG = 18
"""FFmpeg's code of the transfer function of ARIB STD-B67."""
BT_2020 = 9
"""FFmpeg's code of the primaries of BT.2020, and of its colour matrix."""

_WHITE_NITS = 203.0
"""Luminance of white, which becomes white: the reference white of BT.2408 (cd/m²)."""
_KEY = 3.0
"""Gain before the tone curve: it lifts pages that were mastered at 100 cd/m² to nearly white as well."""
_GAMMA = 2.4
"""Exponent of an ordinary display (ITU-R BT.1886)."""

_TO_BT_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], dtype=np.float32
)
"""Linear BT.2020 to BT.709 (ITU-R BT.2087)."""

_STEPS = 4096
"""Entries of the tables."""

_CHROMA_STEPS = 33
"""Steps of 8 of a chroma value, from 0 to 256."""


def is_pq(frame: av.VideoFrame) -> bool:
    """Return whether the frame is coded in PQ."""
    return frame.color_trc == PQ


def pq_to_sdr(rgb: NDArray[Any], primaries: int) -> Image:
    """Return an ordinary picture (BGR, 8 bit) of one in PQ, height × width × 3 in RGB with 16 bits.

    `primaries` is FFmpeg's code of its primaries.
    """
    return _display(_LUMINANCE[rgb >> 4], primaries)[..., ::-1]


def pq_planes_to_sdr(luma: Image, blue: Image, red: Image, primaries: int) -> None:
    """Turn a picture in PQ, as planes of limited range with chroma of half the size, into an ordinary one, in place.

    The colour matrix is that of BT.2020 before and that of BT.709 after. Luma comes from a table with chroma in steps
    of 8, which costs a quarter of the arithmetic.
    """
    table = _luma_table(primaries)
    colours = ((blue.astype(np.uint16) + 4) >> 3) * _CHROMA_STEPS + ((red.astype(np.uint16) + 4) >> 3)
    full = cv2.resize(colours, (luma.shape[1], luma.shape[0]), interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(luma, (blue.shape[1], blue.shape[0]), interpolation=cv2.INTER_AREA)
    shown = _shown_yuv(np.dstack([small, blue, red]).astype(np.float32), primaries)
    luma[:] = table[full, luma]
    blue[:], red[:] = _rounded(shown[..., 1]), _rounded(shown[..., 2])


@cache
def _luma_table(primaries: int) -> Image:
    """Return the luma to show for each pair of chroma values, in steps of 8, and each luma."""
    steps = np.arange(_CHROMA_STEPS) * 8
    blue, red, luma = np.meshgrid(steps, steps, np.arange(256), indexing="ij")
    yuv = np.stack([luma, blue, red], axis=-1).reshape(_CHROMA_STEPS**2, 256, 3).astype(np.float32)
    return _rounded(_shown_yuv(yuv, primaries)[..., 0])


def _shown_yuv(yuv: NDArray[np.float32], primaries: int) -> NDArray[np.float32]:
    """Return YUV of BT.709 to show for YUV of BT.2020 in PQ, both with limited range in 8 bits, height × width × 3."""
    coded = np.clip(cv2.transform(yuv, _YUV_2020_TO_RGB) * (_STEPS - 1), 0, _STEPS - 1).astype(np.uint16)
    return cv2.transform(_display(_LUMINANCE[coded], primaries).astype(np.float32), _RGB_TO_YUV_709)  # type: ignore[return-value]


def _display(linear: NDArray[np.float32], primaries: int) -> Image:
    """Return the values of an ordinary display, RGB, for luminances relative to white."""
    if primaries == BT_2020:
        linear = cv2.transform(linear, _TO_BT_709)  # type: ignore[assignment]
    # The square root keeps the table fine in the shadows.
    index = np.sqrt(np.clip(linear, 0.0, 1.0)) * (_STEPS - 1)
    shown: Image = np.take(_DISPLAYED, index.astype(np.uint16))
    return shown


def _rounded(values: NDArray[Any]) -> Image:
    rounded: Image = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def _luminance_of_pq() -> NDArray[np.float32]:
    """Return the luminance relative to white for each of `_STEPS` values of PQ (the EOTF of BT.2100)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    value = np.linspace(0, 1, _STEPS) ** (1 / m2)
    nits = 10_000 * (np.maximum(value - c1, 0) / (c2 - c3 * value)) ** (1 / m1)
    return (nits / _WHITE_NITS).astype(np.float32)


def _displayed() -> Image:
    """Return the display's value for the square root of each luminance: the tone curve, then the gamma.

    The curve is the extended one of Reinhard et al. (2002, equation 4); it maps white to white.
    """
    bright = _KEY * np.linspace(0, 1, _STEPS) ** 2
    curve = bright * (1 + bright / _KEY**2) / (1 + bright)
    return _rounded(255 * np.minimum(curve, 1.0) ** (1 / _GAMMA))


def _yuv_2020_to_rgb() -> NDArray[np.float32]:
    """Return the matrix, 3 × 4, from values of limited range in 8 bits to RGB from 0 to 1 (BT.2020, constant not)."""
    kr, kb = 0.2627, 0.0593
    matrix = np.array(
        [
            [1, 0, 2 * (1 - kr)],
            [1, -2 * kb * (1 - kb) / (1 - kr - kb), -2 * kr * (1 - kr) / (1 - kr - kb)],
            [1, 2 * (1 - kb), 0],
        ]
    )
    scaled = matrix @ np.diag([1 / 219, 1 / 224, 1 / 224])
    return np.hstack([scaled, -scaled @ np.array([[16], [128], [128]])]).astype(np.float32)


def _rgb_to_yuv_709() -> NDArray[np.float32]:
    """Return the matrix, 3 × 4, from RGB in 8 bits to values of limited range (BT.709)."""
    kr, kb = 0.2126, 0.0722
    luma = np.array([kr, 1 - kr - kb, kb])
    blue = (np.array([0, 0, 1]) - luma) / (2 * (1 - kb))
    red = (np.array([1, 0, 0]) - luma) / (2 * (1 - kr))
    matrix = np.diag([219, 224, 224]) @ np.array([luma, blue, red]) / 255
    return np.hstack([matrix, np.array([[16], [128], [128]])]).astype(np.float32)


_LUMINANCE = _luminance_of_pq()
_DISPLAYED = _displayed()
_YUV_2020_TO_RGB = _yuv_2020_to_rgb()
_RGB_TO_YUV_709 = _rgb_to_yuv_709()
