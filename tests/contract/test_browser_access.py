"""Signed addresses as a page's script uses them: storage answers the browser's questions for chosen origins alone."""

from datetime import timedelta

import pytest
import requests

from shared.storage.connect import connect
from shared.storage.ports import SOURCES

PAGE, FOREIGN = "http://localhost:8080", "https://evil.example"
TIMEOUT_SEC = 10
HEADERS = "x-ms-blob-type,x-ms-blob-content-type,content-type,range"


@pytest.fixture(scope="module")
def addresses(azurite: str) -> tuple[str, str]:
    """Return an address for an upload and one for reading the same blob."""
    storage = connect(azurite, origins=(PAGE,))
    try:
        blobs = storage.blobs
        hour = timedelta(hours=1)
        return blobs.upload_url(SOURCES, "org/s/page.mp4", hour), blobs.read_url(SOURCES, "org/s/page.mp4", hour)
    finally:
        storage.close()


def preflight(url: str, origin: str, method: str) -> requests.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": HEADERS}
    return requests.options(url, headers=asked, timeout=TIMEOUT_SEC)


def test_the_page_uploads_and_plays(addresses: tuple[str, str]) -> None:
    upload, read = addresses
    for url, method in ((upload, "PUT"), (read, "GET")):
        allowed = preflight(url, PAGE, method)
        assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    sent = {"Origin": PAGE, "x-ms-blob-type": "BlockBlob"}
    put = requests.put(upload, data=b"0123456789", headers=sent, timeout=TIMEOUT_SEC)
    got = requests.get(read, headers={"Origin": PAGE, "Range": "bytes=2-4"}, timeout=TIMEOUT_SEC)
    assert (put.status_code, got.status_code, got.content) == (201, 206, b"234")
    for answer in (put, got):
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert "etag" in answer.headers["Access-Control-Expose-Headers"].lower()


@pytest.mark.parametrize("origin", [FOREIGN, "null"])
def test_another_page_does_not(addresses: tuple[str, str], origin: str) -> None:
    """Everybody knows the emulator's key, so that a page that could ask could read every recording."""
    for url in addresses:
        assert "Access-Control-Allow-Origin" not in preflight(url, origin, "GET").headers
