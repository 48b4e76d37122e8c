"""Join pieces of video and the recording's sound to one MP4 without re-encoding the video.

All times stay on the recording's clock: each piece carries its first index, and sound keeps its own times. Apart from
`encode.py`, which makes the pieces.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import av
import numpy as np
from av.audio.stream import AudioStream as AvAudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from shared.domain.recording import Recording
from shared.media.audio.decoder import AudioDecoder, SoundForm
from shared.media.audio.rates import player_rate_hz
from shared.media.container import AnyPacket, demux_past_damage, open_container

COPIED_CODECS = frozenset({"aac", "mp3", "opus", "flac"})
"""Codecs of sound that MP4 holds and browsers play."""

PLAYED_CODECS = frozenset({"aac", "mp3"})
"""Codecs of sound in MP4 that every browser plays."""

_INDEX_BYTES = 28
"""Bytes of the index for one packet: its size, its duration, and its chunk's place, length and description."""
_SHORTEST_PACKET = 1024
"""Samples of a packet of AAC; those of MP3 hold more, or as much time."""

_AUDIO_BITS_PER_SEC = 64_000
"""Bit rate of a channel of re-encoded sound."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of video that `VideoEncoder` made."""

    first_index: int
    """Number of the first frame; it is shown at `first_index` / rate."""
    frames: int
    """Number of frames."""
    open: Callable[[], BinaryIO]
    """Opens the file."""


def join_pieces(
    pieces: Sequence[Piece],
    rate: Fraction,
    sound: Callable[[], BinaryIO] | None,
    recording: Recording,
    target: BinaryIO,
    report: Callable[[float], None],
    *,
    codecs: frozenset[str] = COPIED_CODECS,
    index_bytes: int | None = None,
) -> None:
    """Write the MP4 of `pieces` (at least one) to `target` (seekable).

    Args:
        pieces: in order of time.
        rate: frames a second.
        sound: opens the recording; None for no sound.
        recording: the facts of the recording.
        target: the file to write.
        report: called with the fraction done; may raise to stop the work.
        codecs: sound in one of these codecs is copied, other sound is encoded as AAC.
        index_bytes: room for the index at the beginning, as `video_index_bytes` tells; None to write it at the end.
    """
    end_index = pieces[-1].first_index + pieces[-1].frames
    with ExitStack() as stack:
        first = stack.enter_context(open_container(stack.enter_context(pieces[0].open())))
        writer = stack.enter_context(open_writer(target, index_bytes))
        # Opaque: as it was read, since AV1 is read by a decoder that has no encoder of its name.
        picture = writer.add_stream_from_template(first.streams.video[0], opaque=True)
        picture.time_base = Fraction(1, rate.numerator)
        streams = [_pictures(pieces, rate, picture, lambda index: report(index / end_index))]
        if sound is not None:
            source = stack.enter_context(sound())
            streams.append(sound_packets(source, recording, writer, codecs, stack))
        for packet in heapq.merge(*streams, key=dts_sec):
            writer.mux_one(packet)
    report(1.0)


def copies_sound(recording: Recording, codecs: frozenset[str] = COPIED_CODECS) -> bool:
    """Return whether the recording's sound goes into an MP4 without re-encoding: joined files may differ in it."""
    return recording.audio is not None and recording.audio.codec in codecs and not recording.pieces


def video_index_bytes(frames: int, duration_sec: float, sample_rate: int) -> int:
    """Return bytes that are enough for the index of a video of `frames` pictures and its sound."""
    return 64 * 1024 + _INDEX_BYTES * (frames + round(duration_sec * max(sample_rate, 16_000) / _SHORTEST_PACKET))


def sound_packets(
    source: BinaryIO, recording: Recording, writer: OutputContainer, codecs: frozenset[str], stack: ExitStack
) -> Iterator[AnyPacket]:
    """Return the packets of the recording's sound for a new stream of `writer`: copied, or encoded as AAC.

    `stack` closes what is opened.
    """
    if copies_sound(recording, codecs):
        return _copied(stack.enter_context(open_container(source)), recording, writer)
    return _encoded(source, recording, writer)


def dts_sec(packet: AnyPacket) -> float:
    """Return the time at which the packet is decoded, in seconds."""
    return float((packet.dts or 0) * packet.time_base)


def open_writer(target: BinaryIO, index_bytes: int | None) -> OutputContainer:
    """Open `target` (seekable) for an MP4, with room for the index at the beginning; None: it is written at the end."""
    options = {} if index_bytes is None else {"moov_size": str(index_bytes)}
    return av.open(target, "w", format="mp4", options=options)


def _pictures(
    pieces: Sequence[Piece], rate: Fraction, stream: Stream, report: Callable[[int], None]
) -> Iterator[AnyPacket]:
    """Yield the packets of the pieces with times of the whole."""
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
    """Return the packets of the recording's own sound, without those that have no time or go back in time."""
    assert recording.audio is not None  # or there would be nothing to copy
    source = container.streams[recording.audio.index]
    stream = writer.add_stream_from_template(source)
    return _shifted(demux_past_damage(container, source), recording.start_sec, stream)


def _shifted(packets: Iterator[AnyPacket], start_sec: float, stream: Stream) -> Iterator[AnyPacket]:
    """Yield the packets with times counted from `start_sec`, without those out of order."""
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


def _encoded(source: BinaryIO, recording: Recording, writer: OutputContainer) -> Iterator[AnyPacket]:
    """Return the packets of the encoded sound, with silence in its gaps, at its rate and in at most two channels."""
    assert recording.audio is not None  # or there would be nothing to encode
    form = SoundForm(player_rate_hz(recording.audio.sample_rate), min(2, recording.audio.channels))
    layout = "stereo" if form.channels == 2 else "mono"
    stream = writer.add_stream("aac", rate=form.rate_hz, layout=layout, options={"aac_coder": "fast"})
    stream.bit_rate = _AUDIO_BITS_PER_SEC * form.channels
    return _aac_packets(AudioDecoder(source, recording, _report_nothing, form=form), form, layout, stream)


def _aac_packets(sound: Iterable[bytes], form: SoundForm, layout: str, stream: AvAudioStream) -> Iterator[AnyPacket]:
    samples = 0
    for block in sound:
        frame = av.AudioFrame.from_ndarray(np.frombuffer(block, "<i2")[np.newaxis], format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = form.rate_hz, samples, Fraction(1, form.rate_hz)
        samples += frame.samples
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _report_nothing(fraction: float) -> None:
    """Ignore the progress: that of the picture tells it."""
