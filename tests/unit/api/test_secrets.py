"""Marked secrets go in by every door; afterwards they stand in no answer, no log and no row but where they must."""

import dataclasses
import logging
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

import pytest
from pydantic import SecretStr

from shared.api.app import create_app
from shared.domain.message import StageMessage, StepKind
from shared.domain.stage import Stage
from shared.pipeline.context import Services
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.settings import Settings
from shared.storage.connect import connect
from shared.storage.memory import MemoryStorage
from shared.storage.memory_table import MemoryTable
from shared.storage.table import Row
from tests.support.api_client import ApiClient
from tests.support.api_harness import make_services
from tests.support.signing_keys import signed

JWT = "jwtsecretjwtsecretjwtsecretjwtsecret"
WEBHOOK = "webhooksecretwebhooksecretwebhook"
ACCOUNT_KEY = "YWNjb3VudGtleWFjY291bnRrZXlhY2NvdW50a2V5YWNjb3VudGtleQ=="
CONNECTION = f"DefaultEndpointsProtocol=http;AccountName=acme;AccountKey={ACCOUNT_KEY};"
CONNECTION += "BlobEndpoint=http://127.0.0.1:9/acme;"
CONNECTION += "QueueEndpoint=http://127.0.0.1:9/acme;TableEndpoint=http://127.0.0.1:9/acme;"
SIGNATURE = "c2lnbmF0dXJlb2Z0aGVhZGRyZXNz"
SOURCE = f"https://talks.invalid/a.mp4?sv=2024-01-01&sig={SIGNATURE}"
TOKEN = signed(org_id="acme", scopes=["admin"])
STOLEN = TOKEN[:-12] + "tokenmarked1"

ONE_BY_ONE = (JWT, WEBHOOK, ACCOUNT_KEY, "tokenmarked1", TOKEN.rpartition(".")[2])


@pytest.fixture
def services() -> Services:
    made = make_services()
    secrets = {"auth": "jwt", "jwt_secret": SecretStr(JWT), "webhook_secret": SecretStr(WEBHOOK)}
    return dataclasses.replace(made, settings=made.settings.model_copy(update=secrets))


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Every field of every record, formatted with its trace, as it is filled."""
    lines: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(logging.Formatter().format(record) + repr(record.__dict__))

    handler = Collect(level=logging.DEBUG)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


class NotingTable(MemoryTable):
    """A table that notes each row as it is written."""

    def __init__(self, rows: list[str], clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._noted = rows

    def _put(self, row: Row) -> str:
        self._noted.append(repr(row))
        return super()._put(row)


def test_of_callers_and_receivers(services: Services, logged: list[str]) -> None:
    rows: list[str] = []
    storage = MemoryStorage(services.clock, cache(lambda _: NotingTable(rows, services.clock)))
    services = dataclasses.replace(services, storage=storage)
    answers = list[str]()
    signed_here = signed(org_id="acme", scopes=["admin"], key=JWT.encode())
    with ApiClient(create_app(services), base_url="http://api.test", raise_server_exceptions=False) as client:

        def ask(method: str, path: str, token: str = signed_here, **more: Any) -> Any:
            answer = client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **more)
            answers.append(answer.text + repr(answer.headers))
            return answer

        assert ask("GET", "/jobs", STOLEN).status_code == 401
        assert ask("GET", "/jobs", "tokenmarked1").status_code == 401
        job = ask("POST", "/jobs", json={"sourceUrl": SOURCE, "callbackUrl": "https://hooks.invalid/"})
        assert job.status_code == 202, job.text
        ask("POST", "/ingest/probe", json={"sourceUrl": SOURCE})
        ask("POST", "/ingest/probe", json={"sourceUrl": f"http://user:{JWT[:0]}x@127.0.0.1/"})
        _fail(services, job.json())
        for path in ("", "/status", "/deliveries"):
            ask("GET", f"/jobs/{job.json()['jobId']}{path}")
        ask("GET", f"/sessions/{job.json()['sessionId']}")
        ask("GET", "/jobs")
    assert len(rows) > 3
    everything = {"answers": "\n".join(answers), "logs": "\n".join(logged), "rows": "\n".join(rows)}
    for secret in (*ONE_BY_ONE, signed_here.rpartition(".")[2]):
        for where, text in everything.items():
            assert secret not in text, where
    # A signed source has to be kept until it is fetched: on the session's row, and nowhere else.
    assert SIGNATURE not in everything["logs"]
    assert SIGNATURE not in everything["answers"]
    assert {"source_url" in row or "sourceUrl" in row for row in rows if SIGNATURE in row} == {True}


def _fail(services: Services, job: dict[str, Any]) -> None:
    """The download is tried, in vain."""
    from shared.pipeline.stages.download import download_recording

    work = {(Stage.DOWNLOAD, StepKind.PART): download_recording}
    message = StageMessage(
        job_id=job["jobId"], org_id="acme", session_id=job["sessionId"], stage=Stage.DOWNLOAD, step=StepKind.PART
    )
    run_step(dataclasses.replace(services, work=work), message, Delivery("message", 1))


def test_of_storage_that_does_not_answer(logged: list[str]) -> None:
    storage = connect(CONNECTION, retries=0)
    services = dataclasses.replace(make_services(), storage=storage)
    try:
        with ApiClient(create_app(services), base_url="http://api.localhost", raise_server_exceptions=False) as client:
            answers = [client.get(path) for path in ("/jobs", "/health", "/sessions/a/media")]
    finally:
        storage.close()
    assert {answer.status_code for answer in answers} == {503}
    text = "\n".join((*(answer.text for answer in answers), *logged))
    assert logged
    assert ACCOUNT_KEY not in text
    assert not re.search(r"SharedKey \S+:\S{20,}", text), "a signed request stands in a log"


def test_settings_do_not_show_secrets() -> None:
    settings = Settings().model_copy(update={"jwt_secret": SecretStr(JWT), "webhook_secret": SecretStr(WEBHOOK)})
    assert JWT not in repr(settings)
    assert WEBHOOK not in str(settings)
