"""Write a file as numbered blocks to another place, so that a muxer's output never has to be held whole.

A muxer seeks back: to the file's head when it knows the length, and within the index that it writes last. So the head
and the latest few blocks stay in memory until the end. The other blocks are staged when room is needed.
"""

import io
from collections.abc import Callable
from typing import BinaryIO

DEFAULT_BLOCK_BYTES = 8 * 1024 * 1024

DEFAULT_BLOCKS = 3
"""Blocks held in memory besides the head: more than the index of three hours, within which a muxer seeks back."""


class BlockWriter(io.BufferedIOBase, BinaryIO):
    """A seekable, write-only binary file that calls `stage_block(index, data)` once for each block.

    Every block but the last of the file is `block_bytes` long. The head, which is the first `head_bytes` and at least
    block 0, is staged last. Memory stays within the head and `blocks` more. Writing to a block that has been staged
    raises OSError, as does seeking past the end of the file and of the head.
    """

    def __init__(
        self,
        stage_block: Callable[[int, bytes], None],
        block_bytes: int = DEFAULT_BLOCK_BYTES,
        blocks: int = DEFAULT_BLOCKS,
        head_bytes: int = 0,
    ) -> None:
        self._stage_block = stage_block
        self._block_bytes = block_bytes
        self._blocks = blocks
        self._head_bytes = head_bytes
        self._head_blocks = max(1, -(-head_bytes // block_bytes))
        self._held: dict[int, bytearray] = {0: bytearray()}
        self._position = 0
        self._size = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to `offset` bytes from the start, the present position or the end; raise OSError past the end."""
        bases = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        target = bases[whence] + offset
        if not 0 <= target <= self._size and not self._size < target <= self._head_bytes:
            raise OSError(f"cannot seek to {target} in a file of {self._size} bytes")
        self._position = target
        return target

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write all of `data` at the present position."""
        rest = memoryview(data).cast("B")
        if self._position > self._size:  # the head is left out until the muxer comes back to it
            position, self._position = self._position, self._size
            self.write(bytes(position - self._size))
        while rest:
            number, offset = divmod(self._position, self._block_bytes)
            block = self._block(number)
            piece = rest[: self._block_bytes - offset]
            block[offset : offset + len(piece)] = piece
            self._position += len(piece)
            self._size = max(self._size, self._position)
            rest = rest[len(piece) :]
        return len(data)

    def whole(self) -> bytes | None:
        """Return the file if it is a single block, which was never staged; else None."""
        return bytes(self._held[0]) if self._size <= self._block_bytes else None

    def finish(self) -> int:
        """Stage the blocks that are still held; return the number of blocks of the whole file, at least 1."""
        for number in sorted(self._held, reverse=True):
            if number == 0 or self._held[number]:
                self._stage_block(number, bytes(self._held[number]))
        return max(1, -(-self._size // self._block_bytes))

    def _block(self, number: int) -> bytearray:
        block = self._held.get(number)
        if block is not None:
            return block
        if number * self._block_bytes < self._size:
            raise OSError(f"block {number} is staged already")
        if len(self._held) - min(number, self._head_blocks) >= self._blocks:
            oldest = min(held for held in self._held if held >= self._head_blocks)
            self._stage_block(oldest, bytes(self._held.pop(oldest)))
        return self._held.setdefault(number, bytearray())
