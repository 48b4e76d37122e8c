"""Playing a recording: the address that the API redirects to, asked as a browser asks."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import requests
from fastapi.testclient import TestClient

from shared.api.app import create_app
from shared.domain.session import Session
from shared.settings import Settings
from shared.storage.connect import AzureStorage
from shared.storage.ports import SOURCES
from shared.wiring import build_services

TIMEOUT_SEC = 10
BODY = bytes(range(256)) * 100


@pytest.fixture
def media(azurite: str, azure: AzureStorage, make_session: Callable[..., Session]) -> str:
    """Where a session's recording is to be played from."""
    now = datetime.now(UTC)
    session = make_session().evolve(org_id="local", created_at=now, updated_at=now)
    azure.sessions.create(session)
    azure.blobs.write(SOURCES, session.source_blob, BODY, "application/octet-stream")
    settings = Settings.model_validate({"AzureWebJobsStorage": azurite})
    with TestClient(create_app(build_services(settings, azure)), base_url="http://api.localhost") as client:
        answer = client.get(f"/sessions/{session.session_id}/media", follow_redirects=False)
    assert answer.status_code == 302
    return str(answer.headers["Location"])


@pytest.mark.parametrize(
    ("wanted", "first", "last"), [("bytes=0-1023", 0, 1023), ("bytes=25000-", 25_000, 25_599)], ids=["head", "tail"]
)
def test_a_browser_gets_the_range_that_it_asks_for(media: str, wanted: str, first: int, last: int) -> None:
    answer = requests.get(media, headers={"Range": wanted}, timeout=TIMEOUT_SEC)
    assert (answer.status_code, answer.content) == (206, BODY[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(BODY)}"
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Disposition"] == 'inline; filename="talk.mp4"'


def test_the_address_is_good_for_reading_this_recording_alone(media: str) -> None:
    assert requests.get(media, timeout=TIMEOUT_SEC).content == BODY
    assert (
        requests.put(media, data=b"x", headers={"x-ms-blob-type": "BlockBlob"}, timeout=TIMEOUT_SEC).status_code == 403
    )
    assert requests.delete(media, timeout=TIMEOUT_SEC).status_code == 403
    assert requests.get(media.replace("talk.mp4?", "other.mp4?"), timeout=TIMEOUT_SEC).status_code == 403
    container = media.replace("/talk.mp4?", "?restype=container&comp=list&")
    assert requests.get(container, timeout=TIMEOUT_SEC).status_code in (400, 403)
