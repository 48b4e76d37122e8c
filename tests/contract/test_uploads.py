"""Uploads that expire: found over all organisations, and cleaned up without hurting one that is committed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import Conflict, NotFound
from shared.domain.options import JobOptions
from shared.domain.session import Upload
from shared.pipeline.context import Services
from shared.pipeline.housekeeping.clean_up import GRACE, expire_uploads
from shared.pipeline.housekeeping.delete_session import delete_session
from shared.pipeline.jobs.idempotency import reserve
from shared.pipeline.jobs.submit import JobRequest
from shared.pipeline.jobs.uploads import announce_upload, commit_upload
from shared.settings import Settings
from shared.storage.ports import SOURCES, Storage, Stored
from tests.support.scripted_store import scripted

DAY = timedelta(hours=24)
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
"""Other tests' uploads in the same storage expire long after."""


class Clock:
    def __init__(self) -> None:
        self.now = LONG_AGO

    def __call__(self) -> datetime:
        return self.now


class UploadHarness:
    """The use cases over a storage, with a clock that stands until it is set."""

    def __init__(self, storage: Storage, org: str) -> None:
        self.clock = Clock()
        numbers = iter(range(1000))
        self.storage, self.org = scripted(storage, "uploads", "blobs"), org
        self.services = Services(
            storage=self.storage,
            settings=Settings(),
            clock=self.clock,
            new_id=lambda: f"{org}-{next(numbers):04}",
            work={},
        )

    def instead(self, store: str, **operations: Callable[..., object]) -> None:
        """Do these instead of the operations of their names in the store `uploads` or `blobs`."""
        getattr(self.storage, store).script(**operations)

    def announce(self, org: str | None = None) -> Upload:
        reserved = reserve(self.services)
        return announce_upload(
            self.services, org or self.org, "talk.mp4", 3, "video/mp4", JobOptions(), reserved
        ).upload

    def put(self, upload: Upload) -> None:
        self.storage.blobs.stage_block(SOURCES, upload.source_blob, 0, b"abc")
        self.storage.blobs.commit_blocks(SOURCES, upload.source_blob, 1, "video/mp4")

    def commit(self, upload: Upload) -> None:
        commit_upload(self.services, JobRequest(org_id=upload.org_id), upload.upload_id)

    def is_known(self, upload: Upload) -> bool:
        try:
            self.storage.uploads.get(upload.org_id, upload.upload_id)
        except NotFound:
            return False
        return True

    def is_stored(self, upload: Upload) -> bool:
        return self.storage.blobs.facts(SOURCES, upload.source_blob) is not None


@pytest.fixture
def harness(storage: Storage, org: str) -> UploadHarness:
    made = UploadHarness(storage, org)
    expired = storage.uploads.expired
    mine = lambda now: (each for each in expired(now) if each.value.org_id.startswith(org))  # noqa: E731
    made.instead("uploads", expired=mine)
    return made


def test_expired_uploads_of_every_organisation_are_found(harness: UploadHarness) -> None:
    first, other = harness.announce(), harness.announce(f"{harness.org}-other")
    harness.clock.now += timedelta(hours=1)
    later = harness.announce()
    found = {each.value.upload_id for each in harness.storage.uploads.expired(LONG_AGO + DAY)}
    assert found == {first.upload_id, other.upload_id}
    assert later.upload_id not in found


def test_uncommitted_blocks_are_deleted_after_a_grace(harness: UploadHarness) -> None:
    silent, staged, whole = harness.announce(), harness.announce(), harness.announce()
    harness.storage.blobs.stage_block(SOURCES, staged.source_blob, 0, b"ab")
    harness.put(whole)
    harness.clock.now += DAY + GRACE - timedelta(seconds=1)
    assert expire_uploads(harness.services) == 0
    harness.clock.now += timedelta(seconds=1)
    assert expire_uploads(harness.services) == 3
    for upload in (silent, staged, whole):
        assert not harness.is_known(upload)
        assert not harness.is_stored(upload)
        assert list(harness.storage.blobs.staged_blocks(SOURCES, upload.source_blob)) == []
    assert expire_uploads(harness.services) == 0


def test_a_committed_upload_loses_its_row_and_keeps_its_recording(harness: UploadHarness) -> None:
    upload = harness.announce()
    harness.put(upload)
    harness.commit(upload)
    harness.clock.now += DAY + GRACE
    assert expire_uploads(harness.services) == 0
    assert harness.is_stored(upload)
    assert not harness.is_known(upload)
    delete_session(harness.services, harness.org, upload.session_id)
    assert not harness.is_stored(upload)
    with pytest.raises(NotFound):
        harness.storage.sessions.get(harness.org, upload.session_id, even_deleted=True)


def test_a_commit_that_never_got_beyond_its_claim_is_no_commit(harness: UploadHarness) -> None:
    upload = harness.announce()
    harness.put(upload)
    stored = harness.storage.uploads.get(harness.org, upload.upload_id)
    harness.storage.uploads.update(stored, upload.evolve(job_id="reserved"))
    harness.clock.now += DAY + GRACE
    assert expire_uploads(harness.services) == 1
    assert not harness.is_stored(upload)


def test_cleaning_up_goes_on_where_it_broke_off(harness: UploadHarness) -> None:
    upload = harness.announce()
    harness.put(upload)
    harness.clock.now += DAY + GRACE
    delete = harness.storage.uploads.delete

    def crash(stored: Stored[Upload]) -> None:
        raise ConnectionError

    harness.instead("uploads", delete=crash)
    with pytest.raises(ConnectionError):
        expire_uploads(harness.services)
    harness.instead("uploads", delete=delete)
    assert harness.storage.uploads.get(harness.org, upload.upload_id).value.abandoned
    assert expire_uploads(harness.services) == 1
    assert not harness.is_known(upload)


def test_a_commit_that_is_quicker_keeps_its_recording(harness: UploadHarness) -> None:
    """The committer's clock is an hour slow, and it claims the upload between the cleaner's look and its mark."""
    upload = harness.announce()
    harness.put(upload)
    update = harness.storage.uploads.update

    def update_after_a_commit(stored: Stored[Upload], changed: Upload) -> Stored[Upload]:
        harness.instead("uploads", update=update)
        harness.clock.now = LONG_AGO + DAY
        harness.commit(upload)
        return update(stored, changed)

    harness.clock.now += DAY + GRACE
    harness.instead("uploads", update=update_after_a_commit)
    assert expire_uploads(harness.services) == 0
    assert harness.is_stored(upload)
    assert harness.storage.sessions.get(harness.org, upload.session_id).value.source_blob == upload.source_blob


def test_a_commit_that_is_too_late_is_told_so(harness: UploadHarness) -> None:
    upload = harness.announce()
    harness.put(upload)
    harness.clock.now += DAY + GRACE
    discard = harness.storage.blobs.discard
    refused: list[str] = []

    def discard_after_a_commit(container: str, name: str) -> None:
        harness.clock.now = LONG_AGO + DAY
        with pytest.raises(Conflict) as conflict:
            harness.commit(upload)
        refused.append(conflict.value.detail)
        discard(container, name)

    harness.instead("blobs", discard=discard_after_a_commit)
    assert expire_uploads(harness.services) == 1
    assert refused == ["The upload expired at 2001-01-02 00:00 UTC; begin a new one."]


def test_several_may_clean_up_at_once(harness: UploadHarness) -> None:
    upload = harness.announce()
    harness.put(upload)
    harness.clock.now += DAY + GRACE
    update: Callable[[Stored[Upload], Upload], Stored[Upload]] = harness.storage.uploads.update

    def update_after_another(stored: Stored[Upload], changed: Upload) -> Stored[Upload]:
        harness.instead("uploads", update=update)
        assert expire_uploads(harness.services) == 1
        return update(stored, changed)

    harness.instead("uploads", update=update_after_another)
    assert expire_uploads(harness.services) == 0
    assert not harness.is_known(upload)
