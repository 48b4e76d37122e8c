"""Describe a picture or a sound that begins in a later one of several joined files.

The header of the first file, which is what a probe reads, tells nothing of it.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

from shared.domain.errors import FinalError
from shared.domain.recording import AudioStream, Recording, VideoStream
from shared.domain.warning import About, RecordingWarning
from shared.media.probe.probe import probe
from shared.media.timeline.walk import Walk

S = TypeVar("S", VideoStream, AudioStream)


@dataclass(frozen=True, slots=True)
class LateStreams:
    """The streams that begin late, on the recording's clock."""

    video: VideoStream | None = None
    audio: AudioStream | None = None


def late_streams(walk: Walk) -> LateStreams:
    """Return the streams of which the header told nothing, as the pieces describe them in which they begin."""
    video, audio = _piece(walk, walk.late_picture), _piece(walk, walk.late_sound)
    return LateStreams(None if video is None else video.video, None if audio is None else audio.audio)


def late_warnings(walk: Walk, video: VideoStream | None, audio: AudioStream | None) -> list[RecordingWarning]:
    """Return a warning for each stream that begins in a later file."""
    if len(walk.pieces) < 2:
        return []
    warnings = []
    for about, stream in ((About.PICTURE, video), (About.SOUND, audio)):
        if stream is not None and stream.start_sec >= walk.pieces[1].at_sec > 0:
            text = f"The {about} begins at {stream.start_sec:.1f} s: the files before it that were joined have none."
            warnings.append(RecordingWarning(f"{about}_begins_late", about, text))
    return warnings


def _piece(walk: Walk, number: int | None) -> Recording | None:
    """Return the facts of a piece, whose streams begin where they do on the recording's clock."""
    if number is None:
        return None
    piece = walk.pieces[number]
    try:
        found = probe(walk.open_piece(number), piece.size_bytes)
    except FinalError:  # none of it can be decoded
        return None
    return replace(found, video=_moved(found.video, piece.at_sec), audio=_moved(found.audio, piece.at_sec))


def _moved(stream: S | None, by_sec: float) -> S | None:
    """Return the stream as it begins when its piece stands so much later."""
    return None if stream is None else replace(stream, start_sec=stream.start_sec + by_sec)
