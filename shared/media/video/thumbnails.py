"""Make stills of a recording: small upright JPEGs at given times, in one pass over an opened container.

Apart from scenes and storage, which it knows nothing of.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import BinaryIO

import av
import cv2
from av.container import InputContainer

from shared.domain.errors import DamagedRecording
from shared.domain.recording import Recording
from shared.media.container import open_container
from shared.media.video.picture import Picture, UprightConverter, decoded_frames, seek, video_of, video_stream

DEFAULT_WIDTH_PX = 480
JPEG_QUALITY = 82
"""Quality of the JPEG, 0 to 100."""
_FRAMES_PER_TIME = 2000
"""Most frames decoded for one time, a bound for recordings with few keyframes."""
_JUMPS_SEC = (0.0, 10.0, 60.0)
"""Formats without an index (transport streams) seek to any packet; then the seek is repeated this much earlier."""


def thumbnail(source: BinaryIO, recording: Recording, time_sec: float, width: int = DEFAULT_WIDTH_PX) -> bytes:
    """Return the picture at `time_sec` on the recording's clock as a JPEG of at most `width` pixels.

    Raise NoUsableStream if there is no picture, DamagedRecording if none can be decoded there.
    """
    for _, jpeg in make_thumbnails(source, recording, [time_sec], width, _report_nothing):
        return jpeg
    raise DamagedRecording(f"No picture could be decoded at {time_sec:.1f} s.")


def make_thumbnails(
    source: BinaryIO, recording: Recording, times: Iterable[float], width: int, report: Callable[[float], None]
) -> Iterator[tuple[float, bytes]]:
    """Yield (time, JPEG) for each of `times` at which a picture can be decoded.

    `report` is called with the fraction done at every decoded picture, and may raise to stop the work.
    """
    video, wanted = video_of(recording), list(times)
    convert = UprightConverter(video, width)
    with open_container(source) as container:
        stream = video_stream(container, video, frame_threads=False)
        for done, time_sec in enumerate(wanted):
            frame = _frame_at(container, stream, recording, time_sec, partial(report, done / len(wanted)))
            if frame is not None:
                yield time_sec, _to_jpeg(convert(frame))
    report(1.0)


def _frame_at(
    container: InputContainer,
    stream: av.VideoStream,
    recording: Recording,
    time_sec: float,
    decoded_one: Callable[[], None],
) -> av.VideoFrame | None:
    """Return the last frame shown at or before `time_sec`, or the first one after it if there is none."""
    clock_sec = time_sec + recording.start_sec
    found: av.VideoFrame | None = None
    for earlier_sec in (min(earlier, time_sec) for earlier in _JUMPS_SEC):
        if seek(container, stream, clock_sec - earlier_sec):
            found = _decode_towards(container, stream, clock_sec, decoded_one) or found
        if earlier_sec == time_sec or (found is not None and _clock_sec(found) <= clock_sec):
            break
    return found


def _decode_towards(
    container: InputContainer, stream: av.VideoStream, clock_sec: float, decoded_one: Callable[[], None]
) -> av.VideoFrame | None:
    """Return the last decodable frame at or before `clock_sec`, or the first one after it."""
    shown: av.VideoFrame | None = None
    for count, frame in enumerate(decoded_frames(container, stream)):
        decoded_one()
        if frame.pts is None or frame.time_base is None:
            continue
        if shown is None or _clock_sec(frame) <= clock_sec:
            shown = frame
        if _clock_sec(frame) >= clock_sec or count >= _FRAMES_PER_TIME:
            break
    return shown


def _clock_sec(frame: av.VideoFrame) -> float:
    return float((frame.pts or 0) * (frame.time_base or 0))


def _to_jpeg(picture: Picture) -> bytes:
    """Return the picture as JPEG. Raise DamagedRecording if OpenCV cannot encode it."""
    encoded, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not encoded:
        raise DamagedRecording("A picture of the recording could not be written as JPEG.")
    return jpeg.tobytes()


def _report_nothing(fraction: float) -> None:
    """Ignore the progress."""
    pass
