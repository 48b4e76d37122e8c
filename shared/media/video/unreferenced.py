"""Tell whether frames that no other frame refers to may be left out when a recording is sampled.

Decoders skip them at no cost, which halves the work of sampling a recording with B-frames. A recording in which too few
frames are left has to be decoded whole. The answer holds for the whole recording, so that a split run equals an
unsplit one. Apart from `frames.py`, which reads the frames.
"""

from itertools import pairwise
from typing import BinaryIO

from shared.domain.recording import Recording
from shared.media.timeline.pieces import find_video, open_piece, piece_at
from shared.media.video.frames import max_gap_sec
from shared.media.video.picture import decoded_frames, prepare_decoder, seek, video_of

SHORTEST_SEC = 60.0
"""A shorter recording is decoded whole: nothing is saved."""

_PLACES = (0.1, 0.5, 0.9)
"""Where the recording is examined, in fractions of it."""

_EXAMINED_SEC = 3.0
"""How much is examined at each place."""


def may_skip_unreferenced(source: BinaryIO, recording: Recording, sample_fps: float) -> bool:
    """Return whether the frames that are left are close enough together for `sample_fps`, in all examined places."""
    if recording.duration_sec < SHORTEST_SEC:
        return False
    gap_sec = max_gap_sec(sample_fps)
    return all(_is_close(source, recording, place * recording.duration_sec, gap_sec) for place in _PLACES)


def _is_close(source: BinaryIO, recording: Recording, time_sec: float, gap_sec: float) -> bool:
    piece = recording.timeline[piece_at(recording, time_sec)]
    times: list[float] = []
    with open_piece(source, piece) as container:
        stream = find_video(container, video_of(recording))
        if stream is None or stream.time_base is None:
            return False
        prepare_decoder(stream, only_referenced=True)
        if not seek(container, stream, time_sec - piece.at_sec + piece.start_sec):
            return False
        for frame in decoded_frames(container, stream, piece):
            if frame.pts is None:
                return False
            if not times and not frame.key_frame:
                continue
            times.append(float(frame.pts * stream.time_base))
            if times[-1] - times[0] >= _EXAMINED_SEC:
                return all(0 < later - earlier <= gap_sec for earlier, later in pairwise(times))
    return False
