"""Notice where the size of a picture changes in the middle of a stream, without decoding the stream.

A key picture carries what it is decoded with: its parameter sets, or a header with its size. Only where these bytes
change is one picture decoded. Apart from `walk.py`, which hands on the packets.
"""

from collections.abc import Callable

import av
import av.error

from shared.media.container import AnyPacket

_MAX_DECODED = 100
"""Most pictures that are decoded for their size."""

_HEADER_BYTES = 4096
"""Parameter sets stand within so many bytes of a packet."""


class SizeWatch:
    """Watches the packets of one video stream."""

    def __init__(self, stream: av.VideoStream) -> None:
        self._stream = stream
        self._describe = _DESCRIBED.get(stream.codec_context.name, _nothing)
        self._before: bytes | None = None
        self._decoded = 0

    def size_at(self, packet: AnyPacket) -> tuple[int, int] | None:
        """Return width and height, as coded, of a key picture that may have another size; None for any other packet."""
        if not packet.is_keyframe:
            return None
        extradata = bytes(packet.get_sidedata("new_extradata")) if packet.has_sidedata("new_extradata") else b""
        described = extradata or self._describe(bytes(memoryview(packet)[:_HEADER_BYTES]))
        if self._before is None:
            self._before = described
            return self._stream.width, self._stream.height
        if not described or described == self._before or self._decoded >= _MAX_DECODED:
            return None
        self._before = described
        self._decoded += 1
        return self._decode(packet, extradata)

    def _decode(self, packet: AnyPacket, extradata: bytes) -> tuple[int, int] | None:
        """Return the size of one picture by decoding it with a decoder of its own."""
        decoder = av.CodecContext.create(self._stream.codec_context.codec.name, "r")
        if not isinstance(decoder, av.VideoCodecContext):
            return None
        decoder.options = dict(self._stream.codec_context.options)
        decoder.extradata = extradata or self._stream.codec_context.extradata
        try:
            for frame in (*decoder.decode(packet), *decoder.decode(None)):
                if isinstance(frame, av.VideoFrame):
                    return frame.width, frame.height
        except av.error.FFmpegError:
            return None
        return None


def _nothing(data: bytes) -> bytes:
    """Return nothing, for codecs whose size stands elsewhere."""
    return b""


def _vp8(data: bytes) -> bytes:
    """Return the size in a key picture's header (RFC 6386, 9.1)."""
    return data[6:10] if data[3:6] == b"\x9d\x01\x2a" else b""


def _vp9(data: bytes) -> bytes:
    """Return the beginning of the uncompressed header, in which the size stands."""
    return data[:9]


def _h264(data: bytes) -> bytes:
    return _units(data, lambda first: first & 0x1F == 7)


def _hevc(data: bytes) -> bytes:
    return _units(data, lambda first: first >> 1 & 0x3F == 33)


def _mpeg2(data: bytes) -> bytes:
    """Return the sequence header's size (ISO 13818-2, 6.2.2.1)."""
    at = data.find(b"\x00\x00\x01\xb3")
    return data[at + 4 : at + 7] if at >= 0 else b""


def _units(data: bytes, is_wanted: Callable[[int], bool]) -> bytes:
    """Return the sequence parameter sets among the units of H.264 or H.265, with start codes or with lengths."""
    if data.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")):
        units = [unit.rstrip(b"\x00") for unit in data.split(b"\x00\x00\x01")[1:]]
        return b"".join(unit for unit in units if unit and is_wanted(unit[0]))
    found, at = [], 0
    while at + 4 < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if is_wanted(data[at + 4]):
            found.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return b"".join(found)


_DESCRIBED: dict[str, Callable[[bytes], bytes]] = {
    "vp8": _vp8,
    "vp9": _vp9,
    "h264": _h264,
    "hevc": _hevc,
    "mpeg2video": _mpeg2,
}
"""What of a key picture's bytes says how large it is, by FFmpeg's name of the codec."""
