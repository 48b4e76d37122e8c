"""The plate: the empty room as the camera sees it, made once per recording and shared by all its parts.

A median over pictures spread over the recording, made comparable in exposure, twice: the second time without what
differs from the first. Where somebody stood still for so long that the median shows them, the plate is repaired. With
it go how much each pixel trembles, the regions that change in steps (screens), the slides that were seen there, and
what speaks against a fixed camera.
A plate is kept as one PNG: the room above, below it the trembling in green and the screens in red, then the slides.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.domain.errors import DamagedRecording
from shared.domain.warning import About, RecordingWarning
from shared.media.video.frames import SampledFrame
from shared.tracking.plan import MOVED
from shared.tracking.plate.camera_motion import UNSETTLED, camera_warnings
from shared.tracking.plate.camera_views import group_views
from shared.tracking.plate.exposure import Image, apart, exposed_like, small_float
from shared.tracking.plate.repair import repair_plate
from shared.tracking.plate.screens import find_screens
from shared.tracking.plate.slides import Slides, learn_slides
from shared.tracking.plate.stabilize import steadied

PLATE_WIDTH = 320
"""Pixels: a hundredth of the picture's width is three, which is finer than a person's outline is known."""
MAX_FRAMES = 100
_OUTLIER = 18.0  # steps of 0 to 255 from the first median beyond which a picture is left out of the second
_NOISE_STEPS = 8.0  # noise is kept in eighths of a step
_MIN_NOISE = 0.5
_ENOUGH_FRAMES = 8
TOO_FEW = RecordingWarning(
    "too_few_pictures", About.PICTURE, "The recording has too few pictures to tell a person from the room."
)
DOUBTS = frozenset({MOVED.code, UNSETTLED.code, TOO_FEW.code})
"""Codes of the warnings that say that what differs from a plate need not be a person."""
_WARNING_KEY, _SLIDES_KEY, _STEADIED_KEY = b"Warning", b"Slides", b"Steadied"
_PNG_HEAD = 8 + 25  # signature and header chunk


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """`bgr` (height × width × 3) is the room, `noise` (height × width) its trembling in eighths of a step of 0 to
    255, `screen` (height × width, bool) where pictures change in steps, `slides` (n × height × width × 3,
    black elsewhere) what was seen there."""

    bgr: NDArray[np.uint8]
    noise: NDArray[np.uint8]
    screen: NDArray[np.bool_]
    slides: Slides
    warnings: tuple[RecordingWarning, ...] = ()
    is_steadied: bool = False
    """Whether the camera moves, and pictures have to be laid over the plate before they are compared with it."""

    @property
    def is_trusted(self) -> bool:
        """Return whether what differs from the plate is a person, as far as the plate can tell."""
        return DOUBTS.isdisjoint(warning.code for warning in self.warnings)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.bgr.shape[1], self.bgr.shape[0]

    @property
    def noise_level(self) -> Image:
        """One standard deviation for each pixel, in steps of 0 to 255."""
        return (self.noise / _NOISE_STEPS).astype(np.float32)

    def to_png(self) -> bytes:
        below = np.zeros_like(self.bgr)
        below[..., 1] = self.noise
        below[..., 2] = self.screen * np.uint8(255)
        encoded, png = cv2.imencode(".png", np.vstack([self.bgr, below, *self.slides]))
        if not encoded:
            raise ValueError("the plate could not be written as PNG")
        data = png.tobytes()
        texts = _text_chunk(_SLIDES_KEY, str(len(self.slides)))
        texts += _text_chunk(_STEADIED_KEY, "yes") if self.is_steadied else b""
        texts += b"".join(_text_chunk(_WARNING_KEY, warning.to_line()) for warning in self.warnings)
        return data[:_PNG_HEAD] + texts + data[_PNG_HEAD:]

    @classmethod
    def from_png(cls, data: bytes) -> "Plate":
        """Raises ValueError when `data` is no plate."""
        stacked = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        count = 2 + int(next(_texts(data, _SLIDES_KEY), "0"))
        if stacked is None or stacked.shape[0] % count:
            raise ValueError("these bytes are no plate")
        above, below, *slides = np.ascontiguousarray(stacked, np.uint8).reshape(count, -1, *stacked.shape[1:])
        kept = np.stack(slides) if slides else np.zeros((0, *above.shape), np.uint8)
        return cls(
            above,
            below[..., 1].copy(),
            below[..., 2] > 127,
            kept,
            tuple(RecordingWarning.from_line(line) for line in _texts(data, _WARNING_KEY)),
            is_steadied=next(_texts(data, _STEADIED_KEY), None) is not None,
        )


def build_plate(frames: Iterable[SampledFrame]) -> Plate:
    """One plate from pictures spread over a recording; holds at most `MAX_FRAMES` of them, small.

    Raises DamagedRecording when there is no picture at all.
    """
    return _plate_of(_take_evenly(frames))


def build_plates(frames: Iterable[SampledFrame]) -> list[Plate]:
    """A plate for each view (camera, light) in the pictures, that of the longest first; as `build_plate` otherwise."""
    pictures = _take_evenly(frames)
    return [_steady_plate_of([pictures[number] for number in view]) for view in group_views(pictures)]


def _steady_plate_of(pictures: list[Image]) -> Plate:
    """The plate of `pictures`, or where the camera moved and that helps, of them laid over each other."""
    plate = _plate_of(pictures)
    if all(warning.code != MOVED.code for warning in plate.warnings):
        return plate
    laid = steadied(pictures)
    steady = _plate_of(laid) if laid is not None else plate
    return replace(steady, warnings=(MOVED,), is_steadied=True) if steady.is_trusted else plate


def _plate_of(pictures: list[Image]) -> Plate:
    stack = np.stack(pictures)
    for _ in range(2):  # the first median is of pictures in different light
        first = _median(stack)
        _expose_like(first, pictures, stack)
    room = _median_of_inliers(stack, first)
    screen = find_screens(stack)
    repaired = repair_plate(room, stack, screen)
    if repaired is not room or screen.any():  # exposure was measured against somebody who was baked in, or slides
        _expose_like(repaired, pictures, stack, screen)
        room = _median_of_inliers(stack, repaired)
    slides, shown = learn_slides(stack, room, screen)
    seen = [room if slide < 0 else np.where(screen[..., None], slides[slide], room) for slide in shown]
    noise = np.clip(np.round(_noise(stack, seen) * _NOISE_STEPS), 0, 255).astype(np.uint8)
    warnings = camera_warnings(stack, room, screen)
    if len(pictures) < _ENOUGH_FRAMES:
        warnings = (*warnings, TOO_FEW)
    return Plate(np.clip(np.round(room), 0, 255).astype(np.uint8), noise, screen, slides, warnings)


def _take_evenly(frames: Iterable[SampledFrame]) -> list[Image]:
    """Every n-th picture, with n so large that they are at most `MAX_FRAMES`."""
    pictures: list[Image] = []
    step = 1
    size: tuple[int, int] | None = None
    for count, frame in enumerate(frames):
        if count % step:
            continue
        if size is None:
            height, width = frame.bgr.shape[:2]
            size = (min(PLATE_WIDTH, width), max(1, round(height * min(PLATE_WIDTH, width) / width)))
        pictures.append(small_float(frame.bgr, size))
        if len(pictures) >= MAX_FRAMES:
            pictures, step = pictures[::2], step * 2
    if not pictures:
        raise DamagedRecording("No picture of the recording could be decoded.")
    return pictures


def _expose_like(room: Image, pictures: list[Image], stack: Image, ignored: NDArray[np.bool_] | None = None) -> None:
    """Put the pictures in the exposure of `room`, told by what is not `ignored`, into `stack`."""
    for index, picture in enumerate(pictures):
        stack[index] = exposed_like(picture, room, ignored)


def _median(stack: Image) -> Image:
    """The median picture, row by row: NumPy copies what it takes the median of."""
    return np.stack([np.median(stack[:, row], axis=0) for row in range(stack.shape[1])]).astype(np.float32)


def _median_of_inliers(stack: Image, centre: Image) -> Image:
    """The median of what lies near `centre`; `centre` itself where nothing does.

    A mean would be drawn towards somebody who looks much like the wall and stands there for long.
    """
    found = centre.copy()
    for row in range(stack.shape[1]):  # a row at a time: a masked copy of all would need the memory again
        values = stack[:, row].copy()
        values[apart(values, centre[row]) > _OUTLIER] = np.nan
        known = ~np.isnan(values).all(axis=0)
        found[row][known] = np.nanmedian(values[:, known], axis=0)
    return found


def _noise(stack: Image, rooms: Sequence[Image]) -> Image:
    """The mean distance from its room of what lies near it; half of "near" where nothing ever does."""
    total = np.zeros(stack.shape[1:3], np.float32)
    count = np.zeros_like(total)
    for picture, room in zip(stack, rooms, strict=True):
        away = apart(picture, room)
        near = away <= _OUTLIER
        total += away * near
        count += near
    mean = np.where(count > 0, total / np.maximum(count, 1), _OUTLIER / 2)
    return np.maximum(mean, _MIN_NOISE).astype(np.float32)


def _text_chunk(key: bytes, text: str) -> bytes:
    """PNG's international text chunk (https://www.w3.org/TR/png-3/#11iTXt), not compressed, no language."""
    body = b"iTXt" + key + b"\0\0\0\0\0" + text.encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _texts(data: bytes, key: bytes) -> Iterator[str]:
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if kind == b"iTXt" and body.startswith(key + b"\0"):
            yield body[len(key) + 5 :].decode(errors="replace")
        at += 12 + length
