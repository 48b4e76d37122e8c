"""Undo the compression of a body, which some servers apply although they were asked not to.

What a server calls the coding is believed only if the bytes agree: many servers name a coding (`none`, `binary`,
`utf-8`, `aws-chunked`) and send the file as it is.
"""

import zlib
from collections.abc import Iterator

from shared.domain.errors import SourceUnavailable, UnsupportedRecording
from shared.media.network.first_bytes import first_bytes, looks_like_media

STEP_BYTES = 256 * 1024
"""Most bytes that one step of decompression yields, however small its input."""

_ZLIB = frozenset({"gzip", "x-gzip", "deflate"})
_OTHERS = frozenset({"br", "zstd", "compress", "x-compress"})
_GZIP_OR_ZLIB_BITS = 47
"""zlib's name for: a header of either, with the largest window."""


def compressed_by(content_encoding: str) -> str | None:
    """Return the last coding of the header that compresses; None where it names none."""
    named = [each.strip().lower() for each in content_encoding.split(",")]
    return next((each for each in reversed(named) if each in _ZLIB | _OTHERS), None)


def decompressed(chunks: Iterator[bytes], coding: str) -> tuple[Iterator[bytes], bool]:
    """Return the file's bytes, and whether they are other ones than the server sent.

    Raise UnsupportedRecording for a compression that cannot be undone here.
    """
    head, chunks = first_bytes(chunks)
    if coding in _ZLIB and _is_zlib(head):
        return _inflated(chunks), True
    if coding in _OTHERS and head and not looks_like_media(head):
        raise UnsupportedRecording(
            f"The source's server sends the recording compressed ({coding}) although it was asked not to."
        )
    return chunks, False


def _is_zlib(head: bytes) -> bool:
    if head.startswith(b"\x1f\x8b"):
        return True
    return len(head) > 1 and head[0] & 0x0F == 8 and (head[0] << 8 | head[1]) % 31 == 0


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the decompressed bytes in bounded steps; raise SourceUnavailable where they are cut off or damaged."""
    decoder = zlib.decompressobj(_GZIP_OR_ZLIB_BITS)
    try:
        for chunk in chunks:
            while chunk:
                if decoder.eof:  # a file of several gzip members
                    decoder = zlib.decompressobj(_GZIP_OR_ZLIB_BITS)
                yield decoder.decompress(chunk, STEP_BYTES)
                chunk = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    except zlib.error as err:
        raise SourceUnavailable("What the source's server sends compressed is damaged.") from err
    if not decoder.eof:
        raise SourceUnavailable("What the source's server sends compressed ends too early.")
