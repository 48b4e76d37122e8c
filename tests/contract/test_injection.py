"""Strings that mean something to a path, a table's filter, a header or a shell, put wherever a caller may put one.

Over both storages, on every route there is: nothing breaks (5xx), nothing of another organisation shows, and no blob is
asked for outside the caller's own folder. Addresses that storage signs give one blob, one right, and little time.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from pydantic import SecretStr

from shared.api.app import create_app
from shared.api.auth.tokens import HS256, TokenRules, read_token
from shared.domain.errors import TokenInvalid
from shared.pipeline.context import Services
from shared.settings import Settings
from shared.storage.connect import AzureStorage
from shared.storage.ports import RESULTS, SOURCES, Storage
from tests.support.api_client import ApiClient
from tests.support.scripted_store import scripted
from tests.support.signing_keys import SECRET, signed
from tests.unit.api.test_tenancy import BODIES, FORM, ROUTES

NASTY = [
    "..",
    "../..",
    "../../../etc/passwd",
    "..\\..\\windows",
    "%2e%2e%2f%2e%2e",
    "....//....//",
    "/",
    "//",
    "/etc/passwd",
    ".",
    "a/b",
    "a\\b",
    "a#b",
    "a?b=c",
    "a%b",
    "a%00b",
    "\x00",
    "a\x00.jpg",
    "\r\nSet-Cookie: a=b",
    "\x7f\x80\x9f",
    "' or PartitionKey ne '",
    "' or true or '",
    "x' eq 'x",
    "') or (PartitionKey ge '",
    "'; drop table jobs; --",
    "PartitionKey gt ''",
    '" or ""="',
    "*",
    "$(id)",
    "`id`",
    "{jobId}",
    "{{7*7}}",
    "${jndi:ldap://127.0.0.1/a}",
    "<script>alert(1)</script>",
    "\u202egpj.exe",
    "\ufeff",
    "\ud83d",
    "ÅÄÖ",
    "\U0001f600" * 20,
    "a" * 65,
    "a" * 1500,
    " ",
    "",
    "null",
    "-1",
    "999999999999999999999999999999",
    "NaN",
    "__proto__",
    "downloads-poison",
    "$web",
    "$logs",
]
FEW = [
    "..",
    "a/b",
    "a#b",
    "a?b=c",
    "a\x00.jpg",
    "' or PartitionKey ne '",
    "') or (PartitionKey ge '",
    "\ud83d",
    "a" * 1500,
]
"""Those that the emulator is asked about as well: it is a hundred times slower than the twin."""

SECRET_WORDS = "the talk that nobody else may see"


class Watched:
    """Two organisations in one storage, the second's data marked; every blob that is asked for is written down."""

    def __init__(self, storage: Storage, org: str) -> None:
        self.mine, self.theirs = f"{org}-mine", f"{org}-theirs"
        settings = Settings().model_copy(update={"auth": "jwt", "jwt_secret": SecretStr(SECRET.decode())})
        numbers = iter(range(1_000_000, 0, -1))
        self.services = Services(
            storage=scripted(storage, "blobs"),
            settings=settings,
            clock=lambda: datetime.now(UTC),
            new_id=lambda: f"{org}{next(numbers):07}",
            work={},
        )
        self.blobs: list[tuple[str, str]] = []
        self.nasty = FEW if isinstance(storage, AzureStorage) else NASTY

    def headers(self, org_id: str, *scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {signed(org_id=org_id, scopes=list(scopes or ('jobs:read', 'jobs:write')))}"}


@pytest.fixture
def watched(storage: Storage, org: str) -> Iterator[tuple[Watched, ApiClient]]:
    world = Watched(storage, org)
    blobs: Any = world.services.storage.blobs
    names = ("facts", "read_range", "read", "chunks", "write", "stage_block", "listing", "delete", "read_url")
    blobs.script(**{name: _noting(getattr(storage.blobs, name), world.blobs) for name in names})
    with ApiClient(create_app(world.services), base_url="http://api.test", raise_server_exceptions=False) as client:
        made = client.post(
            "/jobs",
            json={"sourceUrl": "https://example.com/a.mp4", "sessionName": SECRET_WORDS},
            headers=world.headers(world.theirs),
        ).json()
        for container in (SOURCES, RESULTS):
            storage.blobs.write(
                container, f"{world.theirs}/{made['sessionId']}/a.mp4", SECRET_WORDS.encode(), "video/mp4"
            )
        world.blobs.clear()
        yield world, client


def _noting(method: Any, noted: list[tuple[str, str]]) -> Any:
    def noting(container: str, name: str, *arguments: Any, **options: Any) -> Any:
        noted.append((container, name))
        return method(container, name, *arguments, **options)

    return noting


def ask(client: ApiClient, method: str, path: str, headers: dict[str, str], body: Any) -> Any:
    arguments: dict[str, Any] = {}
    if method == "POST":
        arguments = {"files": {"video": ("a.mp4", b"abc")}} if path in FORM else {"content": json.dumps(body)}
        headers = headers if path in FORM else {**headers, "Content-Type": "application/json"}
    return client.request(method, path, headers=headers, follow_redirects=False, **arguments)


def in_order(world: Watched, answer: Any, what: object) -> None:
    assert answer.status_code < 500, (what, answer.status_code, answer.text[:300])
    assert SECRET_WORDS not in answer.text, what
    assert world.theirs not in answer.text.replace(str(answer.request.url), ""), what
    assert "set-cookie" not in answer.headers


def within(world: Watched) -> None:
    """No blob was asked for but the caller's own."""
    for container, name in world.blobs:
        assert name.startswith(f"{world.mine}/"), (container, name)
        assert not {"", ".", ".."} & set(name.removesuffix("/").split("/")), (container, name)


@pytest.mark.parametrize(("path", "method"), [route for route in ROUTES if "{" in route[0]])
def test_in_the_path(watched: tuple[Watched, ApiClient], path: str, method: str) -> None:
    world, client = watched
    headers = world.headers(world.mine, "jobs:read", "jobs:write", "admin")
    for text in world.nasty:
        raw = quote(text.encode("utf-8", "surrogatepass"), safe="%/" if "/" in text else "")
        for given in {raw, quote(text.encode("utf-8", "surrogatepass"), safe="")} - {""}:
            filled = re.sub(r"{\w+}", lambda found, given=given: given, path)  # type: ignore[misc]
            in_order(world, ask(client, method, filled, headers, BODIES.get(path, {})), (method, filled))
    within(world)


@pytest.mark.parametrize("path", [path for path, method in ROUTES if method == "GET" and "{" not in path])
def test_in_the_query(watched: tuple[Watched, ApiClient], path: str) -> None:
    world, client = watched
    if world.nasty is FEW and path == "/jobs/queue-info":
        return  # takes no parameters, and asks storage a lot
    headers = world.headers(world.mine, "jobs:read", "admin")
    for name in ("q", "cursor", "limit", "status", "sessionId", "active", "jobId", "format", "$filter", "orgId"):
        for text in world.nasty:
            query = f"{name}={quote(text.encode('utf-8', 'surrogatepass'), safe='')}"
            in_order(world, client.get(f"{path}?{query}", headers=headers), (path, query))
    within(world)


BODY_FIELDS: Sequence[tuple[str, str]] = [
    ("/jobs", "sessionId"),
    ("/jobs", "uploadId"),
    ("/jobs", "sourceUrl"),
    ("/jobs", "sessionName"),
    ("/jobs", "metadata"),
    ("/ingest/init", "sourceName"),
    ("/ingest/init", "contentType"),
    ("/ingest/commit", "uploadId"),
    ("/ingest/commit", "sha256"),
    ("/ingest/probe", "sessionId"),
    ("/schedules", "cron"),
    ("/schedules", "timeZone"),
]


@pytest.mark.parametrize(("path", "field"), BODY_FIELDS)
def test_in_the_body(watched: tuple[Watched, ApiClient], path: str, field: str) -> None:
    world, client = watched
    wholes: dict[str, dict[str, Any]] = {
        "/jobs": {} if field in ("sessionId", "uploadId", "sourceUrl") else {"sourceUrl": "https://example.com/a.mp4"},
        "/ingest/init": {"sourceName": "a.mp4", "contentLength": 3, "contentType": "video/mp4"},
        "/ingest/commit": {"uploadId": "unknown"},
        "/ingest/probe": {},
        "/schedules": {"cron": "0 0 * * *", "job": {"sourceUrl": "https://example.com/a.mp4"}},
    }
    whole = wholes[path]
    for text in world.nasty:
        value: Any = {text: text, "nested": {text: [text]}} if field == "metadata" else text
        answer = ask(client, "POST", path, world.headers(world.mine), {**whole, field: value})
        in_order(world, answer, (path, field, text))
        if answer.status_code == 202 and field == "metadata":
            session = world.services.storage.sessions.get(world.mine, answer.json()["sessionId"]).value
            assert session.metadata == value
    within(world)


def test_in_file_names_and_headers(watched: tuple[Watched, ApiClient]) -> None:
    world, client = watched
    for text in world.nasty:
        name = text.encode("utf-8", "surrogatepass").replace(b"\r", b"").replace(b"\n", b"").replace(b'"', b"%22")
        body = b'--b\r\nContent-Disposition: form-data; name="video"; filename="' + name + b'"\r\n\r\nabc\r\n--b--\r\n'
        head = {**world.headers(world.mine), "Content-Type": "multipart/form-data; boundary=b"}
        in_order(world, client.post("/sessions/import", content=body, headers=head), ("file name", text))
        if not text.isascii() or not text.isprintable():
            continue
        for header in ("Idempotency-Key", "Last-Event-ID", "If-None-Match", "traceparent", "Range", "X-Forwarded-Host"):
            one = {**world.headers(world.mine), header: text}
            in_order(world, client.get("/jobs", headers=one), (header, text))
            made = {"sourceUrl": "https://example.com/a.mp4"}
            in_order(world, client.post("/jobs", json=made, headers=one), (header, text))
    within(world)


@pytest.mark.parametrize("text", [text for text in NASTY if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}", text)])
def test_in_a_tokens_organisation(text: str) -> None:
    rules = TokenRules(HS256)
    try:
        token = signed(org_id=text, scopes=["jobs:read"])
    except UnicodeEncodeError:
        return  # no JSON can say that
    with pytest.raises(TokenInvalid):
        read_token(token, SECRET, rules)


def test_an_upload_address_writes_one_blob_for_a_while(azure: AzureStorage, org: str) -> None:
    name = f"{org}/session/a.mp4"
    address = azure.blobs.upload_url(SOURCES, name, timedelta(hours=1))
    signed_for = parse_qs(urlsplit(address).query)
    assert signed_for["sr"] == ["b"]
    assert set(signed_for["sp"][0]) <= set("cw")
    until = datetime.fromisoformat(signed_for["se"][0])
    assert timedelta(0) < until - datetime.now(UTC) <= timedelta(hours=1)
    blob = {"x-ms-blob-type": "BlockBlob"}
    assert requests.put(address, b"abc", headers=blob, timeout=30).status_code == 201
    assert requests.get(address, timeout=30).status_code == 403
    assert requests.delete(address, timeout=30).status_code == 403
    for other in (f"{org}/session/b.mp4", f"{org}-other/session/a.mp4"):
        elsewhere = address.replace(quote(name), quote(other))
        assert elsewhere != address
        assert requests.put(elsewhere, b"abc", headers=blob, timeout=30).status_code == 403


def test_a_media_address_reads_one_blob_for_minutes(azure: AzureStorage, org: str) -> None:
    name = f"{org}/session/a.mp4"
    for each in (name, f"{org}/session/b.mp4"):
        azure.blobs.write(SOURCES, each, b"abc", "video/mp4")
    address = azure.blobs.read_url(SOURCES, name, timedelta(minutes=5), content_type="video/mp4", file_name="a.mp4")
    signed_for = parse_qs(urlsplit(address).query)
    assert (signed_for["sr"], signed_for["sp"]) == (["b"], ["r"])
    assert datetime.fromisoformat(signed_for["se"][0]) - datetime.now(UTC) <= timedelta(minutes=5)
    assert requests.get(address, timeout=30).content == b"abc"
    assert requests.put(address, b"x", headers={"x-ms-blob-type": "BlockBlob"}, timeout=30).status_code == 403
    assert requests.delete(address, timeout=30).status_code == 403
    assert requests.get(address.replace("a.mp4?", "b.mp4?"), timeout=30).status_code == 403
    listing = address.replace(f"/{quote(name)}?", "?restype=container&comp=list&")
    assert requests.get(listing, timeout=30).status_code == 403
