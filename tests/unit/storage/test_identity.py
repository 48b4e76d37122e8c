"""An account that is reached with an identity: tokens instead of a key, and addresses signed by a delegation key."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from pydantic import ValidationError
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from shared.domain.errors import NotFound, SettingsInvalid
from shared.domain.task import TASKS
from shared.settings import AZURE_MARKS, Settings, StorageUris, load_settings
from shared.storage.connect import AzureStorage, connect_by_identity
from shared.storage.identity import MAX_KEY_LASTS, make_credential
from shared.storage.ports import RESULTS, SOURCES
from shared.wiring import services

REPO = Path(__file__).resolve().parents[3]
ACCOUNT = {"AzureWebJobsStorage__accountName": "lectures"}
URIS = StorageUris(*(f"https://lectures.{service}.core.windows.net" for service in ("blob", "queue", "table")))
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)

KEY = """<?xml version="1.0" encoding="utf-8"?><UserDelegationKey><SignedOid>an-identity</SignedOid>
<SignedTid>a-tenant</SignedTid><SignedStart>{start}</SignedStart><SignedExpiry>{expiry}</SignedExpiry>
<SignedService>b</SignedService><SignedVersion>2026-02-06</SignedVersion><Value>a2V5</Value></UserDelegationKey>"""


class FakeCredential:
    """An identity that has a token for everything."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken("a-token", int(datetime.now(UTC).timestamp()) + 3600)


class FakeService(HTTPAdapter):
    """An account that holds nothing, and gives keys for signing."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        self.requests.append(request)
        answer = requests.Response()
        answer.request, answer.url = request, str(request.url)
        answer.status_code, answer._content, answer.raw = 404, b"", HTTPResponse(b"")
        if request.method == "PUT":  # a container is made
            answer.status_code = 201
        if "comp=userdelegationkey" in answer.url:
            asked = str(request.body)
            start, expiry = (asked.partition(f"<{name}>")[2].partition("<")[0] for name in ("Start", "Expiry"))
            answer.status_code, answer._content = 200, KEY.format(start=start, expiry=expiry).encode()
            answer.headers["Content-Type"] = "application/xml"
        return answer

    @property
    def keys_given(self) -> int:
        return sum("comp=userdelegationkey" in str(each.url) for each in self.requests)


class Account:
    """The storage of a fake account, at a time that the test moves."""

    def __init__(self) -> None:
        self.now, self.credential, self.service = START, FakeCredential(), FakeService()
        self.storage: AzureStorage = connect_by_identity(URIS, self.credential, clock=lambda: self.now)
        self.storage.session.mount("https://", self.service)


@pytest.fixture
def account() -> Iterator[Account]:
    made = Account()
    yield made
    made.storage.close()


def test_the_account_s_name_is_enough() -> None:
    settings = Settings.model_validate(ACCOUNT)
    assert settings.storage_uris == URIS
    assert (settings.storage_is_emulator, settings.storage_is_missing) == (False, False)


def test_three_addresses_stand_for_the_name() -> None:
    named = {f"AzureWebJobsStorage__{kind}ServiceUri": f"https://{kind}.example" for kind in ("blob", "queue", "table")}
    expected = StorageUris("https://blob.example", "https://queue.example", "https://table.example")
    assert Settings.model_validate(named).storage_uris == expected
    with_name = {**ACCOUNT, "AzureWebJobsStorage__queueServiceUri": "https://queue.example"}
    assert Settings.model_validate(with_name).storage_uris == StorageUris(
        URIS.blob, "https://queue.example", URIS.table
    )
    with pytest.raises(ValidationError):
        Settings.model_validate({"AzureWebJobsStorage__blobServiceUri": "http://plain.example"})


def test_a_connection_string_goes_before_an_account_as_in_the_host() -> None:
    settings = Settings.model_validate({**ACCOUNT, "AzureWebJobsStorage": "UseDevelopmentStorage=true"})
    assert settings.storage_uris is None
    assert settings.storage_is_emulator


def test_every_client_asks_with_a_token(account: Account) -> None:
    assert account.storage.blobs.facts(RESULTS, "a") is None
    assert account.storage.queues.facts(TASKS).waiting == 0
    with pytest.raises(NotFound):
        account.storage.jobs.get("acme", "j")
    hosts = {urlsplit(str(each.url)).hostname for each in account.service.requests}
    assert hosts == {urlsplit(uri).hostname for uri in (URIS.blob, URIS.queue, URIS.table)}
    assert {each.headers["Authorization"] for each in account.service.requests} == {"Bearer a-token"}
    assert set(account.credential.scopes) == {"https://storage.azure.com/.default"}


def test_addresses_are_signed_with_a_delegation_key_that_is_kept_and_renewed(account: Account) -> None:
    blobs = account.storage.blobs
    url = blobs.read_url(SOURCES, "acme/s/a.mp4", HOUR, content_type="video/mp4")
    signed = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{URIS.blob}/sources/acme/s/a.mp4?")
    assert (signed["skoid"], signed["sktid"], signed["sks"]) == ("an-identity", "a-tenant", "b")
    assert (signed["sp"], signed["sr"], signed["spr"]) == ("r", "b", "https")
    assert datetime.fromisoformat(signed["se"]) == START + HOUR
    assert datetime.fromisoformat(signed["ske"]) >= START + HOUR

    for _ in range(3):
        blobs.upload_url(SOURCES, "acme/s/b.mp4", 24 * HOUR)
    assert account.service.keys_given == 1
    account.now += 47 * HOUR
    blobs.read_url(SOURCES, "acme/s/a.mp4", HOUR)
    assert account.service.keys_given == 1
    account.now += HOUR
    later = blobs.read_url(SOURCES, "acme/s/a.mp4", HOUR)
    assert account.service.keys_given == 2
    assert datetime.fromisoformat(parse_qs(urlsplit(later).query)["ske"][0]) > account.now + 24 * HOUR


def test_an_address_works_no_longer_than_its_key(account: Account) -> None:
    url = account.storage.blobs.upload_url(SOURCES, "acme/s/a.mp4", timedelta(days=30))
    assert datetime.fromisoformat(parse_qs(urlsplit(url).query)["se"][0]) == START + MAX_KEY_LASTS


def test_the_identity_is_the_app_s_or_the_first_that_is_there() -> None:
    assert isinstance(make_credential("managedidentity", "an-id"), ManagedIdentityCredential)
    assert isinstance(make_credential("managedidentity", None), ManagedIdentityCredential)
    assert isinstance(make_credential(None, None), DefaultAzureCredential)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A process's environment without any setting, and without what Azure sets."""
    for name in list(os.environ):
        if name.startswith(("AzureWebJobs", "ROSTRUM_", *AZURE_MARKS)):
            monkeypatch.delenv(name)
    load_settings.cache_clear()
    with services.replaced_by(None):
        yield monkeypatch
    load_settings.cache_clear()


@pytest.mark.parametrize("mark", AZURE_MARKS)
@pytest.mark.parametrize("given", [{}, {"AzureWebJobsStorage": ""}], ids=["nothing", "empty"])
def test_the_emulator_is_no_fallback_in_azure(
    environment: pytest.MonkeyPatch, mark: str, given: dict[str, str]
) -> None:
    for name, value in {mark: "1", **given}.items():
        environment.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=r"AzureWebJobsStorage is not set\. In Azure there is no emulator"):
        load_settings()
    environment.setenv("AzureWebJobsStorage__accountName", "lectures")
    load_settings.cache_clear()
    assert load_settings().storage_uris == URIS


def test_the_emulator_is_what_a_laptop_has(environment: pytest.MonkeyPatch) -> None:
    assert load_settings().storage_is_emulator


LOOK = """
from shared.wiring import services
made = services()
blobs = made.storage.blobs
print(type(blobs._signer).__name__, blobs._service.url, type(made.telemetry).__name__)
"""


def test_a_process_is_wired_to_the_account(environment: pytest.MonkeyPatch) -> None:
    collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}  # nothing is measured, so nothing is sent
    for name, value in {**ACCOUNT, "AzureWebJobsStorage__credential": "managedidentity", **collector}.items():
        environment.setenv(name, value)
    ran = subprocess.run([sys.executable, "-c", LOOK], cwd=REPO, capture_output=True, text=True, timeout=120)
    assert ran.stdout.strip() == f"DelegationKey {URIS.blob}/ OpenTelemetry", ran.stderr


def test_an_identity_that_cannot_be_made_is_a_setting_that_is_named(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environment.delenv("AZURE_CLIENT_ID", raising=False)
    incomplete = {
        "AZURE_AUTHORITY_HOST": "https://login.example",
        "AZURE_TENANT_ID": "a-tenant",
        "AZURE_FEDERATED_TOKEN_FILE": "/no/token",
    }
    for name, value in {**ACCOUNT, "AzureWebJobsStorage__credential": "managedidentity", **incomplete}.items():
        environment.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=r"AzureWebJobsStorage__credential: .* cannot be made"):
        services()
    assert "client_id" in caplog.text  # the library's own reason
