"""Containers of blobs in this process's memory, with staged blocks, ETags and checksums as in the real ones."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from threading import Lock
from urllib.parse import quote, urlencode

from shared.domain.errors import BlobMissing, WriteConflict
from shared.storage.ports import CHUNK_BYTES, CLOCKS_DIFFER_BY, BlobFacts, inline, sizes_up_to_first_gap


@dataclass(frozen=True, slots=True)
class _Blob:
    data: bytes
    facts: BlobFacts
    blocks: Mapping[int, bytes] = field(default_factory=dict)


class MemoryBlobs:
    """A `BlobStore`; every method is atomic."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._etags = count(1)
        self._blobs: dict[tuple[str, str], _Blob] = {}
        self.snapshots: dict[tuple[str, str, str], bytes] = {}
        """The snapshots by container, blob and name, for tests that follow an address."""
        self._staged: dict[tuple[str, str], dict[int, bytes]] = {}

    def facts(self, container: str, name: str) -> BlobFacts | None:
        with self._lock:
            blob = self._blobs.get((container, name))
            return None if blob is None else blob.facts

    def read_range(self, container: str, name: str, offset: int, length: int, etag: str | None = None) -> bytes:
        blob = self._get(container, name)
        if etag not in (None, blob.facts.etag):
            raise WriteConflict(f"{container}/{name} was written anew meanwhile.")
        return blob.data[offset : offset + length]

    def read(self, container: str, name: str) -> bytes:
        return self._get(container, name).data

    def chunks(self, container: str, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        first = self._get(container, name)
        end = len(first.data) if length is None else min(len(first.data), offset + length)
        for start in range(offset, end, CHUNK_BYTES):
            if self._get(container, name).facts.etag != first.facts.etag:
                raise WriteConflict(f"{container}/{name} was written anew meanwhile.")
            yield first.data[start : min(start + CHUNK_BYTES, end)]

    def write(self, container: str, name: str, data: bytes, content_type: str, *, etag: str | None = None) -> BlobFacts:
        with self._lock:
            self._require(container, name, etag)
            return self._put(container, name, bytes(data), content_type, hashlib.sha256(data).hexdigest())

    def stage_block(self, container: str, name: str, index: int, data: bytes) -> None:
        with self._lock:
            self._staged.setdefault((container, name), {})[index] = bytes(data)

    def staged_blocks(self, container: str, name: str) -> Sequence[int]:
        with self._lock:
            staged = self._staged.get((container, name), {})
            return sizes_up_to_first_gap({index: len(block) for index, block in staged.items()})

    def commit_blocks(
        self, container: str, name: str, count: int, content_type: str, *, first: int = 0, etag: str | None = None
    ) -> BlobFacts:
        with self._lock:
            self._require(container, name, etag)
            before = self._blobs.get((container, name))
            blocks = {**(before.blocks if before else {}), **self._staged.get((container, name), {})}
            wanted = range(first, first + count)
            missing = [index for index in wanted if index not in blocks]
            if missing:
                raise WriteConflict(f"Block {missing[0]} of {container}/{name} is not there.")
            used = {index: blocks[index] for index in wanted}
            return self._put(container, name, b"".join(used.values()), content_type, None, used)

    def note_sha256(self, container: str, name: str, sha256: str, etag: str | None = None) -> None:
        with self._lock:
            blob = self._found(container, name)
            if etag not in (None, blob.facts.etag):
                raise WriteConflict(f"{container}/{name} was written anew meanwhile.")
            facts = replace(blob.facts, sha256=sha256, etag=self._new_etag())
            self._blobs[container, name] = replace(blob, facts=facts)

    def listing(self, container: str, prefix: str) -> Iterator[BlobFacts]:
        with self._lock:
            keys = sorted(key for key in self._blobs if key[0] == container and key[1].startswith(prefix))
            found = [self._blobs[key].facts for key in keys]
        yield from found

    def delete(self, container: str, name: str, etag: str | None = None) -> None:
        with self._lock:
            blob = self._blobs.get((container, name))
            if blob is not None and etag in (None, blob.facts.etag):
                self._drop(container, name)

    def discard(self, container: str, name: str) -> None:
        with self._lock:
            self._drop(container, name)
            self._staged.pop((container, name), None)

    def snapshot(self, container: str, name: str, etag: str) -> str:
        with self._lock:
            blob = self._found(container, name)
            if blob.facts.etag != etag:
                raise WriteConflict(f"{container}/{name} was written anew meanwhile.")
            made = f"{next(self._etags)}"
            self.snapshots[container, name, made] = blob.data
            return made

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
        answered = {"snapshot": snapshot, "rsct": content_type, "rscd": inline(file_name)}
        return self._url(container, name, "r", valid_for, {key: value for key, value in answered.items() if value})

    def upload_url(self, container: str, name: str, valid_for: timedelta) -> str:
        return self._url(container, name, "cw", valid_for)

    def _url(
        self, container: str, name: str, permissions: str, valid_for: timedelta, more: Mapping[str, str] | None = None
    ) -> str:
        form, now = "%Y-%m-%dT%H:%M:%SZ", self._clock()
        times = {"st": (now - CLOCKS_DIFFER_BY).strftime(form), "se": (now + valid_for).strftime(form)}
        return f"memory://blobs/{container}/{quote(name)}?{urlencode({'sp': permissions, **times, **(more or {})})}"

    def _get(self, container: str, name: str) -> _Blob:
        with self._lock:
            return self._found(container, name)

    def _found(self, container: str, name: str) -> _Blob:
        try:
            return self._blobs[container, name]
        except KeyError as err:
            raise BlobMissing.of(container, name) from err

    def _require(self, container: str, name: str, etag: str | None) -> None:
        """Raise WriteConflict when an ETag is given and the blob has another one, or is missing."""
        blob = self._blobs.get((container, name))
        if etag is not None and (blob is None or blob.facts.etag != etag):
            raise WriteConflict(f"{container}/{name} was written anew meanwhile.")

    def _drop(self, container: str, name: str) -> None:
        self._blobs.pop((container, name), None)
        for key in [key for key in self.snapshots if key[:2] == (container, name)]:
            del self.snapshots[key]

    def _put(
        self,
        container: str,
        name: str,
        data: bytes,
        content_type: str,
        sha256: str | None,
        blocks: Mapping[int, bytes] | None = None,
    ) -> BlobFacts:
        """Store the blob; blocks that were staged and not used are forgotten, as the real storage does."""
        facts = BlobFacts(name, len(data), content_type, sha256, self._new_etag(), self._clock())
        self._blobs[container, name] = _Blob(data, facts, blocks or {})
        self._staged.pop((container, name), None)
        return facts

    def _new_etag(self) -> str:
        return f"0x{next(self._etags):X}"
