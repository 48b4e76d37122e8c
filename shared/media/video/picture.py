"""Decode the picture of a recording: its stream, seeking, decoded frames, and frames as small upright arrays.

Apart from `frames.py` and `thumbnails.py`, which choose the frames.
"""

from collections.abc import Iterator

import av
import av.error
import cv2
import numpy as np
from av.container import InputContainer
from av.stream import Stream
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from shared.domain.errors import NoUsableStream
from shared.domain.recording import Piece, Recording, VideoStream
from shared.media.timeline.joint import ARBITRARY_CLOCKS
from shared.media.timeline.pieces import demux_piece
from shared.media.video.fit import WHOLE, fit
from shared.media.video.hdr import is_pq, pq_to_sdr
from shared.media.video.orientation import Orientation, orientation_of

THREADS = 2
"""Threads of a decoder that works alone."""
_MAX_HEIGHT_TO_WIDTH = 3.5
"""Limits the size of a picture of one column and a million rows; no phone is held taller."""
_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
"""OpenCV code for each rotation in degrees clockwise."""

Picture = NDArray[np.uint8]
"""Height × width × 3, BGR, as a viewer sees it."""


def video_of(recording: Recording) -> VideoStream:
    """Return the recording's picture. Raise NoUsableStream if it has none."""
    if recording.video is None:
        raise NoUsableStream("The recording has no picture.")
    return recording.video


def prepare_decoder(
    stream: av.VideoStream, *, frame_threads: bool = True, only_referenced: bool = False, threads: int = THREADS
) -> None:
    """Set the threads of the stream's decoder, and which frames it decodes.

    Without `frame_threads` nothing beyond the requested frames is decoded, which suits a few frames. With
    `only_referenced` it leaves out the frames that no other frame refers to. More than one of the `threads` costs a
    tenth more CPU time in all.
    """
    stream.thread_type = "AUTO" if frame_threads else "SLICE"
    stream.codec_context.thread_count = threads
    if only_referenced:
        stream.codec_context.skip_frame = "NONREF"


def seek(container: InputContainer, stream: Stream, clock_sec: float) -> bool:
    """Seek to the keyframe before `clock_sec` on the container's clock, and return whether that worked."""
    if stream.time_base is None:
        return False
    try:
        container.seek(round(clock_sec / stream.time_base), stream=stream)
    except (av.error.FFmpegError, OverflowError):  # FFmpeg counts in 64 bits, and a file may declare the last of them
        return False
    return True


def seek_to_start(container: InputContainer, stream: Stream, start_sec: float) -> bool:
    """Seek to the beginning, which is at `start_sec` on the container's clock, and return whether that worked.

    Transport and program streams have no index, and a seek to their first time lands after it; there the first byte is
    sought.
    """
    if container.format.name not in ARBITRARY_CLOCKS:
        return seek(container, stream, start_sec)
    try:
        container.seek(0, unsupported_byte_offset=True)
    except av.error.FFmpegError:
        return False
    return True


def decoded_frames(container: InputContainer, stream: av.VideoStream, piece: Piece) -> Iterator[av.VideoFrame]:
    """Yield every frame of the piece that can be decoded, in order of display."""
    for packet in demux_piece(container, stream, piece):
        try:
            for frame in stream.decode(packet if packet.size else None):
                if frame.time_base is None and stream.time_base is not None:  # as at the end of a stream
                    frame.time_base = stream.time_base
                yield frame
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            continue


def upright_size(video: VideoStream, width: int) -> tuple[int, int]:
    """Return width and height in pixels of the picture, scaled down to at most `width` and to the tallest shape that is
    allowed."""
    scale = min(1.0, width / video.width, _MAX_HEIGHT_TO_WIDTH * width / video.height)
    return max(1, round(video.width * scale)), max(1, round(video.height * scale))


class UprightConverter:
    """Converts a decoded frame to an upright picture of `upright_size`; remembers the last one.

    A frame of another shape than the recording's stands in the middle of the picture, with black beside it.
    """

    def __init__(self, video: VideoStream, width: int) -> None:
        self._size = upright_size(video, width)
        self._aspect = video.width / video.height
        self._pixel_aspect = video.pixel_aspect
        self._reformatter = VideoReformatter()
        self._done: tuple[av.VideoFrame, Picture] | None = None

    def __call__(self, frame: av.VideoFrame) -> Picture:
        """Return the upright picture of `frame`, height × width × 3, BGR."""
        if self._done is not None and self._done[0] is frame:
            return self._done[1]
        width, height = self._size
        orientation = orientation_of(frame)
        place = fit(upright_aspect(frame, orientation, self._pixel_aspect), self._aspect)
        picture = self._upright(
            frame, orientation, max(1, round(place.width * width)), max(1, round(place.height * height))
        )
        if place != WHOLE:
            whole = np.zeros((height, width, 3), np.uint8)
            top, left = round(place.top * height), round(place.left * width)
            whole[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
            picture = whole
        self._done = (frame, picture)
        return picture

    def _upright(self, frame: av.VideoFrame, orientation: Orientation, width: int, height: int) -> Picture:
        """Return the frame, upright and of this size."""
        coded = (height, width) if orientation.is_sideways else (width, height)
        if is_pq(frame):
            deep = self._reformatter.reformat(frame, *coded, "rgb48le", interpolation="AREA")
            picture = pq_to_sdr(deep.to_ndarray(), frame.color_primaries)
        else:
            small = self._reformatter.reformat(frame, *coded, "bgr24", interpolation="AREA")
            picture = small.to_ndarray().astype(np.uint8, copy=False)
        if orientation.mirrored:
            picture = np.ascontiguousarray(cv2.flip(picture, 1))
        turn = _ROTATIONS.get(orientation.rotation)
        return picture if turn is None else np.ascontiguousarray(cv2.rotate(picture, turn))


def upright_aspect(frame: av.VideoFrame, orientation: Orientation, pixel_aspect: float) -> float:
    """Return width / height of a frame as a viewer sees it."""
    aspect = frame.width * pixel_aspect / frame.height
    return 1 / aspect if orientation.is_sideways else aspect
