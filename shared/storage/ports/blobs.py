"""Declare the store of blobs, the names of its containers, and how its blobs are named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, takewhile
from typing import Protocol

SOURCES = "sources"
"""Recordings as they came: `{orgId}/{sessionId}/{file name}`."""

WORK = "work"
"""Intermediate files of stages: `{orgId}/{sessionId}/{jobId}/…`."""

RESULTS = "results"
"""Artefacts: `{orgId}/{sessionId}/{jobId}/…`."""

CLOCKS_DIFFER_BY = timedelta(minutes=5)
"""The difference to a storage with a slow clock for which a newly signed address still works."""

CHUNK_BYTES = 4 * 1024**2
"""The size of the pieces that `chunks` yields."""


def sizes_up_to_first_gap(sizes: Mapping[int, int]) -> Sequence[int]:
    """Return the sizes of blocks 0, 1, … up to the first that is missing."""
    return [sizes[index] for index in takewhile(sizes.__contains__, count())]


def inline(file_name: str | None) -> str | None:
    """Return the header Content-Disposition that lets a browser show a file, and save it under this name."""
    return f'inline; filename="{file_name}"' if file_name else None


@dataclass(frozen=True, slots=True)
class BlobFacts:
    """The facts of one blob."""

    name: str
    """The name within its container."""

    size_bytes: int
    content_type: str
    sha256: str | None
    """The SHA-256 (hexadecimal) that its writer noted."""

    etag: str
    written_at: datetime | None = field(default=None, compare=False)
    """When it was last written."""


class BlobStore(Protocol):
    """Containers of blobs. Names are paths with `/`. Blobs are written whole: a reader never sees a part of one."""

    def facts(self, container: str, name: str) -> BlobFacts | None:
        """Return what is known of the blob; None when there is none."""

    def read_range(self, container: str, name: str, offset: int, length: int, etag: str | None = None) -> bytes:
        """Return up to `length` bytes from `offset`, in one request; raise NotFound, and WriteConflict when an ETag is
        given and the blob has another one.

        They are fewer at the blob's end, and none behind it.
        """

    def read(self, container: str, name: str) -> bytes:
        """Return a small blob whole; raise NotFound."""

    def chunks(self, container: str, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the blob, or a range of it, in pieces of CHUNK_BYTES. When a piece is taken, raises NotFound, or
        WriteConflict when the blob was written anew since the first piece."""

    def write(self, container: str, name: str, data: bytes, content_type: str, *, etag: str | None = None) -> BlobFacts:
        """Write a small blob whole, over what was there, noting its SHA-256; raise WriteConflict when an ETag is given
        and the blob has another one."""

    def stage_block(self, container: str, name: str, index: int, data: bytes) -> None:
        """Put block `index` (0 to 999,999) of a blob in the making; staging it again replaces it."""

    def staged_blocks(self, container: str, name: str) -> Sequence[int]:
        """Return the sizes in bytes of the blocks staged and not committed, from index 0 to the first missing one."""

    def commit_blocks(
        self, container: str, name: str, count: int, content_type: str, *, first: int = 0, etag: str | None = None
    ) -> BlobFacts:
        """Make the blob of `count` (at most 50,000) blocks from `first` on, each as it was staged or else as it was
        committed last, so that committing again makes the same blob. Other blocks that are staged are dropped. Raise
        WriteConflict when a block is in neither state, and when an ETag is given and the blob has another one. Its
        SHA-256 is to be noted afterwards."""

    def note_sha256(self, container: str, name: str, sha256: str, etag: str | None = None) -> None:
        """Note a blob's SHA-256 (hexadecimal) with the blob; raise NotFound, and WriteConflict when an ETag is given
        and the blob has another one."""

    def listing(self, container: str, prefix: str) -> Iterator[BlobFacts]:
        """Return all blobs with names that start with the prefix, by name."""

    def delete(self, container: str, name: str, etag: str | None = None) -> None:
        """Delete the blob if it is there, and if it still has the ETag, where one is given."""

    def discard(self, container: str, name: str) -> None:
        """Delete the blob if it is there, and the blocks that were staged for it."""

    def snapshot(self, container: str, name: str, etag: str) -> str:
        """Keep the blob with this ETag beside the blob itself, until that is deleted, and return the snapshot's name.

        No later write changes it, also not one by an `upload_url`. Raises NotFound, and WriteConflict when the blob has
        another ETag.
        """

    def read_url(
        self,
        container: str,
        name: str,
        valid_for: timedelta,
        *,
        snapshot: str | None = None,
        content_type: str | None = None,
        file_name: str | None = None,
    ) -> str:
        """Return a short-lived address that allows reading this blob, or its snapshot, and nothing else. The answer has
        this content type, and asks to be shown, and to be saved under this name (ASCII without quotes); as the blob has
        them for None."""

    def upload_url(self, container: str, name: str, valid_for: timedelta) -> str:
        """Return a short-lived address that allows creating and writing this blob and nothing else."""
