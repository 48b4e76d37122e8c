"""Tell whether a picture is interlaced, from frames of the recording: what the coding declares is a claim.

Cameras write progressive pictures as interlaced, and editors encode interlaced ones as progressive. FFmpeg's `idet`
compares the fields of neighbouring frames. Apart from `deinterlace.py`, which makes whole frames.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, Literal

import av
import av.error
from av.filter import Graph

from shared.domain.recording import Recording
from shared.media.timeline.pieces import find_video, open_piece, piece_at
from shared.media.video.picture import decoded_frames, prepare_decoder, seek, video_of

FieldOrder = Literal["tff", "bff", "auto"]
"""The field that comes first, top or bottom; `auto` where each frame tells."""

_MAX_FPS = 31.0
"""No interlaced picture has more frames a second."""
_MAX_LINES = 1088
"""No interlaced picture has more lines. The frames of larger ones would take too much memory."""
_PLACES = (0.2, 0.5, 0.8)
"""Where the recording is examined, in fractions of it."""
_FRAMES = 14
"""Frames that are examined at each place."""
_LEAST_FRAMES = 6
"""Frames that have to show fields of different times, if the coding does not declare them."""
_MOST_PROGRESSIVE_SHARE = 0.25
"""Most progressive frames for each such frame, if the coding does not declare fields."""


def find_field_order(source: BinaryIO, recording: Recording) -> FieldOrder | None:
    """Return the order of the fields if the picture is interlaced, else None.

    Frames that move decide; where nothing moves, what they declare.
    """
    video = recording.video
    if video is None or video.fps > _MAX_FPS or min(video.width, video.height) > _MAX_LINES:
        return None
    counts: Counter[str] = Counter()
    declared = 0
    for place in _PLACES:
        frames = list(islice(_frames(source, recording, place * recording.duration_sec), _FRAMES))
        declared += sum(frame.interlaced_frame for frame in frames)
        counts.update(_fields(frames))
    fields, progressive = counts["tff"] + counts["bff"], counts["progressive"]
    if declared:
        is_interlaced = fields > progressive or fields + progressive == 0
    else:
        is_interlaced = fields >= _LEAST_FRAMES and progressive <= _MOST_PROGRESSIVE_SHARE * fields
    if not is_interlaced:
        return None
    if not fields:
        return "auto"
    return "tff" if counts["tff"] >= counts["bff"] else "bff"


def _frames(source: BinaryIO, recording: Recording, time_sec: float) -> Iterator[av.VideoFrame]:
    """Yield the frames from the keyframe before `time_sec` on."""
    piece = recording.timeline[piece_at(recording, time_sec)]
    with open_piece(source, piece) as container:
        stream = find_video(container, video_of(recording))
        if stream is None:
            return
        prepare_decoder(stream, frame_threads=False)
        if seek(container, stream, time_sec - piece.at_sec + piece.start_sec):
            yield from decoded_frames(container, stream, piece)


def _fields(frames: list[av.VideoFrame]) -> Iterator[str]:
    """Yield what each of the frames, which follow each other, shows: tff, bff, progressive or undetermined."""
    if len({(frame.width, frame.height, frame.format.name) for frame in frames}) != 1:
        return
    first = frames[0]
    graph = Graph()
    source = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=first.time_base)
    graph.link_nodes(source, graph.add("idet"), graph.add("buffersink")).configure()
    for frame in (*frames, None):
        graph.push(frame)
        while True:
            try:
                examined = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            yield examined.metadata.get("lavfi.idet.multiple.current_frame", "undetermined")
