"""Move the packets of a recording into an MP4 that browsers play, without encoding the picture again.

All times stay on the recording's clock. Apart from `join.py`, which joins pieces that were encoded.
"""

import heapq
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from typing import BinaryIO

from av.stream import Stream

from shared.domain.recording import Recording
from shared.media.container import AnyPacket, demux_past_damage, open_container
from shared.media.video.join import PLAYED_CODECS, dts_sec, open_writer, sound_packets, video_index_bytes
from shared.media.video.picture import video_of

_MORE_FRAMES = 1.5
"""Room in the index for frames, over those of the average rate."""


def remux(
    open_source: Callable[[], BinaryIO], recording: Recording, target: BinaryIO, report: Callable[[float], None]
) -> None:
    """Write the recording's picture as it is, and its sound as browsers play it, as MP4 to `target` (seekable).

    Args:
        open_source: opens the recording.
        recording: its facts.
        target: the file to write; its index stands first, in `remux_index_bytes` bytes.
        report: called with the fraction done; may raise to stop the work.
    """
    video = video_of(recording)
    with ExitStack() as stack:
        reader = stack.enter_context(open_container(stack.enter_context(open_source())))
        writer = stack.enter_context(open_writer(target, remux_index_bytes(recording)))
        source = reader.streams[video.index]
        picture = writer.add_stream_from_template(source)
        streams = [_pictures(demux_past_damage(reader, source), recording, picture)]
        if recording.audio is not None:
            sound = stack.enter_context(open_source())
            streams.append(sound_packets(sound, recording, writer, PLAYED_CODECS, stack))
        for packet in heapq.merge(*streams, key=dts_sec):
            report(min(1.0, max(0.0, dts_sec(packet) / recording.duration_sec)))
            writer.mux_one(packet)
    report(1.0)


def remux_index_bytes(recording: Recording) -> int:
    """Return bytes that are enough for the index."""
    frames = round(video_of(recording).fps * recording.duration_sec * _MORE_FRAMES)
    return video_index_bytes(frames, recording.duration_sec, recording.audio.sample_rate if recording.audio else 0)


def _pictures(packets: Iterator[AnyPacket], recording: Recording, stream: Stream) -> Iterator[AnyPacket]:
    """Yield the packets from the first keyframe on, with times on the recording's clock that a muxer takes.

    Matroska tells no time of decoding for the first packets; it follows from those after them.
    """
    latest: int | None = None
    waiting: list[AnyPacket] = []
    for packet in _from_keyframe(packets):
        start = round(recording.start_sec / packet.time_base)
        packet.pts = (packet.pts or 0) - start
        if packet.dts is None:
            waiting.append(packet)
            continue
        packet.dts -= start
        step = packet.duration or round(Fraction(1, 25) / packet.time_base)
        for number, early in enumerate(waiting):
            early.dts = packet.dts - step * (len(waiting) - number)
        for each in (*waiting, packet):
            latest = _set_times(each, latest)
            each.stream = stream
            yield each
        waiting.clear()
    for each in waiting:  # a recording of very few pictures
        each.dts = each.pts
        latest = _set_times(each, latest)
        each.stream = stream
        yield each


def _set_times(packet: AnyPacket, latest: int | None) -> int:
    """Make the times rise, and no picture shown before it is decoded; return the time of decoding."""
    assert packet.dts is not None
    assert packet.pts is not None
    if latest is not None and packet.dts <= latest:
        packet.dts = latest + 1
    packet.pts = max(packet.pts, packet.dts)
    return packet.dts


def _from_keyframe(packets: Iterator[AnyPacket]) -> Iterator[AnyPacket]:
    begun = False
    for packet in packets:
        begun = begun or packet.is_keyframe
        if begun and packet.size and packet.pts is not None:
            yield packet
