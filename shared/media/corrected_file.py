"""Present a file with some bytes of its header corrected, so that FFmpeg reads all of it."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class ShortSound:
    """A file that holds more sound than its header declares."""

    declared_sec: float
    actual_sec: float
    fields: Mapping[int, bytes]
    """What has to stand in the header, by the byte where it begins."""


class CorrectedFile(io.BufferedIOBase, BinaryIO):
    """The file with other bytes in some places; closing it leaves `source` open."""

    def __init__(self, source: BinaryIO, fields: Mapping[int, bytes]) -> None:
        self._source = source
        self._fields = fields

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._source.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._source.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return what `source` does, with the corrections in their places."""
        begin = self._source.tell()
        data = self._source.read(-1 if size is None else size)
        for at, field in self._fields.items():
            if begin < at + len(field) and at < begin + len(data):
                corrected = bytearray(data)
                for number, byte in enumerate(field, at - begin):
                    if 0 <= number < len(data):
                        corrected[number] = byte
                data = bytes(corrected)
        return data
