"""Find where in its bytes a joined file begins, near a place where its clock was seen to begin anew.

Each container format begins with a mark: the EBML header of Matroska, the program table of a transport stream, and so
on. The bytes between the last packet of the old clock and the first of the new one are searched for it.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

_MARKS = {
    "matroska,webm": re.compile(rb"\x1aE\xdf\xa3"),
    "flv": re.compile(rb"FLV\x01[\x00-\x05]\x00\x00\x00\x09"),
    "ogg": re.compile(rb"OggS\x00\x02"),
    "flac": re.compile(rb"fLaC[\x00\x80]\x00\x00\x22"),
    "wav": re.compile(rb"RIFF[\x00-\xff]{4}WAVE"),
    "aiff": re.compile(rb"FORM[\x00-\xff]{4}AIF[FC]"),
    "caf": re.compile(rb"caff\x00\x01\x00\x00"),
    "au": re.compile(rb"\.snd\x00\x00\x00[\x18-\xff]"),
    "asf": re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
}
"""How a file of each format begins."""

_FOREIGN = re.compile(
    rb"\x1aE\xdf\xa3[\x00-\xff]{1,40}\x42\x82|[\x00-\xff]{4}ftyp(?:iso|mp4|M4|qt|avc1|3g|dash|mmp4|MSNV)"
    rb"|RIFF[\x00-\xff]{4}(?:WAVE|AVI )LIST|RIFF[\x00-\xff]{4}WAVEfmt |FLV\x01[\x00-\x05]\x00\x00\x00\x09"
    rb"|OggS\x00\x02\x00{8}|fLaC[\x00\x80]\x00\x00\x22|ID3[\x02-\x04]\x00[\x00-\xf0][\x00-\x7f]{4}"
    rb"|\x47\x40[\x00\x11][\x10-\x1f][\x00-\xff]{184}\x47[\x00-\xff]{187}\x47"
)
"""How files of other formats begin, as far as a beginning is told from bytes by chance."""

_PACK = re.compile(rb"\x00\x00\x01\xba")
"""A pack of a program stream; a demuxer can begin at each."""

_PROGRAM_TABLE = re.compile(rb"\x47[\x40\x60]\x00[\x10-\x1f\x30-\x3f]")
"""The packet of a transport stream from which a demuxer learns the streams (PID 0)."""

TS_PACKET_BYTES = (188, 192, 204)
"""Sizes of a packet: plain, with a time code (m2ts), with error correction."""

_WINDOW_BYTES = 8 * 1024**2
"""Most bytes that are searched."""

_NEAR_BYTES = 256 * 1024
"""Most bytes that are searched for a table that is repeated several times a second."""

_FUZZ_BYTES = 64 * 1024
"""FFmpeg's positions of FLAC packets are that inexact."""

_GROUP_BYTES = 1024
"""Most bytes between the first pages of the streams of an Ogg file."""


def find_start(source: BinaryIO, format: str, begin: int, low: int, high: int) -> int | None:
    """Return where a file begins at or before byte `high` and after the packet that starts at byte `low`, or None.

    The file before it begins at byte `begin`. In a transport stream without a program table in between, return the
    last table before `high`.
    """
    if format == "mpegts":
        return _last_program_table(source, high)
    if format == "mpeg":
        return _last(_PACK, source, low, high + 4)
    if format.startswith("mov,"):
        return _next_file_type(source, low)
    mark = _MARKS.get(format)
    if mark is None:
        return None
    if format == "flac":
        low, high = max(begin, low - _FUZZ_BYTES), high + _FUZZ_BYTES
    if format == "ogg":
        # FFmpeg gives the first packet of a chain a time of the chain before.
        return _last_group(mark, source, begin, high)
    return _first(mark, source, low, high + 16)


def find_start_after(source: BinaryIO, format: str, begin: int, low: int, size_bytes: int) -> int | None:
    """Return where a further file begins after the last packet, at byte `low`, that the demuxer gave; or None.

    The file before it begins at byte `begin`. In a transport stream the next file is one with other tables.
    """
    if format.startswith("mov,"):
        return _next_file_type(source, low)
    if format == "mpegts":
        return _other_program_table(source, begin, low, min(size_bytes, low + _WINDOW_BYTES))
    mark = _MARKS.get(format)
    return None if mark is None else _first(mark, source, low, min(size_bytes, low + _WINDOW_BYTES))


def find_foreign_start(source: BinaryIO, low: int, size_bytes: int) -> int | None:
    """Return where a file of any format begins after the last packet, at byte `low`; or None."""
    return _first(_FOREIGN, source, low, min(size_bytes, low + _WINDOW_BYTES))


def _read(source: BinaryIO, low: int, high: int) -> tuple[int, bytes]:
    """Return the last `_WINDOW_BYTES` of the range and where they begin."""
    start = max(0, low, high - _WINDOW_BYTES)
    source.seek(start)
    return start, source.read(max(0, high - start))


def _first(mark: re.Pattern[bytes], source: BinaryIO, low: int, high: int) -> int | None:
    start, data = _read(source, low + 1, high)
    found = mark.search(data)
    return None if found is None else start + found.start()


def _last(mark: re.Pattern[bytes], source: BinaryIO, low: int, high: int) -> int | None:
    start, data = _read(source, low + 1, high)
    found = [each.start() for each in mark.finditer(data)]
    return start + found[-1] if found else None


def _last_group(mark: re.Pattern[bytes], source: BinaryIO, low: int, high: int) -> int | None:
    """Return the first of the last marks, one for each stream, that stand beside each other before `high`."""
    start, data = _read(source, low + 1, high)
    found = [each.start() for each in mark.finditer(data)]
    first = len(found) - 1
    while first > 0 and found[first] - found[first - 1] <= _GROUP_BYTES:
        first -= 1
    return start + found[first] if found else None


def _last_program_table(source: BinaryIO, high: int) -> int | None:
    """Return where the last program table at or before `high` begins."""
    for window in (_NEAR_BYTES, _WINDOW_BYTES):  # a table stands near by in most files, which may have many pieces
        start, data = _read(source, high - window, high + 2 * max(TS_PACKET_BYTES))
        tables = [at for at, _ in _program_tables(data) if start + at <= high]
        if tables or start == 0:
            return start + tables[-1] if tables else None
    return None


def _other_program_table(source: BinaryIO, begin: int, low: int, high: int) -> int | None:
    """Return where the first program table after `low` begins that differs from the one at `begin`."""
    _, head = _read(source, begin, begin + _FUZZ_BYTES)
    known = next((table for _, table in _program_tables(head)), None)
    start, data = _read(source, low, high)
    return next((start + at for at, table in _program_tables(data) if known is not None and table != known), None)


def _program_tables(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (byte, content) of each program table with the packet after it, which lists the program's streams."""
    for found in _PROGRAM_TABLE.finditer(data):
        at = found.start()
        size = next((size for size in TS_PACKET_BYTES if data[at + size : at + size + 1] == b"G"), None)
        if size is not None and len(data) >= at + 2 * size:
            yield at, data[at + 4 : at + size] + data[at + size + 4 : at + 2 * size]


def find_next_mp4(source: BinaryIO) -> int | None:
    """Return where a second MP4 begins, which would confuse the demuxer of the first; None if there is none.

    Fragmented files are not walked, since they have thousands of boxes; their demuxer gets along.
    """
    return _next_file_type(source, 0, b"moof")


def _next_file_type(source: BinaryIO, low: int, ends_walk: bytes = b"") -> int | None:
    """Return the first `ftyp` box after byte `low`, by walking the boxes of an MP4 (ISO 14496-12) from their start.

    A box of type `ends_walk` ends the walk, as do boxes that are no longer than their header, or run past the end.
    """
    position = 0
    while True:
        source.seek(position)
        header = source.read(16)
        if len(header) < 8 or header[4:8] == ends_walk:
            return None
        if header[4:8] == b"ftyp" and position > low:
            return position
        size = int.from_bytes(header[:4], "big")
        if size == 1 and len(header) == 16:
            size = int.from_bytes(header[8:], "big")
        if size < 8:
            return None
        position += size
