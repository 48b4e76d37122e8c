"""Tell how a decoded frame has to be turned and mirrored to be upright, from the display matrix that it carries.

A matrix with a negative determinant is a mirror image (front cameras, document cameras), not half a turn.
"""

import math
import struct
from dataclasses import dataclass
from typing import Any

import av
from av.sidedata.sidedata import SideDataContainer

_MATRIX = struct.Struct("=9i")
"""FFmpeg's display matrix: rows (a, b, u), (c, d, v), (x, y, w) in 16.16 fixed point, in the machine's byte order.

A pixel at (x, y) is shown at (a x + c y, b x + d y), with y downwards (ISO 14496-12, 8.3.2).
"""


@dataclass(frozen=True, slots=True)
class Orientation:
    """The way from the coded picture to the upright one: mirror it left to right, then turn it."""

    rotation: int = 0
    """Degrees clockwise: 0, 90, 180 or 270."""
    mirrored: bool = False
    """Whether it is mirrored before it is turned."""

    @property
    def is_sideways(self) -> bool:
        """Return whether width and height are exchanged."""
        return self.rotation in (90, 270)


UPRIGHT = Orientation()


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Return the orientation of a decoded frame; a quarter turn is all that cameras write.

    `frame.side_data` would refer back to the frame, which keeps its memory until the garbage collector runs: a part of
    tracking held hundreds of frames of 3 MiB.
    """
    data: Any = SideDataContainer(frame).get("DISPLAYMATRIX")  # type: ignore[call-arg]
    return UPRIGHT if data is None else orientation_of_matrix(bytes(memoryview(data)))


def orientation_of_matrix(data: bytes) -> Orientation:
    """Return the orientation that a display matrix says; upright for one that says nothing."""
    if len(data) < _MATRIX.size:
        return UPRIGHT
    a, b, _, c, d, *_ = _MATRIX.unpack_from(data)
    if a * d - b * c == 0:
        return UPRIGHT
    # A turn by t has c = -sin t and d = cos t, also after a mirroring.
    turned = math.degrees(math.atan2(-c, d))
    return Orientation(round(turned / 90) % 4 * 90, a * d - b * c < 0)
