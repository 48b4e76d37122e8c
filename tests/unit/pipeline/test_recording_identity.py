"""The identity of an upload: hash and ETag. An overwritten upload is neither processed nor served."""

import hashlib
import io
import wave
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.api.app import create_app
from shared.domain.errors import ChecksumMismatch, WriteConflict
from shared.domain.idempotency import Reserved
from shared.domain.job import Job
from shared.domain.message import StageMessage, StepKind
from shared.domain.options import JobOptions
from shared.domain.session import Session
from shared.domain.stage import Stage
from shared.pipeline.context import StepContext
from shared.pipeline.jobs.results import media_url
from shared.pipeline.jobs.submit import JobRequest
from shared.pipeline.jobs.uploads import announce_upload, commit_upload
from shared.pipeline.stages.download import download_recording
from shared.pipeline.stages.job_blobs import open_recording
from shared.storage.ports import SOURCES
from tests.support.api_client import ApiClient
from tests.support.pipeline_harness import PipelineHarness

ORG = "local"
UPLOAD = Reserved(job_id="j", session_id="s", resource_id="u")
FORGED = "f" * 64


def sound(level: int) -> bytes:
    """Return a second of sound as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16000, 0, "NONE", ""))
        writer.writeframes(level.to_bytes(2, "little") * 16000)
    return file.getvalue()


FIRST, SECOND = sound(1000), sound(2000)


class Uploaded:
    """An upload that was committed; the client keeps its address."""

    def __init__(self) -> None:
        self.harness = PipelineHarness()
        self.services, self.blobs = self.harness.services, self.harness.storage.blobs
        announced = announce_upload(self.services, ORG, "talk.wav", len(FIRST), "audio/wav", JobOptions(), UPLOAD)
        self.name = announced.upload.source_blob
        self.put(FIRST)
        self.blobs.note_sha256(SOURCES, self.name, FORGED)  # what `x-ms-meta-sha256` writes
        self.job = self.commit()

    def put(self, data: bytes) -> None:
        """Write with the upload's address: blocks and a list of blocks."""
        self.blobs.stage_block(SOURCES, self.name, 0, data)
        self.blobs.commit_blocks(SOURCES, self.name, 1, "audio/wav")

    def commit(self, sha256: str | None = None) -> Job:
        return commit_upload(self.services, JobRequest(org_id=ORG), "u", sha256)

    def session(self) -> Session:
        return self.services.storage.sessions.get(ORG, "s").value

    def context(self) -> StepContext:
        return StepContext(
            services=self.services,
            message=StageMessage(
                job_id=self.job.job_id, org_id=ORG, session_id="s", stage=Stage.DOWNLOAD, step=StepKind.PART
            ),
            job=self.job,
            session=self.session(),
            report=lambda fraction: None,
            confirm=lambda: None,
            began_at=self.services.clock(),
            elapsed_sec=lambda: 0.0,
            send_next=lambda job: None,
            warn=lambda reasons: None,
        )

    def download(self) -> None:
        download_recording(self.context())

    def media(self) -> tuple[int, str]:
        """Return the status and the code of `GET …/media`."""
        with ApiClient(create_app(self.services), base_url="http://api.localhost") as client:
            answer = client.get("/sessions/s/media", follow_redirects=False)
        return answer.status_code, answer.json()["code"] if answer.content else ""


@pytest.fixture
def uploaded() -> Uploaded:
    return Uploaded()


def test_a_hash_that_the_uploader_wrote_is_not_believed(uploaded: Uploaded) -> None:
    uploaded.download()
    session = uploaded.session()
    assert session.sha256 == hashlib.sha256(FIRST).hexdigest()
    facts = uploaded.blobs.facts(SOURCES, uploaded.name)
    assert facts is not None
    assert facts.etag == session.source_etag
    assert uploaded.media() == (302, "")


def test_an_announced_hash_is_compared_with_the_bytes() -> None:
    uploaded = Uploaded()
    stored = uploaded.services.storage.sessions.get(ORG, "s")
    uploaded.services.storage.sessions.update(stored, stored.value.evolve(expected_sha256=FORGED))
    with pytest.raises(ChecksumMismatch):
        uploaded.download()


@pytest.mark.parametrize("is_downloaded", [False, True], ids=["before the download", "after the download"])
@pytest.mark.parametrize(
    "overwrite",
    [
        lambda upload: upload.put(SECOND),
        lambda upload: (upload.put(SECOND), upload.blobs.note_sha256(SOURCES, upload.name, upload.session().sha256)),
    ],
    ids=["plainly", "with the old hash in its metadata"],
)
def test_an_overwritten_recording_is_neither_processed_nor_served(
    uploaded: Uploaded, overwrite: Callable[[Uploaded], object], is_downloaded: bool
) -> None:
    if is_downloaded:
        uploaded.download()
    overwrite(uploaded)
    with pytest.raises(ChecksumMismatch, match="was changed"):
        open_recording(uploaded.context())
    with pytest.raises(ChecksumMismatch, match="was changed"):
        uploaded.download()
    assert uploaded.media() == (409, "checksum_mismatch")


@pytest.mark.parametrize("is_downloaded", [False, True], ids=["before the download", "after the download"])
def test_an_address_that_was_given_out_shows_what_was_there_then(uploaded: Uploaded, is_downloaded: bool) -> None:
    if is_downloaded:
        uploaded.download()
    address = media_url(uploaded.services, ORG, "s")
    again = media_url(uploaded.services, ORG, "s")
    (snapshot,) = parse_qs(urlsplit(address).query)["snapshot"]
    assert parse_qs(urlsplit(again).query)["snapshot"] == [snapshot]
    uploaded.put(SECOND)
    assert uploaded.blobs.snapshots == {(SOURCES, uploaded.name, snapshot): FIRST}
    assert uploaded.media() == (409, "checksum_mismatch")
    uploaded.blobs.discard(SOURCES, uploaded.name)
    assert not uploaded.blobs.snapshots


def test_the_same_bytes_written_again_get_a_snapshot_of_their_own(uploaded: Uploaded) -> None:
    uploaded.download()
    first = media_url(uploaded.services, ORG, "s")
    uploaded.put(FIRST)
    uploaded.download()
    assert (
        parse_qs(urlsplit(media_url(uploaded.services, ORG, "s")).query)["snapshot"]
        != parse_qs(urlsplit(first).query)["snapshot"]
    )


def test_a_recording_that_is_overwritten_while_it_is_read_is_not_mixed(uploaded: Uploaded) -> None:
    uploaded.download()
    with open_recording(uploaded.context()) as file:
        uploaded.put(SECOND)
        with pytest.raises(WriteConflict):
            file.read()


def test_the_same_bytes_written_again_are_taken_by_the_next_job(uploaded: Uploaded) -> None:
    uploaded.download()
    uploaded.put(FIRST)
    uploaded.download()
    open_recording(uploaded.context()).close()
    assert uploaded.media() == (302, "")


def test_a_session_of_an_earlier_release_compares_the_hash_that_it_noted(uploaded: Uploaded) -> None:
    uploaded.download()
    sha256 = uploaded.session().sha256
    assert sha256 is not None
    uploaded.blobs.note_sha256(SOURCES, uploaded.name, sha256)
    old = replace(uploaded.context(), session=uploaded.session().evolve(source_etag=None))
    open_recording(old).close()
    uploaded.put(SECOND)
    with pytest.raises(ChecksumMismatch):
        open_recording(old)
