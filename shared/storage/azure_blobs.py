"""Blobs in Azure Blob storage. A container is made when it turns out to be missing at the first write."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobProperties,
    BlobSasPermissions,
    BlobServiceClient,
    ContentSettings,
    CorsRule,
    generate_blob_sas,
)

from shared.domain.errors import BlobMissing, NotFound, WriteConflict
from shared.storage.azure_errors import has_code, translated
from shared.storage.identity import Signer
from shared.storage.ports import CHUNK_BYTES, CLOCKS_DIFFER_BY, BlobFacts, inline, sizes_up_to_first_gap

T = TypeVar("T")

EMULATOR_ACCOUNT = "devstoreaccount1"

CHECKSUM = "sha256"
"""Name of the blob metadata that holds the SHA-256."""

_CORS_METHODS = ("GET", "HEAD", "PUT", "OPTIONS")
"""What pages do with signed addresses: play, and upload in blocks."""

_CORS_VALID_SEC = 600

_BLOCK_ID_DIGITS = 6  # a blob has at most 50,000 blocks, and ids of one length


class AzureBlobs:
    """A `BlobStore` over an account."""

    def __init__(
        self, service: BlobServiceClient, signer: Signer, clock: Callable[[], datetime], origins: Sequence[str] = ()
    ) -> None:
        """Make a store.

        Args:
            service: the account's client.
            signer: signs addresses.
            clock: returns the time.
            origins: the pages whose scripts may use signed addresses. The account's rule for them is written before
                the first address is signed. Empty: the account's rules are left as they are.
        """
        self._service = service
        self._origins = origins
        self._signer = signer
        self._clock = clock
        self._made: set[str] = set()

    def facts(self, container: str, name: str) -> BlobFacts | None:
        try:
            with _translated(container, name):
                return _facts(self._blob(container, name).get_blob_properties())
        except NotFound:
            return None

    def read_range(self, container: str, name: str, offset: int, length: int, etag: str | None = None) -> bytes:
        return self._range(container, name, offset, length, etag) if length > 0 else b""

    def read(self, container: str, name: str) -> bytes:
        with _translated(container, name):
            return self._blob(container, name).download_blob().readall()

    def chunks(self, container: str, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        facts = self.facts(container, name)
        if facts is None:
            raise BlobMissing.of(container, name)
        end = facts.size_bytes if length is None else min(facts.size_bytes, offset + length)
        for start in range(offset, end, CHUNK_BYTES):
            yield self._range(container, name, start, min(CHUNK_BYTES, end - start), facts.etag)

    def write(self, container: str, name: str, data: bytes, content_type: str, *, etag: str | None = None) -> BlobFacts:
        sha256 = hashlib.sha256(data).hexdigest()
        settings = ContentSettings(content_type=content_type)

        def upload() -> BlobFacts:
            answer = self._blob(container, name).upload_blob(
                data, overwrite=True, content_settings=settings, metadata={CHECKSUM: sha256}, **_only_if(etag)
            )
            return BlobFacts(name, len(data), content_type, sha256, _plain_etag(str(answer["etag"])))

        return self._write(container, name, upload)

    def stage_block(self, container: str, name: str, index: int, data: bytes) -> None:
        self._write(container, name, lambda: self._blob(container, name).stage_block(_block_id(index), data))

    def staged_blocks(self, container: str, name: str) -> Sequence[int]:
        try:
            with _translated(container, name):
                _, staged = self._blob(container, name).get_block_list("uncommitted")
        except NotFound:
            return []
        sizes = {_block_index(block.id): block.size for block in staged}
        return sizes_up_to_first_gap({index: size for index, size in sizes.items() if index is not None})

    def commit_blocks(
        self, container: str, name: str, count: int, content_type: str, *, first: int = 0, etag: str | None = None
    ) -> BlobFacts:
        blocks = [BlobBlock(_block_id(index)) for index in range(first, first + count)]
        settings = ContentSettings(content_type=content_type)

        def commit() -> None:
            try:
                self._blob(container, name).commit_block_list(blocks, content_settings=settings, **_only_if(etag))
            except HttpResponseError as err:
                if not has_code(err, "InvalidBlockList"):
                    raise
                raise WriteConflict(f"A block of {container}/{name} is not there.") from err

        self._write(container, name, commit)
        facts = self.facts(container, name)
        if facts is None:
            raise WriteConflict(f"{container}/{name} was deleted meanwhile.")
        return facts

    def note_sha256(self, container: str, name: str, sha256: str, etag: str | None = None) -> None:
        with _translated(container, name):
            self._blob(container, name).set_blob_metadata({CHECKSUM: sha256}, **_only_if(etag))

    def listing(self, container: str, prefix: str) -> Iterator[BlobFacts]:
        try:
            with _translated(container, f"{prefix}…"):
                found = self._service.get_container_client(container).list_blobs(prefix, include=["metadata"])
                yield from map(_facts, found)
        except NotFound:
            return

    def delete(self, container: str, name: str, etag: str | None = None) -> None:
        with suppress(NotFound, WriteConflict), _translated(container, name):
            self._blob(container, name).delete_blob(delete_snapshots="include", **_only_if(etag))

    def discard(self, container: str, name: str) -> None:
        """Delete the blob and its staged blocks, which the commit of an empty blob drops."""
        self.commit_blocks(container, name, 0, "application/octet-stream")
        self.delete(container, name)

    def snapshot(self, container: str, name: str, etag: str) -> str:
        with _translated(container, name):
            made = self._blob(container, name).create_snapshot(**_only_if(etag))
        return str(made["snapshot"])

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
        permission, disposition = BlobSasPermissions(read=True), inline(file_name)
        return self._url(container, name, permission, valid_for, snapshot, content_type, disposition)

    def upload_url(self, container: str, name: str, valid_for: timedelta) -> str:
        if container not in self._made:  # the client that gets the address may not make it
            self._make_container(container)
        return self._url(container, name, BlobSasPermissions(create=True, write=True), valid_for)

    def _url(
        self,
        container: str,
        name: str,
        permission: BlobSasPermissions,
        valid_for: timedelta,
        snapshot: str | None = None,
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> str:
        """Return an address for this blob or snapshot alone, from now on, over TLS unless the emulator has none."""
        self._allow_origins_once()
        now, account = self._clock(), str(self._service.account_name)
        signed_by, expiry = self._signer.key_until(now + valid_for)
        token = generate_blob_sas(
            account_name=account,
            container_name=container,
            blob_name=name,
            snapshot=snapshot,
            **signed_by,
            permission=permission,
            start=now - CLOCKS_DIFFER_BY,
            expiry=expiry,
            protocol="https,http" if account == EMULATOR_ACCOUNT else "https",
            content_type=content_type,
            content_disposition=content_disposition,
        )
        url = self._service.get_blob_client(container, name, snapshot=snapshot).url
        return f"{url}{'&' if snapshot else '?'}{token}"

    def _allow_origins_once(self) -> None:
        """Write the account's CORS rule, which processes of one application write alike."""
        if self._origins:
            rule = CorsRule(
                list(self._origins),
                list(_CORS_METHODS),
                allowed_headers=["*"],
                exposed_headers=["*"],
                max_age_in_seconds=_CORS_VALID_SEC,
            )
            with translated("the rules of the blob service"):
                self._service.set_service_properties(cors=[rule])
            self._origins = ()

    def _range(self, container: str, name: str, offset: int, length: int, etag: str | None = None) -> bytes:
        """Return the range in one request; raise WriteConflict when the blob has another ETag."""
        blob = self._blob(container, name)
        with _translated(container, name):
            try:
                found: bytes = blob.download_blob(offset, length, **_only_if(etag)).readall()
                return found
            except HttpResponseError as err:
                if err.status_code != 416:
                    raise
                return b""

    def _write(self, container: str, name: str, call: Callable[[], T]) -> T:
        with _translated(container, name):
            try:
                return call()
            except ResourceNotFoundError as err:
                if not has_code(err, "ContainerNotFound"):
                    raise
            self._make_container(container)
            return call()

    def _make_container(self, container: str) -> None:
        with translated(f"container {container}"), suppress(ResourceExistsError):
            self._service.create_container(container)
        self._made.add(container)

    def _blob(self, container: str, name: str) -> BlobClient:
        return self._service.get_blob_client(container, name)


@contextmanager
def _translated(container: str, name: str) -> Iterator[None]:
    try:
        with translated(f"blob {container}/{name}"):
            yield
    except NotFound as err:
        raise BlobMissing.of(container, name) from err


def _facts(properties: BlobProperties) -> BlobFacts:
    return BlobFacts(
        name=str(properties.name),
        size_bytes=properties.size,
        content_type=properties.content_settings.content_type or "application/octet-stream",
        sha256=(properties.metadata or {}).get(CHECKSUM),
        etag=_plain_etag(str(properties.etag)),
        written_at=properties.last_modified,
    )


def _only_if(etag: str | None) -> dict[str, Any]:
    """Return the arguments of a call that fails when the blob has another ETag; none for None."""
    return {} if etag is None else {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified}


def _plain_etag(etag: str) -> str:
    """Return the ETag without quotes, which answers have in some places and not in others."""
    return etag.strip('"')


def _block_id(index: int) -> str:
    """Return readable base64, of one length as the service demands (the SDK encodes it once more)."""
    return f"{index:0{_BLOCK_ID_DIGITS}d}"


def _block_index(block_id: str) -> int | None:
    return int(block_id) if block_id.isdecimal() and len(block_id) == _BLOCK_ID_DIGITS else None
