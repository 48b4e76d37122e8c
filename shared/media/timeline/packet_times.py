"""Tell when a packet is due, begins and ends, in seconds on its container's clock."""

import struct

import av

from shared.media.container import AnyPacket

_SKIPPED = struct.Struct("<II")
"""FFmpeg's side data `skip_samples`: samples that a player drops at the packet's beginning and end."""


_FRAMES_IN_PACKET = 2.5
"""A packet of more frames than this claims a gap; spectral band replication makes two of one."""

_LONGEST_SEC = 0.25
"""Packets of up to this length hold several frames: Opus has up to six in 120 ms."""


def to_sec(packet: AnyPacket, ticks: int) -> float:
    """Return ticks of the packet's clock in seconds; as exact as with fractions, at a quarter of their cost."""
    base = packet.time_base
    return ticks * base.numerator / base.denominator


def packet_time(packet: AnyPacket) -> float | None:
    """Return the time at which the packet is decoded, or else shown; None if it has neither."""
    ticks = packet.dts if packet.dts is not None else packet.pts
    return None if ticks is None else to_sec(packet, ticks)


def packet_start(packet: AnyPacket) -> float | None:
    """Return the time from which what the packet holds is shown or heard, without an encoder's delay."""
    ticks = packet.pts if packet.pts is not None else packet.dts
    return None if ticks is None else to_sec(packet, ticks) + _skipped_sec(packet)[0]


def packet_end(packet: AnyPacket) -> float | None:
    """Return the time until which what the packet holds is shown or heard; a picture without length gets its rate's."""
    start_sec = packet_start(packet)
    if start_sec is None:
        return None
    stream = packet.stream
    if isinstance(stream, av.AudioStream):
        return start_sec + sound_length(packet, stream)
    length_sec = to_sec(packet, packet.duration or 0)
    if length_sec == 0.0 and isinstance(stream, av.VideoStream) and stream.average_rate:
        length_sec = float(1 / stream.average_rate)
    return start_sec + length_sec


def sound_length(packet: AnyPacket, stream: av.AudioStream) -> float:
    """Return how long the sound in the packet is, in seconds: in MP4 a packet before a gap claims the gap as well."""
    length_sec = to_sec(packet, packet.duration or 0) - sum(_skipped_sec(packet))
    frame_sec = (stream.codec_context.frame_size or 0) / stream.rate if stream.rate else 0.0
    return frame_sec if frame_sec > 0 and length_sec > max(_LONGEST_SEC, _FRAMES_IN_PACKET * frame_sec) else length_sec


def _skipped_sec(packet: AnyPacket) -> tuple[float, float]:
    """Return the time that a player drops at the packet's beginning and at its end."""
    if not isinstance(packet.stream, av.AudioStream) or not packet.has_sidedata("skip_samples"):
        return 0.0, 0.0
    data = bytes(packet.get_sidedata("skip_samples"))
    rate = packet.stream.rate
    if len(data) < _SKIPPED.size or not rate:
        return 0.0, 0.0
    first, last = _SKIPPED.unpack_from(data)
    return first / rate, last / rate
