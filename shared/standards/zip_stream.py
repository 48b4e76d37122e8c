"""Write a ZIP as a stream, holding one piece of one file at a time.

Entries are deflated at level 0, which stores the bytes: media do not get smaller. Entries that are declared as stored
cannot be read from a stream by Java's readers, which Opencast uses, because their length follows them.
"""

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_LARGE_BYTES = 2 * 1024**3 - 1
"""Larger entries have 64-bit lengths, which the oldest readers do not know."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive; its pieces are taken when its turn comes."""

    name: str
    size_bytes: int
    pieces: Iterable[bytes]


class _Sink:
    """A file that cannot seek and keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: there is nothing behind it."""

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def zip_stream(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield the archive in pieces; raise what an entry's pieces raise."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=0) as archive:  # type: ignore[call-overload]
        for entry in entries:
            with archive.open(entry.name, "w", force_zip64=entry.size_bytes > _LARGE_BYTES) as file:
                for piece in entry.pieces:
                    file.write(piece)
                    yield sink.take()
    yield sink.take()
