"""Read how long the sound in a packet of AAC is from its own header (ADTS, ISO 13818-7).

FFmpeg counts the time of all packets at the rate of the first one; joined files may have several rates.
"""

from shared.media.container import AnyPacket

_RATES_HZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_SAMPLES = 1024
"""Samples of a block; with spectral band replication a block has as many at half the rate that is heard."""


class AdtsLengths:
    """Adds up the packets of a file whose rate changes; it does nothing while all have the rate of the first one."""

    def __init__(self) -> None:
        self._rate: int | None = None
        self._changed = False
        self._summed_sec = 0.0

    def end_of(self, packet: AnyPacket, end_sec: float) -> float:
        """Return where the packet ends; `end_sec` is where it does at the rate of the first packet."""
        head = bytes(memoryview(packet)[:7]) if packet.stream.container.format.name == "aac" else b""
        if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 >= len(_RATES_HZ):
            return end_sec
        rate = _RATES_HZ[head[2] >> 2 & 15]
        self._changed |= self._rate not in (None, rate)
        self._rate = self._rate or rate
        self._summed_sec += _SAMPLES * ((head[6] & 3) + 1) / rate
        return self._summed_sec if self._changed else end_sec
