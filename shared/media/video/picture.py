"""A recording's picture: its stream, jumps in it, its decoded frames, and frames as small upright arrays."""

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
from shared.domain.recording import Recording, VideoStream
from shared.media.container import demux_past_damage

_THREADS = 2
# No telephone is held taller than this; a picture of one column and a million rows would be as large as it likes.
_TALLEST = 3.5
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}

Picture = NDArray[np.uint8]
"""Height × width × 3, BGR, as a viewer sees it."""


def video_of(recording: Recording) -> VideoStream:
    """The recording's picture; raises NoUsableStream without one."""
    if recording.video is None:
        raise NoUsableStream("The recording has no picture.")
    return recording.video


def video_stream(container: InputContainer, video: VideoStream, *, frame_threads: bool = True) -> av.VideoStream:
    """The stream to decode; without `frame_threads` it decodes nothing beyond what is asked for: for a few frames."""
    streams = container.streams
    stream = streams[video.index] if video.index < len(streams) else None
    if not isinstance(stream, av.VideoStream):
        raise NoUsableStream("The recording's picture is no longer where it was.")
    stream.thread_type = "AUTO" if frame_threads else "SLICE"
    stream.codec_context.thread_count = _THREADS
    return stream


def jump(container: InputContainer, stream: Stream, clock_sec: float) -> bool:
    """Goes to the key picture before `clock_sec` on the container's clock; whether that worked."""
    if stream.time_base is None:
        return False
    try:
        container.seek(round(clock_sec / stream.time_base), stream=stream)
    except (av.error.FFmpegError, OverflowError):  # FFmpeg counts in 64 bits, and a file may declare the last of them
        return False
    return True


def decoded_frames(container: InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Every frame that can be decoded, in the order of showing."""
    for packet in demux_past_damage(container, stream):
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
    """Width and height in pixels of the picture scaled down to at most `width`, and to `_TALLEST` times that height."""
    scale = min(1.0, width / video.width, _TALLEST * width / video.height)
    return max(1, round(video.width * scale)), max(1, round(video.height * scale))


class UprightConverter:
    """Turns a decoded frame into an upright picture of `upright_size`; does the same frame only once."""

    def __init__(self, video: VideoStream, width: int) -> None:
        upright_width, upright_height = upright_size(video, width)
        sideways = video.rotation in (90, 270)
        self._coded = (upright_height, upright_width) if sideways else (upright_width, upright_height)
        self._turn = _TURNS.get(video.rotation)
        self._reformatter = VideoReformatter()
        self._done: tuple[av.VideoFrame, Picture] | None = None

    def __call__(self, frame: av.VideoFrame) -> Picture:
        if self._done is not None and self._done[0] is frame:
            return self._done[1]
        small = self._reformatter.reformat(frame, *self._coded, "bgr24", interpolation="AREA")
        picture: Picture = small.to_ndarray().astype(np.uint8, copy=False)
        if self._turn is not None:
            picture = np.ascontiguousarray(cv2.rotate(picture, self._turn))
        self._done = (frame, picture)
        return picture
