"""Cut pictures out of decoded frames in the coder's own form: luma and two chroma planes of half the size.

Crop, rotation and scaling are one pass, with subpixel accuracy. Apart from `picture.py`, which converts to RGB.
"""

from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from shared.domain.recording import VideoStream
from shared.media.video.picture import Picture

_PLANAR_FORMATS = ("yuv420p", "yuvj420p")

# A fraction (x, y) of the upright picture is at (a x + b y + c, d x + e y + f) of the coded one.
_TURNS = {
    0: ((1, 0, 0), (0, 1, 0)),
    90: ((0, 1, 0), (-1, 0, 1)),
    180: ((-1, 0, 1), (0, -1, 1)),
    270: ((0, -1, 1), (1, 0, 0)),
}


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of the upright picture, in fractions of it."""

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0


_WHOLE = Crop()


@dataclass(frozen=True, slots=True, eq=False)
class YuvPicture:
    """A picture in FFmpeg's yuv420p; width and height are even."""

    width: int
    height: int
    data: Picture
    """The three planes below each other, `height` × 3 / 2 rows."""

    @classmethod
    def empty(cls, width: int, height: int) -> "YuvPicture":
        """Return a picture of zeros; reuse it, since allocating costs more than drawing."""
        return cls(width, height, np.zeros((height * 3 // 2, width), np.uint8))

    @property
    def planes(self) -> tuple[Picture, Picture, Picture]:
        """Return luma, and blue and red chroma of half the size, as views to draw on."""
        size, flat = self.width * self.height, self.data.reshape(-1)
        half = (self.height // 2, self.width // 2)
        return (
            flat[:size].reshape(self.height, self.width),
            flat[size : size * 5 // 4].reshape(half),
            flat[size * 5 // 4 :].reshape(half),
        )

    def to_frame(self, index: int, tick: Fraction) -> av.VideoFrame:
        """Return the picture to encode, shown from `index` × `tick` seconds on."""
        frame = av.VideoFrame.from_ndarray(self.data, format="yuv420p")
        frame.pts, frame.time_base = index, tick
        return frame


class Cutter:
    """Cuts pictures of one size out of a recording's frames."""

    def __init__(self, video: VideoStream, width: int, height: int) -> None:
        self._turn = _TURNS[video.rotation]
        self._sideways = video.rotation in (90, 270)
        self._reformatter = VideoReformatter()
        self._picture = YuvPicture.empty(width, height)

    def cut(self, frame: av.VideoFrame, crop: Crop) -> YuvPicture:
        """Return the crop of the frame, scaled to the size; the next call overwrites it."""
        if frame.format.name not in _PLANAR_FORMATS:
            frame = self._reformatter.reformat(frame, format="yuv420p")
        for number, target in enumerate(self._picture.planes):
            self._cut_plane(_plane(frame, number), target, crop)
        return self._picture

    def _cut_plane(self, source: Picture, target: Picture, crop: Crop) -> None:
        """Draw the crop of the plane `source` into `target`."""
        height, width = target.shape
        across = source.shape[0] if self._sideways else source.shape[1]
        shrink = round(across * crop.width / width / 2)
        if shrink > 1:  # four pixels make one in what follows: with more, fine patterns would flicker
            smaller = (source.shape[1] // shrink, source.shape[0] // shrink)
            source = cv2.resize(source, smaller, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        if crop == _WHOLE and self._turn is _TURNS[0]:  # the same, faster
            cv2.resize(source, (width, height), target, interpolation=cv2.INTER_LINEAR)
            return
        matrix = self._matrix(source.shape[1], source.shape[0], width, height, crop)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(source, matrix, (width, height), target, flags, cv2.BORDER_REPLICATE)

    def _matrix(self, coded_width: int, coded_height: int, width: int, height: int, crop: Crop) -> NDArray[np.float64]:
        """Return the affine map from a target's pixel to the source, both counted from the first pixel's centre."""
        to_fraction = np.array(
            [
                [crop.width / width, 0, crop.left + crop.width / width / 2],
                [0, crop.height / height, crop.top + crop.height / height / 2],
                [0, 0, 1],
            ]
        )
        matrix: NDArray[np.float64] = np.diag([coded_width, coded_height]) @ np.array(self._turn) @ to_fraction
        matrix[:, 2] -= 0.5
        return matrix


def _plane(frame: av.VideoFrame, number: int) -> Picture:
    """Return a plane of the frame as an array without its padding."""
    plane = frame.planes[number]
    rows: Picture = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
