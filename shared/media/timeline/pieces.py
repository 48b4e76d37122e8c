"""Open the pieces of a recording, each as a file with one clock, and read their packets.

Apart from `walk.py`, which finds the pieces.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

from shared.domain.recording import AudioStream, Piece, Recording, VideoStream
from shared.media.container import AnyPacket, demux_past_damage, open_container
from shared.media.timeline.file_slice import FileSlice

S = TypeVar("S", av.VideoStream, av.AudioStream)

NOT_MOVING = Disposition.attached_pic | Disposition.timed_thumbnails
"""Dispositions of still pictures."""


@contextmanager
def open_piece(source: BinaryIO, piece: Piece) -> Iterator[InputContainer]:
    """Open a piece for demuxing; raise what `open_container` raises."""
    with open_container(FileSlice(source, piece.offset_bytes, piece.size_bytes)) as container:
        yield container


def find_video(container: InputContainer, video: VideoStream | None) -> av.VideoStream | None:
    """Return the stream of the recording's picture in this piece; None if the piece has no picture."""
    return None if video is None else _same_kind(container, video.index, av.VideoStream)


def find_audio(container: InputContainer, audio: AudioStream | None) -> av.AudioStream | None:
    """Return the stream of the recording's sound in this piece; None if the piece has no sound."""
    return None if audio is None else _same_kind(container, audio.index, av.AudioStream)


def moving_pictures(container: InputContainer) -> Iterator[av.VideoStream]:
    """Yield the pictures that can be decoded and are no covers."""
    return (each for each in container.streams.video if is_decodable(each) and not each.disposition & NOT_MOVING)


def sounds(container: InputContainer) -> Iterator[av.AudioStream]:
    """Yield the sounds that can be decoded."""
    return (each for each in container.streams.audio if is_decodable(each))


def demux_piece(container: InputContainer, stream: Stream, piece: Piece) -> Iterator[AnyPacket]:
    """Yield the packets of the piece's stream as `demux_past_damage` does."""
    for packet in demux_past_damage(container, stream):
        if packet.size and packet.pos is not None and packet.pos < piece.skip_bytes:
            continue
        yield packet


def piece_at(recording: Recording, time_sec: float) -> int:
    """Return the number of the piece that is shown at `time_sec` on the recording's clock."""
    begun = [number for number, piece in enumerate(recording.timeline) if piece.at_sec <= time_sec + 1e-3]
    return begun[-1] if begun else 0


def is_decodable(stream: Stream) -> bool:
    """Return whether this FFmpeg knows the codec of the stream."""
    # A stream whose codec is unknown to this FFmpeg has no codec context, though the type stubs say that it has one.
    return getattr(stream, "codec_context", None) is not None


def _same_kind(container: InputContainer, index: int, kind: type[S]) -> S | None:
    """Return the stream with this index if it is of this kind, else the first that is: joined files may be in another
    order."""
    streams = container.streams
    numbered = streams[index] if index < len(streams) else None
    if isinstance(numbered, kind):
        return numbered
    return next((each for each in streams if isinstance(each, kind) and is_decodable(each)), None)
