"""Find where a transport stream begins to carry other streams, as its program maps tell (ISO 13818-1, 2.4.4).

Segments with other streams may follow under the same numbers: FFmpeg then gives packets of a picture to the decoder of
a sound. Apart from `start_mark.py`, which finds beginnings by marks alone.
"""

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from shared.media.timeline.start_mark import TS_PACKET_BYTES

_TABLE = re.compile(rb"\x47[\x40\x60]\x00[\x10-\x1f\x30-\x3f]")
"""A packet that begins a program table (PID 0)."""

_PICTURES = frozenset({0x01, 0x02, 0x10, 0x1B, 0x20, 0x24, 0x33, 0x42, 0xD1, 0xEA})
_SOUNDS = frozenset({0x03, 0x04, 0x0F, 0x11, 0x1C, 0x81, 0x83, 0x84, 0x87})
"""Types of streams; private ones (0x06) may be anything."""

ANALYSED_BYTES = 8 * 1024**2
"""FFmpeg looks at so many bytes before it gives a packet, at most: another map within them confuses it."""

_CHUNK_BYTES = 1024**2
_PACKETS_TO_MAP = 64
"""Most packets between a program table and its map."""

Streams = Mapping[int, int]
"""Types of streams by their numbers (PID)."""


class MapWatch:
    """Watches a piece, which `source` holds from byte `offset` on, for a map with other streams than its own."""

    def __init__(self, source: BinaryIO, offset: int) -> None:
        self._source = source
        self._read_to = offset
        self._own: Streams | None = None
        self._other: int | None = None

    def other_before(self, position: int) -> int | None:
        """Return the byte of the first table with another map, if it stands before the byte `position`; None if not."""
        while self._other is None and self._read_to < position:
            self._source.seek(self._read_to)
            data = self._source.read(_CHUNK_BYTES + _PACKETS_TO_MAP * max(TS_PACKET_BYTES))
            for at, streams in _maps(data):
                if at >= _CHUNK_BYTES:
                    break
                if self._own is None:
                    self._own = streams
                elif _differs(self._own, streams):
                    self._other = self._read_to + at
                    break
            self._read_to += _CHUNK_BYTES
            if len(data) <= _CHUNK_BYTES:
                break
        return self._other if self._other is not None and self._other <= position else None


def _differs(own: Streams, other: Streams) -> bool:
    """Return whether a picture or sound is not what it was, or has come to a map that had none."""
    played = _PICTURES | _SOUNDS
    if any(other.get(number) != kind for number, kind in own.items() if kind in played):
        return True
    return any(not kinds & set(own.values()) and bool(kinds & set(other.values())) for kinds in (_PICTURES, _SOUNDS))


def _maps(data: bytes) -> Iterator[tuple[int, Streams]]:
    """Yield the streams of each map with the byte of the table before it; skip tables that are not understood."""
    for found in _TABLE.finditer(data):
        at = found.start()
        size = next((size for size in TS_PACKET_BYTES if data[at + size : at + size + 1] == b"G"), None)
        number = None if size is None else _map_number(_section(data[at : at + 188]))
        if size is None or number is None:
            continue
        for packet_at in range(at + size, min(len(data), at + _PACKETS_TO_MAP * size), size):
            head = data[packet_at : packet_at + 3]
            if len(head) == 3 and head[0] == 0x47 and head[1] & 0x40 and (head[1] & 0x1F) << 8 | head[2] == number:
                streams = _streams(_section(data[packet_at : packet_at + 188]))
                if streams:
                    yield at, streams
                break


def _section(packet: bytes) -> bytes:
    """Return the section that begins in the packet, without its checksum; empty if it is not whole."""
    begin = 4 + (1 + packet[4] if len(packet) == 188 and packet[3] & 0x20 else 0)
    if len(packet) < 188 or begin >= 180:
        return b""
    begin += 1 + packet[begin]
    length = 3 + ((packet[begin + 1] & 0x0F) << 8 | packet[begin + 2]) if begin < 180 else 0
    return packet[begin : begin + length - 4] if 12 <= length <= 188 - begin else b""


def _map_number(table: bytes) -> int | None:
    """Return the number of the first program's map."""
    for at in range(8, len(table) - 3, 4):
        if table[at : at + 2] != b"\0\0":
            return (table[at + 2] & 0x1F) << 8 | table[at + 3]
    return None


def _streams(section: bytes) -> Streams:
    if len(section) < 12 or section[0] != 0x02:
        return {}
    streams, at = dict[int, int](), 12 + ((section[10] & 0x0F) << 8 | section[11])
    while at + 5 <= len(section):
        streams[(section[at + 1] & 0x1F) << 8 | section[at + 2]] = section[at]
        at += 5 + ((section[at + 3] & 0x0F) << 8 | section[at + 4])
    return streams
