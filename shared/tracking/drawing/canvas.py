"""Draw anti-aliased lines, areas and labels on a picture, and write it as PNG.

Apart from the charts, in place of a plotting library. Everything is drawn at twice the size and scaled down, so that
OpenCV's stroke font looks like print. Coordinates are pixels of the finished picture.
"""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from shared.media.video.picture import Picture

Colour = tuple[int, int, int]
"""Blue, green, red."""

INK: Colour = (72, 62, 52)
FAINT: Colour = (222, 217, 212)
ACCENT: Colour = (178, 98, 22)

_SCALE = 2
"""Factor of the drawing to the finished picture."""
_SHIFT = 4
"""Fractional bits of coordinates."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_HEIGHT_PX = 21.0
"""Height of a capital letter at scale 1."""


class Canvas:
    """A picture to draw on."""

    def __init__(self, width: int, height: int, background: Colour = (255, 255, 255)) -> None:
        self.width, self.height = width, height
        self._pixels: Picture = np.full((height * _SCALE, width * _SCALE, 3), background, np.uint8)

    def paste(self, picture: Picture, left: int, top: int) -> None:
        """Paste `picture` with its top left corner at (left, top); it must fit."""
        height, width = picture.shape[:2]
        size = (width * _SCALE, height * _SCALE)
        large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
        self._pixels[top * _SCALE :, left * _SCALE :][: size[1], : size[0]] = large

    def area(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle."""
        cv2.rectangle(self._pixels, self._point(left, top), self._point(right, bottom), colour, -1, cv2.LINE_AA, _SHIFT)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, thickness: float = 1.0) -> None:
        """Draw a line through the points, or a dot if there is only one."""
        if len(points) == 1:
            radius = round(thickness * _SCALE * (1 << _SHIFT))
            cv2.circle(self._pixels, self._point(*points[0]), radius, colour, -1, cv2.LINE_AA, _SHIFT)
            return
        path = np.array([self._point(x, y) for x, y in points], np.int32)
        cv2.polylines(self._pixels, [path], False, colour, max(1, round(thickness * _SCALE)), cv2.LINE_AA, _SHIFT)

    def text(
        self,
        text: str,
        x: float,
        y: float,
        *,
        size: float = 9.0,
        align: Literal["left", "centre", "right"] = "left",
        colour: Colour = INK,
        bold: bool = False,
    ) -> None:
        """Write a label with capitals of `size` pixels and its vertical centre at `y`."""
        scale, thickness = size * _SCALE / _FONT_HEIGHT_PX, 3 if bold else 2
        (width, _), _ = cv2.getTextSize(text, _FONT, scale, thickness)
        offset = {"left": 0.0, "centre": width / 2, "right": float(width)}[align]
        corner = (round(x * _SCALE - offset), round((y + size / 2) * _SCALE))
        cv2.putText(self._pixels, text, corner, _FONT, scale, colour, thickness, cv2.LINE_AA)

    def to_png(self) -> bytes:
        """Return the finished picture as PNG. Raise ValueError if OpenCV cannot encode it."""
        small = cv2.resize(self._pixels, (self.width, self.height), interpolation=cv2.INTER_AREA)
        encoded, png = cv2.imencode(".png", small, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        if not encoded:
            raise ValueError("the picture could not be written as PNG")
        return png.tobytes()

    def _point(self, x: float, y: float) -> tuple[int, int]:
        """Return the point in the fixed-point coordinates of OpenCV."""
        factor = _SCALE * (1 << _SHIFT)
        return round(x * factor), round(y * factor)
