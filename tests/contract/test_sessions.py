"""Sessions and uploads: rows, conditional writes and pages."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import InvalidRequest, NotFound, WriteConflict
from shared.domain.recording import AudioStream, Recording, VideoStream
from shared.domain.session import Session, Upload
from shared.domain.warning import About, RecordingWarning
from shared.storage.ports import Storage

NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, UTC)
VIDEO = VideoStream(0, "h264", 1080, 1920, 90, 30000 / 1001, 0.0, 10800.5)
AUDIO = AudioStream(1, "aac", 48000, 2, 0.021, 10800.25)
WARNINGS = (
    RecordingWarning("short", About.SOUND, "One."),
    RecordingWarning("other", About.RECORDING, "Two, “quoted”."),
)
MakeSession = Callable[..., Session]


@pytest.mark.parametrize(
    "recording",
    [
        pytest.param(None, id="not looked at"),
        pytest.param(Recording("mp4", 19 * 1024**3, -0.04, 10800.5, VIDEO, AUDIO), id="both streams"),
        pytest.param(Recording("flac", 0, 0.0, 1.0, None, AUDIO, WARNINGS), id="sound only"),
        pytest.param(Recording("matroska,webm", 12, 0.0, 1.0, VIDEO, None), id="picture only"),
    ],
)
def test_every_field_comes_back_as_it_was(
    storage: Storage, make_session: MakeSession, recording: Recording | None
) -> None:
    full = make_session().evolve(
        name="Vorlesung Nº 3 – Übung 'A'",
        source_url="https://example.org/talk.mp4?a=1&b=2",
        source_validator='"etag"',
        content_type="video/mp4",
        expected_sha256="0" * 64,
        sha256="1" * 64,
        metadata={"room": "A 1", "tags": ["x", None, True], "nested": {"n": 1}},
        recording=recording,
        latest_job_id="1",
        transcript_job_id="2",
        tracking_job_id="3",
        sidecar_job_id="4",
    )
    created = storage.sessions.create(full)
    found = storage.sessions.get(full.org_id, full.session_id)
    assert found.value == full
    assert found.etag == created.etag


def test_an_id_is_taken_once_and_belongs_to_its_organisation(storage: Storage, make_session: MakeSession) -> None:
    session = storage.sessions.create(make_session()).value
    with pytest.raises(WriteConflict):
        storage.sessions.create(make_session())
    with pytest.raises(NotFound, match=session.session_id):
        storage.sessions.get("another", session.session_id)


def test_who_read_too_early_does_not_write(storage: Storage, make_session: MakeSession) -> None:
    read = storage.sessions.create(make_session())
    quicker = storage.sessions.update(read, read.value.evolve(latest_job_id="1"))
    with pytest.raises(WriteConflict):
        storage.sessions.update(read, read.value.evolve(latest_job_id="2"))
    again = storage.sessions.update(quicker, quicker.value.evolve(latest_job_id=None))
    assert storage.sessions.get(read.value.org_id, read.value.session_id) == again
    assert again.value == make_session()


def test_pages_are_newest_first_and_complete(storage: Storage, org: str, make_session: MakeSession) -> None:
    for number in (2, 0, 1):
        storage.sessions.create(make_session(number))
    first = storage.sessions.page(org, limit=2)
    storage.sessions.create(make_session(3))
    rest = storage.sessions.page(org, limit=5, cursor=first.cursor)
    assert first.items == (make_session(0), make_session(1))
    assert rest.items == (make_session(2), make_session(3))
    assert rest.cursor is None


def test_an_empty_list_is_one_empty_page(storage: Storage, org: str) -> None:
    page = storage.sessions.page(org, limit=5)
    assert (page.items, page.cursor) == ((), None)


@pytest.mark.parametrize("cursor", ["", "x", "MTpqb2JzOmFiYw"])
def test_a_foreign_cursor_is_refused(storage: Storage, org: str, cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        storage.sessions.page(org, limit=2, cursor=cursor)


def test_a_page_of_nothing_is_refused(storage: Storage, org: str) -> None:
    with pytest.raises(InvalidRequest):
        storage.sessions.page(org, limit=0)


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"note": "x" * 32768}, id="too long"),
        pytest.param({"note": "😀" * 16384}, id="too long as UTF-16"),
        pytest.param({"number": float("nan")}, id="not a JSON number"),
    ],
)
def test_metadata_that_no_column_holds_are_refused(
    storage: Storage, make_session: MakeSession, metadata: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequest, match="metadata"):
        storage.sessions.create(make_session().evolve(metadata=metadata))


def test_an_upload_is_claimed_once(storage: Storage, org: str) -> None:
    upload = Upload(
        upload_id=f"{org}-upload",
        org_id=org,
        session_id=f"{org}-session",
        source_name="talk.mp4",
        source_blob=f"{org}/{org}-session/talk.mp4",
        content_length=20 * 1024**3,
        content_type="video/mp4",
        created_at=NOW,
        expires_at=NOW + timedelta(hours=24),
    )
    read = storage.uploads.create(upload)
    assert storage.uploads.get(org, upload.upload_id) == read
    assert read.value == upload
    with pytest.raises(WriteConflict):
        storage.uploads.create(upload)
    with pytest.raises(NotFound):
        storage.uploads.get("another", upload.upload_id)
    storage.uploads.update(read, upload.evolve(job_id="1"))
    with pytest.raises(WriteConflict):
        storage.uploads.update(read, upload.evolve(job_id="2"))
    assert storage.uploads.get(org, upload.upload_id).value.job_id == "1"
