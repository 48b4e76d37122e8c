"""Read pictures that are evenly spread over a recording and cheap to decode: its keyframes.

Apart from `frames.py`, whose samples stand on a grid and cost the decoding of every frame.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import groupby, pairwise
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer

from shared.domain.recording import Piece, Recording, VideoStream
from shared.media.timeline.pieces import demux_piece, find_video, open_piece, piece_at
from shared.media.video.frames import DEFAULT_WIDTH_PX, SampledFrame, report_nothing, sample_frames
from shared.media.video.picture import UprightConverter, prepare_decoder, seek, video_of

_ENOUGH_KEYFRAMES = 40
"""Fewer keyframes do not show what stays and what moves: frames are decoded in between."""

_DECODED_INSTEAD_SEC = 600.0
"""Most of the recording that is decoded to make up for missing keyframes."""


def keyframes(
    source: BinaryIO,
    recording: Recording,
    *,
    limit: int = 80,
    start_sec: float = 0.0,
    end_sec: float | None = None,
    decoded_sec: float = _DECODED_INSTEAD_SEC,
    width: int = DEFAULT_WIDTH_PX,
    report: Callable[[float], None] = report_nothing,
    few_places: BinaryIO | None = None,
) -> Iterator[SampledFrame]:
    """Yield about `limit` pictures spread evenly over [`start_sec`, `end_sec`), cheap to decode: keyframes.

    If there are too few keyframes, frames in between are decoded: at most `decoded_sec` seconds of the recording,
    spread over all its keyframes. `index` counts the pictures. `report` is as in `shown_frames`. Keyframes are read
    from `few_places`, if it is given: the same file, opened so that a seek reads little. Raise NoUsableStream.
    """
    video = video_of(recording)
    end_sec = recording.duration_sec if end_sec is None else end_sec
    found = list(_seek_keyframes(few_places or source, recording, video, limit, start_sec, end_sec, width, report))
    if len(found) >= min(limit, _ENOUGH_KEYFRAMES):
        yield from found
        return
    length = max(end_sec - start_sec, 1e-9)
    starts = sorted({min(max(frame.time_sec, start_sec), end_sec) for frame in found}) or [start_sec]
    del found
    if length <= decoded_sec:
        starts = [start_sec]
    stretches = [(a, min(b, a + decoded_sec / len(starts))) for a, b in pairwise((*starts, end_sec)) if b > a]
    sample_fps = limit / max(sum(b - a for a, b in stretches), 1e-9)
    count = 0
    for a, b in stretches:
        for frame in sample_frames(
            source, recording, sample_fps=sample_fps, start_sec=a, end_sec=b, width=width, report=report
        ):
            yield SampledFrame(count, frame.time_sec, frame.bgr)
            count += 1


def _seek_keyframes(
    source: BinaryIO,
    recording: Recording,
    video: VideoStream,
    limit: int,
    start_sec: float,
    end_sec: float,
    width: int,
    report: Callable[[float], None],
) -> Iterator[SampledFrame]:
    """Yield the keyframes nearest before `limit` evenly spread times, each once."""
    convert = UprightConverter(video, width)
    seen: set[tuple[int, int]] = set()
    wanted = [start_sec + (end_sec - start_sec) * (turn + 0.5) / limit for turn in range(limit)]
    for number, turns in groupby(range(limit), key=lambda turn: piece_at(recording, wanted[turn])):
        piece = recording.timeline[number]
        with open_piece(source, piece) as container:
            stream = find_video(container, video)
            if stream is None:
                continue
            prepare_decoder(stream, frame_threads=False)
            stream.codec_context.skip_frame = "NONKEY"
            for turn in turns:
                report(turn / limit)
                if not seek(container, stream, wanted[turn] - piece.at_sec + piece.start_sec):
                    continue
                frame = _first_keyframe(container, stream, piece)
                if frame is None or frame.pts is None or (number, frame.pts) in seen or stream.time_base is None:
                    continue
                seen.add((number, frame.pts))
                time_sec = float(frame.pts * stream.time_base) - piece.start_sec + piece.at_sec
                if not piece.at_sec - 1.0 <= time_sec <= piece.end_sec + 1.0 and recording.pieces:
                    continue  # of another piece of the same file
                yield SampledFrame(len(seen) - 1, time_sec, convert(frame))


def _first_keyframe(container: InputContainer, stream: av.VideoStream, piece: Piece) -> av.VideoFrame | None:
    """Return the first keyframe from where the container stands that can be decoded and has a time.

    A decoder holds a frame back until it knows that none is shown earlier, which takes as many more keyframes as there
    are B-frames in a row, and all of the file between them. So it is drained after each keyframe.
    """
    for packet in demux_piece(container, stream, piece):
        if not (packet.is_keyframe and packet.size):
            continue
        frames: list[av.VideoFrame] = []
        for given in (packet, None):
            with suppress(av.error.FFmpegError):  # EOFError as well
                frames += stream.decode(given)
        stream.codec_context.flush_buffers()
        for frame in frames:
            if frame.time_base is None and stream.time_base is not None:
                frame.time_base = stream.time_base
            if frame.pts is not None:
                return frame
    return None
