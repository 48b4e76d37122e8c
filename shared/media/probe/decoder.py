"""Probe a recording, or its beginning, with FFmpeg: the part of a quick probe that runs code on hostile bytes.

Apart from `quick_probe.py`, so that it can run in a process of its own (`sandbox.py`).
"""

import io
from collections.abc import Callable
from typing import Protocol

from shared.domain.recording import Recording

ReadRange = Callable[[int, int], bytes]

BLOCK_BYTES = 1024**2
"""Size of one read: most indexes fit, and a slow server sends it in time."""

BLOCKS = 8
"""Blocks held at once."""


class Decoder(Protocol):
    """Probes recordings. Both methods raise what `probe` raises."""

    def at_ranges(self, read_range: ReadRange, size_bytes: int) -> Recording:
        """Probe a recording through `read_range`, in pieces of at most `BLOCK_BYTES`; raise what that raises, too."""

    def at_head(self, head: bytes, size_bytes: int | None) -> Recording:
        """Probe the beginning of a recording of `size_bytes` (None if unknown); `head` may be all of it."""


class InProcessDecoder:
    """A `Decoder` in this process, which a crash of FFmpeg ends."""

    def at_ranges(self, read_range: ReadRange, size_bytes: int) -> Recording:
        from shared.media.probe.probe import probe  # loads a media library only when decoding
        from shared.media.range_reader import RangeReader

        with RangeReader(read_range, size_bytes, BLOCK_BYTES, BLOCKS, read_ahead=False) as file:
            return probe(file, size_bytes, scan=False)

    def at_head(self, head: bytes, size_bytes: int | None) -> Recording:
        from shared.media.probe.probe import probe

        if size_bytes is not None and len(head) >= size_bytes:
            return probe(io.BytesIO(head), len(head))
        return probe(_Head(head, size_bytes), size_bytes or len(head), scan=False, whole=False)


class _Head(io.BytesIO):
    """The beginning of a recording as a file of the full size, with nothing behind that beginning.

    With an unknown size it cannot seek, so that FFmpeg does not take the beginning for the whole file.
    """

    def __init__(self, head: bytes, size_bytes: int | None) -> None:
        super().__init__(head)
        self._size_bytes = size_bytes

    def seekable(self) -> bool:
        return self._size_bytes is not None

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END and self._size_bytes is not None:
            return super().seek(self._size_bytes + offset)
        return super().seek(offset, whence)
