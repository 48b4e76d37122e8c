"""Blobs: ranges, blocks, checksums, listings; and addresses that allow one thing for a while (the real ones only)."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from azure.storage.blob import BlobSasPermissions

from shared.domain.errors import NotFound, WriteConflict
from shared.storage.connect import AzureStorage, connect
from shared.storage.ports import CHUNK_BYTES, CLOCKS_DIFFER_BY, RESULTS, SOURCES, WORK, BlobFacts, Storage

HOUR = timedelta(hours=1)
TIMEOUT_SEC = 10


@pytest.fixture
def name(org: str) -> str:
    return f"{org}/session/Vorlesung – 'A' 100%.bin"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_written_blob_is_described_and_read(storage: Storage, name: str) -> None:
    facts = storage.blobs.write(RESULTS, name, b"hello", "text/vtt")
    assert facts == BlobFacts(name, 5, "text/vtt", sha256(b"hello"), facts.etag)
    assert storage.blobs.facts(RESULTS, name) == facts
    assert storage.blobs.read(RESULTS, name) == b"hello"


def test_writing_again_replaces_it(storage: Storage, name: str) -> None:
    first = storage.blobs.write(RESULTS, name, b"one", "text/plain")
    second = storage.blobs.write(RESULTS, name, b"two!", "application/json")
    assert storage.blobs.facts(RESULTS, name) == second
    assert second.etag != first.etag
    assert storage.blobs.read(RESULTS, name) == b"two!"


@pytest.mark.parametrize("container", [WORK, "never-made"])
def test_a_blob_that_is_not_there(storage: Storage, name: str, container: str) -> None:
    assert storage.blobs.facts(container, name) is None
    assert storage.blobs.staged_blocks(container, name) == []
    assert list(storage.blobs.listing(container, name)) == []
    storage.blobs.delete(container, name)
    reads: list[Callable[[], object]] = [
        lambda: storage.blobs.read(container, name),
        lambda: storage.blobs.read_range(container, name, 0, 1),
        lambda: list(storage.blobs.chunks(container, name)),
        lambda: storage.blobs.note_sha256(container, name, "0" * 64),
    ]
    for read in reads:
        with pytest.raises(NotFound):
            read()


def test_a_missing_container_is_made_by_a_write(storage: Storage) -> None:
    container = f"c{uuid.uuid4().hex}"
    storage.blobs.stage_block(container, "a", 0, b"x")
    assert storage.blobs.commit_blocks(container, "a", 1, "text/plain").size_bytes == 1
    other = f"c{uuid.uuid4().hex}"
    assert storage.blobs.write(other, "a", b"x", "text/plain") == storage.blobs.facts(other, "a")


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        pytest.param(0, 10, b"0123456789", id="whole"),
        pytest.param(3, 4, b"3456", id="inside"),
        pytest.param(8, 100, b"89", id="over the end"),
        pytest.param(10, 5, b"", id="at the end"),
        pytest.param(1000, 5, b"", id="behind the end"),
        pytest.param(0, 0, b"", id="nothing"),
    ],
)
def test_a_range(storage: Storage, name: str, offset: int, length: int, expected: bytes) -> None:
    storage.blobs.write(WORK, name, b"0123456789", "text/plain")
    assert storage.blobs.read_range(WORK, name, offset, length) == expected


def test_an_empty_blob_reads_as_nothing(storage: Storage, name: str) -> None:
    assert storage.blobs.write(WORK, name, b"", "text/plain").size_bytes == 0
    assert storage.blobs.read(WORK, name) == b""
    assert storage.blobs.read_range(WORK, name, 0, 10) == b""
    assert list(storage.blobs.chunks(WORK, name)) == []


def test_chunks_are_of_one_size_and_make_the_blob(storage: Storage, name: str) -> None:
    data = bytes(range(256)) * (9 * 1024**2 // 256) + b"end"
    storage.blobs.write(WORK, name, data, "text/plain")
    pieces = list(storage.blobs.chunks(WORK, name))
    assert [len(piece) for piece in pieces] == [CHUNK_BYTES, CHUNK_BYTES, len(data) - 2 * CHUNK_BYTES]
    assert b"".join(pieces) == data
    assert b"".join(storage.blobs.chunks(WORK, name, offset=5, length=CHUNK_BYTES)) == data[5 : 5 + CHUNK_BYTES]
    assert b"".join(storage.blobs.chunks(WORK, name, offset=len(data) - 2, length=100)) == b"nd"
    assert list(storage.blobs.chunks(WORK, name, offset=len(data))) == []


def test_chunks_of_two_versions_are_not_mixed(storage: Storage, name: str) -> None:
    storage.blobs.write(WORK, name, b"a" * (CHUNK_BYTES + 1), "text/plain")
    pieces = storage.blobs.chunks(WORK, name)
    next(pieces)
    storage.blobs.write(WORK, name, b"b" * (CHUNK_BYTES + 1), "text/plain")
    with pytest.raises(WriteConflict):
        next(pieces)


def test_blocks_make_a_blob_when_committed_and_not_before(storage: Storage, name: str) -> None:
    for index, data in ((2, b"cc"), (0, b"a"), (1, b"wrong"), (1, b"bbb"), (11, b"z")):
        storage.blobs.stage_block(SOURCES, name, index, data)
    assert storage.blobs.facts(SOURCES, name) is None
    assert list(storage.blobs.listing(SOURCES, name)) == []
    assert list(storage.blobs.staged_blocks(SOURCES, name)) == [1, 3, 2]
    facts = storage.blobs.commit_blocks(SOURCES, name, 3, "video/mp4")
    assert facts == BlobFacts(name, 6, "video/mp4", None, facts.etag)
    assert storage.blobs.facts(SOURCES, name) == facts
    assert storage.blobs.read(SOURCES, name) == b"abbbcc"
    assert list(storage.blobs.staged_blocks(SOURCES, name)) == []


def test_committing_again_makes_the_same_blob(storage: Storage, name: str) -> None:
    for index in range(3):
        storage.blobs.stage_block(SOURCES, name, index, bytes([65 + index]))
    storage.blobs.commit_blocks(SOURCES, name, 3, "video/mp4")
    storage.blobs.commit_blocks(SOURCES, name, 3, "video/mp4")
    assert storage.blobs.read(SOURCES, name) == b"ABC"
    storage.blobs.stage_block(SOURCES, name, 1, b"-")
    storage.blobs.commit_blocks(SOURCES, name, 2, "video/mp4")
    assert storage.blobs.read(SOURCES, name) == b"A-"


def test_of_two_writers_with_blocks_of_their_own_one_replaces_the_blob(storage: Storage, name: str) -> None:
    before = storage.blobs.write(RESULTS, name, b"before", "audio/mp4")
    for first, data in ((50_000, b"a"), (700_000, b"b")):
        for index in (0, 1):
            storage.blobs.stage_block(RESULTS, name, first + index, data)
    made = storage.blobs.commit_blocks(RESULTS, name, 2, "audio/mp4", first=700_000, etag=before.etag)
    assert storage.blobs.read(RESULTS, name) == b"bb"
    for etag in (before.etag, made.etag):  # it is another blob now, and the commit dropped the blocks
        with pytest.raises(WriteConflict):
            storage.blobs.commit_blocks(RESULTS, name, 2, "audio/mp4", first=50_000, etag=etag)
    with pytest.raises(WriteConflict):
        storage.blobs.note_sha256(RESULTS, name, sha256(b"before"), before.etag)
    storage.blobs.note_sha256(RESULTS, name, sha256(b"bb"), made.etag)
    facts = storage.blobs.facts(RESULTS, name)
    assert facts is not None
    assert (facts.sha256, storage.blobs.read(RESULTS, name)) == (sha256(b"bb"), b"bb")


def test_a_blob_is_written_over_the_one_that_was_read_and_no_other(storage: Storage, name: str) -> None:
    before = storage.blobs.write(RESULTS, name, b"before", "audio/mp4")
    made = storage.blobs.write(RESULTS, name, b"after", "audio/mp4", etag=before.etag)
    with pytest.raises(WriteConflict):
        storage.blobs.write(RESULTS, name, b"late", "audio/mp4", etag=before.etag)
    assert storage.blobs.facts(RESULTS, name) == made
    storage.blobs.delete(RESULTS, name)
    with pytest.raises(WriteConflict):
        storage.blobs.write(RESULTS, name, b"late", "audio/mp4", etag=made.etag)
    assert storage.blobs.facts(RESULTS, name) is None


def test_a_missing_block_is_a_conflict(storage: Storage, name: str) -> None:
    storage.blobs.stage_block(SOURCES, name, 0, b"a")
    with pytest.raises(WriteConflict):
        storage.blobs.commit_blocks(SOURCES, name, 2, "video/mp4")
    assert storage.blobs.facts(SOURCES, name) is None
    assert list(storage.blobs.staged_blocks(SOURCES, name)) == [1]


def test_no_blocks_make_an_empty_blob(storage: Storage, name: str) -> None:
    assert storage.blobs.commit_blocks(SOURCES, name, 0, "video/mp4").size_bytes == 0


def test_a_checksum_is_noted_with_the_blob(storage: Storage, name: str) -> None:
    storage.blobs.stage_block(SOURCES, name, 0, b"a")
    storage.blobs.commit_blocks(SOURCES, name, 1, "video/mp4")
    storage.blobs.note_sha256(SOURCES, name, sha256(b"a"))
    facts = storage.blobs.facts(SOURCES, name)
    assert facts == BlobFacts(name, 1, "video/mp4", sha256(b"a"), facts.etag if facts else "")


def test_a_listing_goes_by_name_below_its_prefix(storage: Storage, org: str) -> None:
    written = [
        storage.blobs.write(RESULTS, f"{org}/{path}", b"x" * length, "text/plain")
        for length, path in enumerate(("b/1", "a/2/deep", "a/10", "ab"))
    ]
    assert list(storage.blobs.listing(RESULTS, f"{org}/a/")) == [written[2], written[1]]
    assert list(storage.blobs.listing(RESULTS, f"{org}/")) == sorted(written, key=lambda facts: facts.name)


def test_a_deleted_blob_is_gone(storage: Storage, name: str) -> None:
    storage.blobs.write(RESULTS, name, b"x", "text/plain")
    storage.blobs.delete(RESULTS, name)
    storage.blobs.delete(RESULTS, name)
    assert storage.blobs.facts(RESULTS, name) is None


def test_addresses_say_what_they_allow_and_until_when(storage: Storage, name: str) -> None:
    before = datetime.now(UTC)
    for url, permissions in (
        (storage.blobs.read_url(RESULTS, name, HOUR), "r"),
        (storage.blobs.upload_url(RESULTS, name, HOUR), "cw"),
    ):
        query = parse_qs(urlsplit(url).query)
        start, expiry = (
            datetime.strptime(query[name][0], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for name in ("st", "se")
        )
        assert query["sp"] == [permissions]
        assert before - CLOCKS_DIFFER_BY - timedelta(seconds=1) <= start <= before
        assert before + HOUR - timedelta(seconds=1) <= expiry <= datetime.now(UTC) + HOUR


def test_an_address_of_a_snapshot_reads_what_was_there(azure: AzureStorage, name: str) -> None:
    first = azure.blobs.write(SOURCES, name, b"first", "video/mp4")
    snapshot = azure.blobs.snapshot(SOURCES, name, first.etag)
    url = azure.blobs.read_url(SOURCES, name, HOUR, snapshot=snapshot, content_type="video/mp4", file_name="a.mp4")
    upload = azure.blobs.upload_url(SOURCES, name, HOUR)
    written = requests.put(upload, b"second", headers={"x-ms-blob-type": "BlockBlob"}, timeout=TIMEOUT_SEC)
    assert written.status_code == 201
    answer = requests.get(url, headers={"Range": "bytes=1-"}, timeout=TIMEOUT_SEC)
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (206, b"irst", "video/mp4")
    assert azure.blobs.read(SOURCES, name) == b"second"
    drop = f"{upload}&snapshot={quote(snapshot)}"
    assert requests.delete(drop, timeout=TIMEOUT_SEC).status_code == 403
    with pytest.raises(WriteConflict):
        azure.blobs.snapshot(SOURCES, name, first.etag)
    azure.blobs.delete(SOURCES, name)
    assert requests.get(url, timeout=TIMEOUT_SEC).status_code == 404


def test_an_address_to_read_reads_this_blob_only(azure: AzureStorage, name: str) -> None:
    azure.blobs.write(RESULTS, name, b"0123456789", "video/mp4")
    azure.blobs.write(RESULTS, f"{name}2", b"secret", "video/mp4")
    url = azure.blobs.read_url(RESULTS, name, HOUR)
    whole = requests.get(url, timeout=TIMEOUT_SEC)
    part = requests.get(url, headers={"Range": "bytes=2-4"}, timeout=TIMEOUT_SEC)
    other = requests.get(url.replace(".bin", ".bin2"), timeout=TIMEOUT_SEC)
    written = requests.put(url, data=b"x", headers={"x-ms-blob-type": "BlockBlob"}, timeout=TIMEOUT_SEC)
    assert (whole.status_code, whole.content, whole.headers["Content-Type"]) == (200, b"0123456789", "video/mp4")
    assert (part.status_code, part.content) == (206, b"234")
    assert (other.status_code, written.status_code) == (403, 403)


def test_an_address_to_play_from_has_its_own_type_and_name(azure: AzureStorage, name: str) -> None:
    azure.blobs.write(RESULTS, name, b"0123456789", "text/html")
    url = azure.blobs.read_url(RESULTS, name, HOUR, content_type="video/mp4", file_name="talk.mp4")
    answer = requests.get(url, headers={"Range": "bytes=2-4"}, timeout=TIMEOUT_SEC)
    assert (answer.status_code, answer.content) == (206, b"234")
    assert answer.headers["Content-Range"] == "bytes 2-4/10"
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Disposition"] == 'inline; filename="talk.mp4"'
    assert "rsct=video/mp4&" in url
    beyond = requests.get(url, headers={"Range": "bytes=100-"}, timeout=TIMEOUT_SEC)
    forged = requests.get(url.replace("mp4&", "webm&"), timeout=TIMEOUT_SEC)
    assert (beyond.status_code, forged.status_code) == (416, 403)


@pytest.mark.parametrize(
    ("account", "protocol"), [("devstoreaccount1", "https,http"), ("talks", "https")], ids=["emulator", "account"]
)
def test_an_address_is_for_one_blob_and_for_tls(account: str, protocol: str) -> None:
    key = "a2V5" * 8
    storage = connect(
        f"DefaultEndpointsProtocol=https;AccountName={account};AccountKey={key};EndpointSuffix=example.net"
    )
    storage.close()
    for url in (
        storage.blobs.read_url(SOURCES, "a/talk.mp4", HOUR),
        # the container would be made first; nothing answers here
        storage.blobs._url(SOURCES, "a/talk.mp4", BlobSasPermissions(create=True, write=True), HOUR),  # type: ignore[attr-defined]
    ):
        query = parse_qs(urlsplit(url).query)
        assert urlsplit(url).scheme == "https"
        assert (query["spr"], query["sr"]) == ([protocol], ["b"])


def test_an_address_to_upload_takes_blocks_and_reads_nothing(azurite: str, org: str) -> None:
    fresh = connect(azurite)
    container, blob = f"c{uuid.uuid4().hex}", f"{org}/talk.mp4"
    try:
        url = fresh.blobs.upload_url(container, blob, HOUR)
        for block, data in (("YQ==", b"one "), ("Yg==", b"two")):
            put = requests.put(f"{url}&comp=block&blockid={block.replace('=', '%3D')}", data=data, timeout=TIMEOUT_SEC)
            assert put.status_code == 201
        assert list(fresh.blobs.staged_blocks(container, blob)) == []
        commit = requests.put(
            f"{url}&comp=blocklist",
            data="<BlockList><Latest>YQ==</Latest><Latest>Yg==</Latest></BlockList>",
            headers={"x-ms-blob-content-type": "video/mp4"},
            timeout=TIMEOUT_SEC,
        )
        assert commit.status_code == 201
        facts = fresh.blobs.facts(container, blob)
        assert facts is not None
        assert (facts.size_bytes, facts.content_type, facts.sha256) == (7, "video/mp4", None)
        assert requests.get(url, timeout=TIMEOUT_SEC).status_code == 403
    finally:
        fresh.close()


def test_an_address_that_has_expired_is_refused(azurite: str, azure: AzureStorage, name: str) -> None:
    azure.blobs.write(RESULTS, name, b"x", "text/plain")
    earlier = connect(azurite, clock=lambda: datetime.now(UTC) - 2 * HOUR)
    url = earlier.blobs.read_url(RESULTS, name, HOUR)
    earlier.close()
    assert requests.get(url, timeout=TIMEOUT_SEC).status_code == 403


def test_a_range_is_one_request(azure: AzureStorage, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    azure.blobs.write(WORK, name, bytes(40 * 1024**2), "text/plain")
    sent: list[str] = []
    send = azure.session.request

    def counting(method: str, url: str, **options: object) -> requests.Response:
        sent.append(method)
        return send(method, url, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(azure.session, "request", counting)
    assert len(azure.blobs.read_range(WORK, name, 1, 39 * 1024**2)) == 39 * 1024**2
    assert sent == ["GET"]


def test_a_discarded_blob_leaves_neither_data_nor_staged_blocks(storage: Storage, org: str) -> None:
    name = f"{org}/talk.mp4"
    storage.blobs.discard(SOURCES, name)
    storage.blobs.write(SOURCES, name, b"old", "video/mp4")
    storage.blobs.stage_block(SOURCES, name, 1, b"in the making")

    storage.blobs.discard(SOURCES, name)

    assert storage.blobs.facts(SOURCES, name) is None
    assert list(storage.blobs.listing(SOURCES, org)) == []
    with pytest.raises(WriteConflict):
        storage.blobs.commit_blocks(SOURCES, name, 2, "video/mp4")


def test_a_blob_is_deleted_only_as_it_was_seen(storage: Storage, org: str) -> None:
    name = f"{org}/a.json"
    seen = storage.blobs.write(RESULTS, name, b"old", "application/json")
    storage.blobs.write(RESULTS, name, b"new", "application/json")
    storage.blobs.delete(RESULTS, name, seen.etag)
    assert storage.blobs.read(RESULTS, name) == b"new"
    (listed,) = storage.blobs.listing(RESULTS, name)
    assert listed.written_at is not None
    storage.blobs.delete(RESULTS, name, listed.etag)
    storage.blobs.delete(RESULTS, name, listed.etag)
    assert storage.blobs.facts(RESULTS, name) is None
