"""Read the frames of a recording on a sampling grid that any split keeps.

Grid point k is at k / sample_fps on the recording's clock and gets the frame shown then: the last with a time at or
before it. So one run over the whole yields what runs over its slices yield. Apart from the analysis of the frames,
which it knows nothing of.
"""

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import av
from av.container import InputContainer

from shared.domain.errors import NoUsableStream
from shared.domain.recording import Piece, Recording, VideoStream
from shared.media.timeline.pieces import find_video, open_piece, piece_at
from shared.media.video.deinterlace import deinterlaced
from shared.media.video.picture import (
    THREADS,
    Picture,
    UprightConverter,
    decoded_frames,
    prepare_decoder,
    seek,
    video_of,
)

DEFAULT_WIDTH_PX = 640
"""Width of a sampled picture."""
_JUMPS_SEC = (0.0, 2.0, 10.0, 60.0)
"""A seek may land late: by the reordering of frames in MP4, anywhere in transport streams. Then it is repeated this
much earlier."""
_PIECES_BACK = 5
"""Most pieces before the wanted one that are searched for a picture that is still shown."""
_FIRST_STANDS_SEC = 3.0
"""The first frame stands for grid points up to so much before it; before that there is no picture."""
_PAST_END_SEC = 10.0
"""A frame that is later than this after its piece's end has a wrong time."""
_MAX_WRONG = 100
"""Most such frames in a row of times; after more, another clock has begun."""


@dataclass(frozen=True, slots=True, eq=False)
class SampledFrame:
    """A picture of the recording at a time."""

    index: int
    """Number of the grid point."""
    time_sec: float
    """Time on the recording's clock."""
    bgr: Picture
    """Height × width × 3, upright."""
    coded: av.VideoFrame | None = None
    """The frame as it was decoded, in full size, for callers that need more than `bgr`."""


def report_nothing(fraction: float) -> None:
    """Ignore the progress."""
    pass


def sample_frames(
    source: BinaryIO,
    recording: Recording,
    *,
    sample_fps: float,
    start_sec: float = 0.0,
    end_sec: float | None = None,
    width: int = DEFAULT_WIDTH_PX,
    only_referenced: bool = False,
    threads: int = THREADS,
    report: Callable[[float], None] = report_nothing,
) -> Iterator[SampledFrame]:
    """Yield the pictures at the grid points in [`start_sec`, `end_sec`), upright and at most `width` pixels wide.

    The rest is as in `shown_frames`.
    """
    convert = UprightConverter(video_of(recording), width)
    shown = shown_frames(
        source,
        recording,
        sample_fps=sample_fps,
        start_sec=start_sec,
        end_sec=end_sec,
        only_referenced=only_referenced,
        threads=threads,
        report=report,
    )
    for index, frame in shown:
        yield SampledFrame(index, index / sample_fps, convert(frame), frame)


def shown_frames(
    source: BinaryIO,
    recording: Recording,
    *,
    sample_fps: float,
    start_sec: float = 0.0,
    end_sec: float | None = None,
    holds_last: bool = False,
    only_referenced: bool = False,
    whole_frames: bool = False,
    threads: int = THREADS,
    report: Callable[[float], None] = report_nothing,
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield (k, frame as coded) for the grid points k in [`start_sec`, `end_sec`).

    Nothing is yielded long before the first frame, nor past the last frame's own duration, so that a picture that ends
    before the sound is not extended. With `holds_last` the last frame stands until `end_sec`. With `only_referenced`
    frames that no other frame refers to are left out, and the one before stands in their place (see
    `unreferenced.py`). With `whole_frames` interlaced ones are made whole. `threads` are the decoder's.

    `report` is called with the fraction done at every decoded frame, and may raise to stop the work. Raise
    NoUsableStream.
    """
    video = video_of(recording)
    end_sec = recording.duration_sec if end_sec is None else end_sec
    index, last = _first_point(start_sec, sample_fps), _first_point(end_sec, sample_fps)
    if index >= last:
        return
    span = max(end_sec - start_sec, 1e-9)
    shown: av.VideoFrame | None = None
    shown_at = 0.0
    prepare = partial(prepare_decoder, only_referenced=only_referenced, threads=threads)
    with closing(_frames_from(source, recording, video, index / sample_fps, report, prepare)) as frames:
        for time_sec, frame in deinterlaced(frames, video.field_order) if whole_frames else frames:
            report(min(1.0, max(0.0, (time_sec - start_sec) / span)))
            # Frame times are ticks and grid points are floats; a tolerance of 1 ms covers the rounding.
            if shown is None and time_sec > index / sample_fps + _FIRST_STANDS_SEC:
                index = _first_point(time_sec - _FIRST_STANDS_SEC, sample_fps)
            while shown is not None and index < last and index / sample_fps < time_sec - 1e-3:
                yield index, shown
                index += 1
            if index >= last:
                break
            shown, shown_at = frame, time_sec
    shown_until = 0.0
    if shown is not None:
        shown_until = shown_at + _duration_sec(shown, video)
        if only_referenced:
            end_of_video = video.start_sec + video.duration_sec
            shown_until = max(shown_until, min(shown_at + max_gap_sec(sample_fps), end_of_video))
    while shown is not None and index < last and (holds_last or index / sample_fps < shown_until):
        yield index, shown
        index += 1
    report(1.0)


def max_gap_sec(sample_fps: float) -> float:
    """Return the longest time between two frames that others refer to: half of the time between two samples."""
    return 0.5 / sample_fps


def _first_point(time_sec: float, sample_fps: float) -> int:
    """Return the first grid point at or after `time_sec`."""
    return max(0, math.ceil(time_sec * sample_fps - 1e-6))


def _frames_from(
    source: BinaryIO,
    recording: Recording,
    video: VideoStream,
    time_sec: float,
    report: Callable[[float], None],
    prepare: Callable[[av.VideoStream], None],
) -> Generator[tuple[float, av.VideoFrame], None, None]:
    """Yield (time, frame) from a frame at or before `time_sec` on, or from the first frame, in order of display."""
    pieces = recording.timeline
    if video.duration_sec > 0:
        time_sec = min(time_sec, video.start_sec + video.duration_sec)
    first = piece_at(recording, time_sec)
    for number in range(first, max(-1, first - _PIECES_BACK - 1), -1):
        # A piece may have no picture so early, or none at all: then the last one of an earlier piece is still shown.
        with closing(_frames_of(source, recording, video, number, time_sec, report, prepare)) as frames:
            begun = next(frames, None)
            if begun is None or (begun[0] > time_sec + 1e-3 and number > 0):
                continue
            yield begun
            yield from frames
            first = number
            break
    for number in range(first + 1, len(pieces)):
        with closing(_frames_of(source, recording, video, number, None, report, prepare)) as frames:
            yield from frames


def _frames_of(
    source: BinaryIO,
    recording: Recording,
    video: VideoStream,
    number: int,
    time_sec: float | None,
    report: Callable[[float], None],
    prepare: Callable[[av.VideoStream], None],
) -> Generator[tuple[float, av.VideoFrame], None, None]:
    """Yield the frames of one piece, from one at or before `time_sec` on, or all of them."""
    piece = recording.timeline[number]
    wanted_sec = piece.at_sec if time_sec is None else min(time_sec, piece.end_sec)
    jumps = [wanted_sec - earlier for earlier in _JUMPS_SEC if wanted_sec - earlier > piece.at_sec]
    for jump_sec in (*jumps, None):
        report(0.0)
        with open_piece(source, piece) as container:
            stream = find_video(container, video)
            if stream is None:
                if not recording.pieces:
                    raise NoUsableStream("The recording's picture is no longer where it was.")
                return
            prepare(stream)
            if jump_sec is not None and not seek(container, stream, jump_sec - piece.at_sec + piece.start_sec):
                continue
            frames = _timed(container, stream, piece, video, after_jump=jump_sec is not None)
            first = next(frames, None)
            if jump_sec is not None and (first is None or first[0] > wanted_sec + 1e-3):
                continue
            if first is not None:
                yield first
                yield from frames
            return


def _timed(
    container: InputContainer, stream: av.VideoStream, piece: Piece, video: VideoStream, *, after_jump: bool
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield frames with their times; after a seek, only from the first keyframe on, and none if that has no time."""
    tick = stream.time_base
    before: float | None = None
    wrong = 0
    for frame in decoded_frames(container, stream, piece):
        ticks = frame.pts if frame.pts is not None else frame.dts
        if ticks is not None and tick is not None:
            # As `ticks * tick`, in a fifth of the time: every decoded frame passes here.
            time_sec = ticks * tick.numerator / tick.denominator - piece.start_sec + piece.at_sec
        elif before is not None:
            time_sec = before + 1 / max(video.fps, 1.0)
        elif after_jump:
            return
        else:
            time_sec = piece.at_sec + (video.start_sec if piece.at_sec == 0 else 0.0)
        if before is None and after_jump and not frame.key_frame:
            continue
        if before is not None and time_sec < before:
            continue  # a frame from before the keyframe, or a clock that went backwards
        if time_sec > piece.end_sec + _PAST_END_SEC:
            wrong += 1  # a wrong time, or another clock
            if wrong > _MAX_WRONG:
                return
            continue
        before = time_sec
        yield time_sec, frame


def _duration_sec(frame: av.VideoFrame, video: VideoStream) -> float:
    """Return the duration of the frame, at least one period of the average rate."""
    own = float(frame.duration * frame.time_base) if frame.duration and frame.time_base is not None else 0.0
    return max(own, 1 / max(video.fps, 1.0))
