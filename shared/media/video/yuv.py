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
from shared.media.video.fit import WHOLE, Crop, fit
from shared.media.video.hdr import is_pq, pq_planes_to_sdr
from shared.media.video.orientation import UPRIGHT, Orientation, orientation_of
from shared.media.video.picture import Picture, upright_aspect

_PLANAR_FORMATS = ("yuv420p", "yuvj420p")

# A fraction (x, y) of the upright picture is at (a x + b y + c, d x + e y + f) of the coded one.
_TURNS = {
    0: ((1, 0, 0), (0, 1, 0)),
    90: ((0, 1, 0), (-1, 0, 1)),
    180: ((-1, 0, 1), (0, -1, 1)),
    270: ((0, -1, 1), (1, 0, 0)),
}
_MIRROR = np.array([[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
_BLACK = (16, 128, 128)
"""Values of the three planes beside a picture of another shape."""


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
    """Cuts pictures of one size out of a recording's frames; a frame of another shape stands within the first one's."""

    def __init__(self, video: VideoStream, width: int, height: int) -> None:
        self._aspect = video.width / video.height
        self._pixel_aspect = video.pixel_aspect
        self._reformatter = VideoReformatter()
        self._picture = YuvPicture.empty(width, height)

    def cut(self, frame: av.VideoFrame, crop: Crop) -> YuvPicture:
        """Return the crop of the frame, scaled to the size, in ordinary colours; the next call overwrites it."""
        in_pq, primaries = is_pq(frame), frame.color_primaries
        orientation = orientation_of(frame)
        place = fit(upright_aspect(frame, orientation, self._pixel_aspect), self._aspect)
        if frame.format.name not in _PLANAR_FORMATS:
            frame = self._reformatter.reformat(frame, format="yuv420p")
        for number, target in enumerate(self._picture.planes):
            self._cut_plane(_plane(frame, number), target, crop, orientation, place, _BLACK[number])
        if in_pq:
            pq_planes_to_sdr(*self._picture.planes, primaries)
        return self._picture

    def _cut_plane(
        self, source: Picture, target: Picture, crop: Crop, orientation: Orientation, place: Crop, black: int
    ) -> None:
        """Draw the crop of the plane `source` into `target`."""
        height, width = target.shape
        across = source.shape[0] if orientation.is_sideways else source.shape[1]
        shrink = round(across * crop.width / place.width / width / 2)
        if shrink > 1:  # four pixels make one in what follows: with more, fine patterns would flicker
            smaller = (source.shape[1] // shrink, source.shape[0] // shrink)
            source = cv2.resize(source, smaller, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        if crop == WHOLE and place == WHOLE and orientation == UPRIGHT:  # the same, faster
            cv2.resize(source, (width, height), target, interpolation=cv2.INTER_LINEAR)
            return
        matrix = _matrix((source.shape[1], source.shape[0]), (width, height), crop, orientation, place)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        if place == WHOLE:
            cv2.warpAffine(source, matrix, (width, height), target, flags, cv2.BORDER_REPLICATE)
        else:
            cv2.warpAffine(source, matrix, (width, height), target, flags, cv2.BORDER_CONSTANT, (black,))


def _matrix(
    coded: tuple[int, int], target: tuple[int, int], crop: Crop, orientation: Orientation, place: Crop
) -> NDArray[np.float64]:
    """Return the affine map from a target's pixel to the source, both counted from the first pixel's centre.

    `coded` and `target` are width and height; `place` is where the picture stands within the recording's shape.
    """
    width, height = target
    to_fraction = np.array(
        [
            [crop.width / width, 0, crop.left + crop.width / width / 2],
            [0, crop.height / height, crop.top + crop.height / height / 2],
            [0, 0, 1],
        ]
    )
    turn = np.array(_TURNS[orientation.rotation], dtype=float)
    if orientation.mirrored:
        turn = _MIRROR @ np.vstack([turn, [0, 0, 1]])
    if place != WHOLE:
        within = [[1 / place.width, 0, -place.left / place.width], [0, 1 / place.height, -place.top / place.height]]
        to_fraction = np.array([*within, [0, 0, 1]]) @ to_fraction
    matrix: NDArray[np.float64] = np.diag(coded) @ turn @ to_fraction
    matrix[:, 2] -= 0.5
    return matrix


def _plane(frame: av.VideoFrame, number: int) -> Picture:
    """Return a plane of the frame as an array without its padding."""
    plane = frame.planes[number]
    rows: Picture = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
