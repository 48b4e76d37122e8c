"""Stills of a recording: small upright JPEGs at given times, in one pass over an opened container.

Knows nothing of scenes or of where the pictures are stored.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import av
import av.error
import cv2
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from shared.domain.errors import DamagedRecording, NoUsableStream
from shared.domain.recording import Recording, VideoStream
from shared.media.container import demux_past_damage, open_container

DEFAULT_WIDTH = 480
JPEG_QUALITY = 82
# Frames decoded towards one time before the latest is taken as it is: a bound for recordings with few keyframes.
_FRAMES_PER_TIME = 2000
# Formats without an index (transport streams) jump to any packet, not to a keyframe: then an earlier jump is tried.
_JUMPS_SEC = (0.0, 10.0, 60.0)
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def thumbnail(source: BinaryIO, recording: Recording, time_sec: float, width: int = DEFAULT_WIDTH) -> bytes:
    """The picture shown at `time_sec` on the recording's clock as a JPEG of `width` pixels.

    Raises NoUsableStream without a picture, DamagedRecording when none can be decoded there.
    """
    for _, jpeg in make_thumbnails(source, recording, [time_sec], width, _report_nothing):
        return jpeg
    raise DamagedRecording(f"No picture could be decoded at {time_sec:.1f} s.")


def make_thumbnails(
    source: BinaryIO, recording: Recording, times: Iterable[float], width: int, report: Callable[[float], None]
) -> Iterator[tuple[float, bytes]]:
    """(time, JPEG) for each of `times` at which a picture can be decoded; the others are left out.

    `report` gets the fraction done at every picture decoded, and may raise to stop the work.
    """
    video = recording.video
    if video is None:
        raise NoUsableStream("The recording has no picture.")
    wanted = list(times)
    with open_container(source) as container:
        stream = container.streams[video.index]
        if not isinstance(stream, av.VideoStream):
            raise NoUsableStream("The recording's picture is no longer where it was.")
        stream.thread_type = "SLICE"  # frame threads keep a frame per core in memory and gain nothing over a few frames
        for done, time_sec in enumerate(wanted):
            frame = _frame_at(container, stream, recording, time_sec, lambda: report(done / len(wanted)))  # noqa: B023
            if frame is not None:
                yield time_sec, _to_jpeg(frame, video, width)
    report(1.0)


def _frame_at(
    container: InputContainer,
    stream: av.VideoStream,
    recording: Recording,
    time_sec: float,
    decoded_one: Callable[[], None],
) -> av.VideoFrame | None:
    """The last frame shown at or before `time_sec`, or the first after it where there is none before."""
    tick = stream.time_base
    if tick is None:
        return None
    target = round((time_sec + recording.start_sec) / tick)
    found: av.VideoFrame | None = None
    for earlier_sec in _JUMPS_SEC:
        if earlier_sec > time_sec:
            earlier_sec = time_sec
        found = _decode_towards(container, stream, target, target - round(earlier_sec / tick), decoded_one) or found
        if (found is not None and found.pts is not None and found.pts <= target) or earlier_sec == time_sec:
            break
    return found


def _decode_towards(
    container: InputContainer, stream: av.VideoStream, target: int, jump: int, decoded_one: Callable[[], None]
) -> av.VideoFrame | None:
    try:
        container.seek(jump, stream=stream)
    except av.error.FFmpegError:
        return None
    shown: av.VideoFrame | None = None
    for count, frame in enumerate(_frames(container, stream)):
        decoded_one()
        if frame.pts is None:
            continue
        if shown is None or frame.pts <= target:
            shown = frame
        if frame.pts >= target or count >= _FRAMES_PER_TIME:
            break
    return shown


def _frames(container: InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    for packet in demux_past_damage(container, stream):
        try:
            yield from stream.decode(packet if packet.size else None)
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            continue


def _to_jpeg(frame: av.VideoFrame, video: VideoStream, width: int) -> bytes:
    """Scaled first, then turned: the frame comes as it was coded, `video` has the size that a viewer sees."""
    height = max(1, round(width * video.height / video.width))
    coded = (height, width) if video.rotation in (90, 270) else (width, height)
    picture: NDArray[Any] = frame.reformat(coded[0], coded[1], "bgr24", interpolation="AREA").to_ndarray()
    if video.rotation in _TURNS:
        picture = cv2.rotate(picture, _TURNS[video.rotation])
    encoded, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(picture), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not encoded:
        raise DamagedRecording("A picture of the recording could not be written as JPEG.")
    return jpeg.tobytes()


def _report_nothing(fraction: float) -> None:
    pass
