"""Present ranged reads as a seekable file, so that a demuxer can read a recording that is never held whole.

Memory stays within `blocks` blocks at any size of the recording. Sequential reading fetches the next block in the
background. The module is independent of blob storage: `read_range` may read from any source of byte ranges.
"""

import io
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import BinaryIO

DEFAULT_BLOCK_BYTES = 4 * 1024 * 1024

DEFAULT_BLOCKS = 4
"""Blocks held in memory, with the one read ahead."""


SMALL_BLOCK_BYTES = 256 * 1024
SMALL_BLOCKS = 32
"""The same for reading a few places of a recording: a keyframe of 1080p fills about one such block."""

FEW_PLACES_FROM_BYTES = 64 * 1024 * 1024
"""A smaller file is read in large blocks also for a few places: all of it takes fewer reads than they do."""


class RangeReader(io.BufferedIOBase, BinaryIO):
    """A read-only binary file of `size_bytes` bytes; `read_range(offset, length)` delivers its content.

    `read_range` has to return exactly `length` bytes. Another length raises EOFError, and its own exceptions pass
    through unchanged. It is called from a second thread for read-ahead, but never twice at the same time for one
    block. With `read_ahead=False` only the requested blocks are read, for sources where a read is expensive. A reader
    is not safe for use from several threads at once.
    """

    def __init__(
        self,
        read_range: Callable[[int, int], bytes],
        size_bytes: int,
        block_bytes: int = DEFAULT_BLOCK_BYTES,
        blocks: int = DEFAULT_BLOCKS,
        *,
        read_ahead: bool = True,
    ) -> None:
        self._thread: ThreadPoolExecutor | None = None  # first: close() reads it, also after an error below
        if size_bytes < 0:
            raise ValueError(f"size_bytes must not be negative, got {size_bytes}")
        if block_bytes < 1:
            raise ValueError(f"block_bytes must be at least 1, got {block_bytes}")
        if blocks < 2:
            raise ValueError(f"blocks must be at least 2 (one to read, one ahead), got {blocks}")
        self._read_range = read_range
        self._size = size_bytes
        self._block_bytes = block_bytes
        self._blocks = blocks
        self._reads_ahead = read_ahead
        self._position = 0
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._ahead: tuple[int, Future[bytes]] | None = None

    @classmethod
    def for_few_places(cls, read_range: Callable[[int, int], bytes], size_bytes: int) -> "RangeReader":
        """Return a reader that reads little around each place that is sought in a large file."""
        if size_bytes < FEW_PLACES_FROM_BYTES:
            return cls(read_range, size_bytes)
        return cls(read_range, size_bytes, SMALL_BLOCK_BYTES, SMALL_BLOCKS, read_ahead=False)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to `offset` bytes from the start, the present position or the end; past the end is allowed."""
        if self.closed:
            raise ValueError("seek of a closed reader")
        bases = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        if whence not in bases:
            raise ValueError(f"whence must be 0, 1 or 2, got {whence}")
        target = bases[whence] + offset
        if target < 0:
            raise ValueError(f"cannot seek to {target}: before the start")
        self._position = target
        return target

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes from the present position (all that is left when negative or None)."""
        if self.closed:
            raise ValueError("read of a closed reader")
        left = max(0, self._size - self._position)
        wanted = left if size is None or size < 0 else min(size, left)
        pieces: list[bytes] = []
        while wanted > 0:
            number, start = divmod(self._position, self._block_bytes)
            piece = self._block(number)[start : start + wanted]
            pieces.append(piece)
            self._position += len(piece)
            wanted -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes as `read` does, but at most to the end of the present block."""
        in_block = self._block_bytes - self._position % self._block_bytes
        return self.read(in_block if size < 0 else min(size, in_block))

    def close(self) -> None:
        """Drop the cached blocks and wait for a read that is under way."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
            self._thread = None
        self._ahead = None
        self._cache.clear()
        super().close()

    def _block(self, number: int) -> bytes:
        block = self._cache.get(number)
        if block is None:
            block = self._take_ahead(number)
            if block is None:
                block = self._fetch(number)
            self._keep(number, block)
        self._cache.move_to_end(number)
        if self._reads_ahead and (number == 0 or number - 1 in self._cache):
            self._read_ahead(number + 1)
        return block

    def _fetch(self, number: int) -> bytes:
        offset = number * self._block_bytes
        length = min(self._block_bytes, self._size - offset)
        block = self._read_range(offset, length)
        if len(block) != length:
            raise EOFError(f"asked for {length} bytes at {offset}, got {len(block)}")
        return block

    def _keep(self, number: int, block: bytes) -> None:
        self._cache[number] = block
        self._trim(self._blocks - (self._ahead is not None))

    def _trim(self, blocks: int) -> None:
        while len(self._cache) > blocks:
            self._cache.popitem(last=False)

    def _read_ahead(self, number: int) -> None:
        if self._ahead is not None or number in self._cache or number * self._block_bytes >= self._size:
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="range-reader")
        self._trim(self._blocks - 1)
        self._ahead = (number, self._thread.submit(copy_context().run, self._fetch, number))

    def _take_ahead(self, number: int) -> bytes | None:
        """Return the block read ahead if it is block `number` and its read succeeded; otherwise None.

        Drop the pending read of another block. If that read has already succeeded, keep its block in the cache.
        """
        if self._ahead is None:
            return None
        ahead, future = self._ahead
        self._ahead = None
        if ahead == number:
            # A failed read-ahead is retried in the foreground, where the caller sees the error.
            return None if future.exception() is not None else future.result()
        future.cancel()
        if future.done() and not future.cancelled() and future.exception() is None:
            self._keep(ahead, future.result())
        return None
