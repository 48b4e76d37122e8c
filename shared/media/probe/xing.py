"""Read the length that an MP3 declares: the number of frames in the Xing or Info header of its first frame.

FFmpeg believes it only if the file has as many bytes as the header says, and guesses the length of joined files from
their bit rate. Format: http://gabriel.mp3-tech.org/mp3infotag.html.
"""

from typing import BinaryIO

_SEARCHED_BYTES = 4096
"""The header stands in the first frame, which is shorter."""
_HAS_FRAMES = 1
"""Flag for the field with the number of frames."""


def declared_frames(source: BinaryIO) -> int | None:
    """Return the number of frames that the header declares; None if there is no such header."""
    source.seek(0)
    head = source.read(10)
    begin = 0
    if head[:3] == b"ID3" and len(head) == 10:
        begin = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    source.seek(begin)
    frame = source.read(_SEARCHED_BYTES)
    for mark in (b"Xing", b"Info"):
        at = frame.find(mark, 0, 200)
        if at >= 0 and len(frame) >= at + 12 and int.from_bytes(frame[at + 4 : at + 8], "big") & _HAS_FRAMES:
            return int.from_bytes(frame[at + 8 : at + 12], "big")
    return None
