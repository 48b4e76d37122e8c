"""Frames of a recording: on a sampling grid that is the same however the recording is cut, and spread key pictures.

Grid point k is at k / sample_fps on the recording's clock and gets the frame a viewer sees then: the last with a time
at or before it. So what one run over the whole yields is what runs over its slices yield. Knows nothing of what the
frames are looked at for.
"""

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

import av
from av.container import InputContainer

from shared.domain.recording import Recording, VideoStream
from shared.media.container import open_container
from shared.media.video.picture import Picture, UprightConverter, decoded_frames, jump, video_of, video_stream

DEFAULT_WIDTH = 640
# A jump may land late: by the reordering of frames in MP4, anywhere in transport streams. Then an earlier one is tried.
_JUMPS_SEC = (0.0, 2.0, 10.0, 60.0)
# Fewer key pictures than this do not show what stays and what moves: frames are decoded in between.
_ENOUGH_KEYFRAMES = 40
# How much is decoded at most to make up for missing key pictures.
_DECODED_INSTEAD_SEC = 600.0


@dataclass(frozen=True, slots=True, eq=False)
class SampledFrame:
    """The picture shown at `time_sec`: `bgr` is height × width × 3, upright; `index` counts from the clock's zero."""

    index: int
    time_sec: float
    bgr: Picture


def _report_nothing(fraction: float) -> None:
    pass


def sample_frames(
    source: BinaryIO,
    recording: Recording,
    *,
    sample_fps: float,
    start_sec: float = 0.0,
    end_sec: float | None = None,
    width: int = DEFAULT_WIDTH,
    report: Callable[[float], None] = _report_nothing,
) -> Iterator[SampledFrame]:
    """The pictures at the grid points in [`start_sec`, `end_sec`), upright and at most `width` pixels wide; otherwise
    as `shown_frames`."""
    convert = UprightConverter(video_of(recording), width)
    shown = shown_frames(source, recording, sample_fps=sample_fps, start_sec=start_sec, end_sec=end_sec, report=report)
    for index, frame in shown:
        yield SampledFrame(index, index / sample_fps, convert(frame))


def shown_frames(
    source: BinaryIO,
    recording: Recording,
    *,
    sample_fps: float,
    start_sec: float = 0.0,
    end_sec: float | None = None,
    report: Callable[[float], None] = _report_nothing,
) -> Iterator[tuple[int, av.VideoFrame]]:
    """(k, frame as it was coded) for the grid points k in [`start_sec`, `end_sec`).

    Nothing is yielded past the last frame's own duration: a recording that was cut off is not made longer. `report`
    gets the fraction done at every frame decoded, and may raise to stop the work. Raises NoUsableStream.
    """
    video = video_of(recording)
    end_sec = recording.duration_sec if end_sec is None else end_sec
    index, last = _first_point(start_sec, sample_fps), _first_point(end_sec, sample_fps)
    if index >= last:
        return
    span = max(end_sec - start_sec, 1e-9)
    shown: av.VideoFrame | None = None
    shown_until = 0.0
    with closing(_frames_from(source, recording, video, index / sample_fps, report)) as frames:
        for time_sec, frame in frames:
            report(min(1.0, max(0.0, (time_sec - start_sec) / span)))
            # Times are counted in ticks, grid points in floats: a thousandth of a second tells them apart.
            while shown is not None and index < last and index / sample_fps < time_sec - 1e-3:
                yield index, shown
                index += 1
            if index >= last:
                break
            shown, shown_until = frame, time_sec + _duration_sec(frame, video)
    while shown is not None and index < last and index / sample_fps < shown_until:
        yield index, shown
        index += 1
    report(1.0)


def keyframes(
    source: BinaryIO,
    recording: Recording,
    *,
    limit: int = 80,
    start_sec: float = 0.0,
    end_sec: float | None = None,
    decoded_sec: float = _DECODED_INSTEAD_SEC,
    width: int = DEFAULT_WIDTH,
    report: Callable[[float], None] = _report_nothing,
) -> Iterator[SampledFrame]:
    """At most about `limit` pictures spread evenly over [`start_sec`, `end_sec`), cheap to get at: those coded on
    their own.

    Where there are too few of these, frames are decoded in between, for `decoded_sec` seconds of the recording at
    most, spread over all its key pictures. `index` counts the pictures. `report` as in `sample_frames`. Raises
    NoUsableStream.
    """
    video = video_of(recording)
    end_sec = recording.duration_sec if end_sec is None else end_sec
    found = list(_seek_keyframes(source, recording, video, limit, start_sec, end_sec, width, report))
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


def _first_point(time_sec: float, sample_fps: float) -> int:
    """The first grid point at or after `time_sec`."""
    return max(0, math.ceil(time_sec * sample_fps - 1e-6))


def _frames_from(
    source: BinaryIO, recording: Recording, video: VideoStream, time_sec: float, report: Callable[[float], None]
) -> Generator[tuple[float, av.VideoFrame], None, None]:
    """(time, frame) from a frame at or before `time_sec` on, or from the first frame, in the order of showing."""
    jumps = [time_sec - earlier for earlier in _JUMPS_SEC if time_sec - earlier > 0]
    for jump_sec in (*jumps, None):
        report(0.0)
        with open_container(source) as container:
            stream = video_stream(container, video)
            if jump_sec is not None and not jump(container, stream, jump_sec + recording.start_sec):
                continue
            frames = _timed(container, stream, recording, video, after_jump=jump_sec is not None)
            first = next(frames, None)
            if jump_sec is not None and (first is None or first[0] > time_sec + 1e-3):
                continue
            if first is not None:
                yield first
                yield from frames
            return


def _timed(
    container: InputContainer, stream: av.VideoStream, recording: Recording, video: VideoStream, *, after_jump: bool
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Frames with their times; after a jump, only from the first key picture on, and none if it has no time."""
    tick = stream.time_base
    before: float | None = None
    for frame in decoded_frames(container, stream):
        ticks = frame.pts if frame.pts is not None else frame.dts
        if ticks is not None and tick is not None:
            time_sec = float(ticks * tick) - recording.start_sec
        elif before is not None:
            time_sec = before + 1 / max(video.fps, 1.0)
        elif after_jump:
            return
        else:
            time_sec = video.start_sec
        if before is None and after_jump and not frame.key_frame:
            continue
        if before is not None and time_sec < before:
            continue  # left over from before the key picture, or a clock that went backwards
        before = time_sec
        yield time_sec, frame


def _duration_sec(frame: av.VideoFrame, video: VideoStream) -> float:
    own = float(frame.duration * frame.time_base) if frame.duration and frame.time_base is not None else 0.0
    return max(own, 1 / max(video.fps, 1.0))


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
    convert = UprightConverter(video, width)
    seen: set[int] = set()
    with open_container(source) as container:
        stream = video_stream(container, video, frame_threads=False)
        stream.codec_context.skip_frame = "NONKEY"
        for turn in range(limit):
            report(turn / limit)
            wanted_sec = start_sec + (end_sec - start_sec) * (turn + 0.5) / limit + recording.start_sec
            if not jump(container, stream, wanted_sec):
                continue
            frame = next((f for f in decoded_frames(container, stream) if f.pts is not None), None)
            if frame is None or frame.pts is None or frame.pts in seen or stream.time_base is None:
                continue
            seen.add(frame.pts)
            time_sec = float(frame.pts * stream.time_base) - recording.start_sec
            yield SampledFrame(len(seen) - 1, time_sec, convert(frame))
