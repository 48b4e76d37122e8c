"""Present a range of bytes of a file as a file of its own, with a position of its own.

Several slices of one file may be open at once: each seeks before it reads. Apart from the pieces of a recording, which
it knows nothing of.
"""

import io
from typing import BinaryIO


class FileSlice(io.BufferedIOBase, BinaryIO):
    """The bytes of `source` (seekable) from `offset` on, `size_bytes` of them; closing it leaves `source` open.

    With `can_seek=False` it is a stream: FFmpeg then reads straight on and does not look at its end.
    """

    def __init__(self, source: BinaryIO, offset: int, size_bytes: int, *, can_seek: bool = True) -> None:
        self._source = source
        self._offset = offset
        self._size = max(0, size_bytes)
        self._position = 0
        self._can_seek = can_seek

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._can_seek

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to `offset` bytes from the start, the present position or the end; raise OSError before the start."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(f"cannot seek to {base + offset}: before the start")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes from the present position (all that is left when negative or None)."""
        left = max(0, self._size - self._position)
        wanted = left if size is None or size < 0 else min(size, left)
        if not wanted:
            return b""
        self._source.seek(self._offset + self._position)
        data = self._source.read(wanted)
        self._position += len(data)
        return data
