"""What a recording, or its beginning, shows to a decoder: the part of a glance that runs code on hostile bytes."""

import io
from collections.abc import Callable
from typing import Protocol

from shared.domain.recording import Recording

ReadRange = Callable[[int, int], bytes]

BLOCK_BYTES = 1024**2
"""What is read at once: most indexes fit, and a slow server sends it in time."""

BLOCKS = 8


class Decoder(Protocol):
    """Who looks. Both raise what `probe` raises."""

    def at_ranges(self, read_range: ReadRange, size_bytes: int) -> Recording:
        """At a recording that can be read in pieces of at most BLOCK_BYTES; raises what `read_range` raises, too."""

    def at_head(self, head: bytes, size_bytes: int | None) -> Recording:
        """At a recording's beginning, which is all of it when it has `size_bytes`; they are None where the size is
        not known."""


class InThisProcess:
    """A `Decoder`: a crash of FFmpeg takes this process with it."""

    def at_ranges(self, read_range: ReadRange, size_bytes: int) -> Recording:
        from shared.media.probe.probe import probe  # media libraries are for those who decode
        from shared.media.range_reader import RangeReader

        with RangeReader(read_range, size_bytes, BLOCK_BYTES, BLOCKS, read_ahead=False) as file:
            return probe(file, size_bytes, scan=False)

    def at_head(self, head: bytes, size_bytes: int | None) -> Recording:
        from shared.media.probe.probe import probe

        if size_bytes is not None and len(head) >= size_bytes:
            return probe(io.BytesIO(head), len(head))
        return probe(_Head(head, size_bytes), size_bytes or len(head), scan=False, whole=False)


class _Head(io.BytesIO):
    """A recording's beginning, as a file of the whole one's size, in which nothing stands behind that beginning. Where
    the size is unknown, FFmpeg is told that it cannot seek, so that it does not take the beginning for everything."""

    def __init__(self, head: bytes, size_bytes: int | None) -> None:
        super().__init__(head)
        self._size_bytes = size_bytes

    def seekable(self) -> bool:
        return self._size_bytes is not None

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END and self._size_bytes is not None:
            return super().seek(self._size_bytes + offset)
        return super().seek(offset, whence)
