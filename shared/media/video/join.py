"""Pieces of video, and the recording's sound as it is, joined to one MP4 without being encoded again.

All times stay on the recording's clock: the piece's first picture says where it belongs, sound keeps its own times.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import BinaryIO

import av
from av.audio.stream import AudioStream as AvAudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from shared.domain.recording import Recording
from shared.media.container import AnyPacket, demux_past_damage, open_container

COPIED = frozenset({"aac", "mp3", "opus", "flac"})
"""Codings of sound that MP4 holds and browsers play."""

_AUDIO_BIT_RATE = 48_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of video that `Vp9Encoder` made: its first picture is shown at `first_index` / rate."""

    first_index: int
    frames: int
    open: Callable[[], BinaryIO]


def join_pieces(
    pieces: Sequence[Piece],
    rate: Fraction,
    sound: Callable[[], BinaryIO] | None,
    recording: Recording,
    target: BinaryIO,
    report: Callable[[float], None],
) -> None:
    """Writes the MP4 to `target` (seekable). `sound` opens the recording itself where `copies_sound` says so, otherwise
    the audio copy, or is None. There is at least one piece. `report` as elsewhere."""
    end_index = pieces[-1].first_index + pieces[-1].frames
    with ExitStack() as stack:
        first = stack.enter_context(open_container(stack.enter_context(pieces[0].open())))
        writer = stack.enter_context(av.open(target, "w", format="mp4"))
        picture = writer.add_stream_from_template(first.streams.video[0])
        picture.time_base = Fraction(1, rate.numerator)
        streams = [_pictures(pieces, rate, picture, lambda index: report(index / end_index))]
        if sound is not None:
            reader = stack.enter_context(open_container(stack.enter_context(sound())))
            copied = copies_sound(recording)
            streams.append(_copied(reader, recording, writer) if copied else _encoded(reader, writer))
        for packet in heapq.merge(*streams, key=_time):
            writer.mux_one(packet)
    report(1.0)


def copies_sound(recording: Recording) -> bool:
    """Whether the recording's sound goes into an MP4 as it is."""
    return recording.audio is not None and recording.audio.codec in COPIED


def _pictures(
    pieces: Sequence[Piece], rate: Fraction, stream: Stream, report: Callable[[int], None]
) -> Iterator[AnyPacket]:
    ticks = rate.denominator
    for piece in pieces:
        with piece.open() as file, open_container(file) as container:
            for packet in demux_past_damage(container, container.streams.video[0]):
                if packet.pts is None:
                    continue  # the empty one at the end
                index = piece.first_index + round(packet.pts * packet.time_base * rate)
                report(index)
                packet.stream, packet.time_base = stream, Fraction(1, rate.numerator)
                packet.pts = packet.dts = index * ticks
                packet.duration = ticks
                yield packet


def _copied(container: InputContainer, recording: Recording, writer: OutputContainer) -> Iterator[AnyPacket]:
    """The recording's own sound; what has no time or goes back in time is left out."""
    assert recording.audio is not None  # or there would be nothing to copy
    source = container.streams[recording.audio.index]
    stream = writer.add_stream_from_template(source)
    return _shifted(demux_past_damage(container, source), recording.start_sec, stream)


def _shifted(packets: Iterator[AnyPacket], start_sec: float, stream: Stream) -> Iterator[AnyPacket]:
    latest: int | None = None
    for packet in packets:
        if packet.pts is None or packet.dts is None or not packet.size:
            continue
        if latest is not None and packet.dts <= latest:
            continue
        latest = packet.dts
        start = round(start_sec / packet.time_base)
        packet.pts -= start
        packet.dts -= start
        packet.stream = stream
        yield packet


def _encoded(container: InputContainer, writer: OutputContainer) -> Iterator[AnyPacket]:
    """The audio copy, which has silence where the recording has gaps, encoded."""
    source = container.streams.audio[0]
    stream = writer.add_stream("aac", rate=source.rate, layout="mono")
    stream.bit_rate = _AUDIO_BIT_RATE
    return _sound_packets(container, source, stream)


def _sound_packets(container: InputContainer, source: AvAudioStream, stream: AvAudioStream) -> Iterator[AnyPacket]:
    for frame in chain(container.decode(source), [None]):
        yield from stream.encode(frame)


def _time(packet: AnyPacket) -> float:
    return float((packet.dts or 0) * packet.time_base)
