"""Make stills of a recording: small upright JPEGs at given times, in one pass over an opened container.

Apart from scenes and storage, which it knows nothing of.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from typing import BinaryIO

import cv2

from shared.domain.errors import DamagedRecording
from shared.domain.recording import Recording
from shared.media.timeline.pieces import find_video, open_piece, piece_at
from shared.media.video.picture import Picture, UprightConverter, prepare_decoder, video_of
from shared.media.video.stills import StillFinder

DEFAULT_WIDTH_PX = 480
JPEG_QUALITY = 82
"""Quality of the JPEG, 0 to 100."""
_DECODED_SEC = 3600.0
"""Most of the recording that is decoded for all times together: some minutes of work, only with very few keyframes."""


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
    """Yield (time, JPEG), in order of time, for each of `times` at which there is a picture of that moment.

    `report` is called with the fraction done at every decoded picture, and may raise to stop the work.
    """
    video, wanted = video_of(recording), sorted(times)
    convert = UprightConverter(video, width)
    budget_sec = _DECODED_SEC
    done = 0

    def decoded_one() -> None:
        report(done / len(wanted))

    for number, group in groupby(wanted, key=partial(piece_at, recording)):
        piece = recording.timeline[number]
        with open_piece(source, piece) as looker, open_piece(source, piece) as runner:
            stream = find_video(runner, video)
            if stream is None:
                continue
            prepare_decoder(stream, frame_threads=False)
            finder = StillFinder(looker, runner, stream.index, piece, decoded_one)
            for time_sec in group:
                frame, spent_sec = finder.frame_at(time_sec - piece.at_sec + piece.start_sec, budget_sec)
                budget_sec -= spent_sec
                done += 1
                if frame is not None:
                    yield time_sec, to_jpeg(convert(frame))
    report(1.0)


def to_jpeg(picture: Picture, quality: int = JPEG_QUALITY) -> bytes:
    """Return the picture as JPEG. Raise DamagedRecording if OpenCV cannot encode it."""
    encoded, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not encoded:
        raise DamagedRecording("A picture of the recording could not be written as JPEG.")
    return jpeg.tobytes()


def _report_nothing(fraction: float) -> None:
    """Ignore the progress."""
    pass
