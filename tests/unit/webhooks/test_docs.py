"""The receiver in docs/webhooks.md takes what is sent, once, and nothing else."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.webhook_harness import WebhookHarness

GUIDE = (Path(__file__).parents[3] / "docs/webhooks.md").read_text(encoding="utf-8")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    monkeypatch.setenv("ROSTRUM_WEBHOOK_SECRET", SECRET)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(block("python"), "docs/webhooks.md", "exec"), names)
    names["Receiver"].log_message = lambda *arguments: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), names["Receiver"])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    names["url"] = f"http://127.0.0.1:{server.server_address[1]}/"
    yield names
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("secret", [SECRET, f"another-one {SECRET}"], ids=["one secret", "two secrets"])
def test_the_receiver_takes_what_is_sent_once(
    example: dict[str, Any], capsys: pytest.CaptureFixture[str], secret: str
) -> None:
    harness = WebhookHarness(datetime.now(UTC), webhook_secret=secret)
    job = harness.end(harness.job(example["url"]))
    harness.run_all()
    assert [each.status_code for each in harness.log(job)] == [204]
    from shared.pipeline.webhooks.redelivery import redeliver_webhook

    redeliver_webhook(harness.services, "acme", "j1", "r1")
    harness.run_all()
    assert [each.status_code for each in harness.log(job)] == [204, 204]
    assert capsys.readouterr().out == "j1 ERROR\n"
    assert example["handled"] == {"msg_j1_1"}


@pytest.mark.parametrize(
    ("secret", "late"),
    [
        ("another-one", timedelta(0)),
        (SECRET, timedelta(minutes=6)),
        (SECRET, -timedelta(minutes=6)),
        ("", timedelta(0)),
    ],
    ids=["another secret", "early", "late", "not signed"],
)
def test_the_receiver_takes_nothing_else(example: dict[str, Any], secret: str, late: timedelta) -> None:
    harness = WebhookHarness(datetime.now(UTC) + late, webhook_secret=secret)
    job = harness.end(harness.job(example["url"]))
    harness.run_all()
    assert [each.status_code for each in harness.log(job)] == [401]
    assert example["handled"] == set()


def test_the_payload_has_the_fields_that_are_shown(example: dict[str, Any]) -> None:
    shown = json.loads(block("json"))
    sent: list[dict[str, Any]] = []
    example["Receiver"].do_POST = lambda self: (
        sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))),
        self.send_response(200),
        self.end_headers(),
    )
    harness = WebhookHarness()
    harness.end(harness.job(example["url"]))
    harness.run_all()
    assert list(sent[0]) == list(shown)
    assert list(sent[0]["data"]) == list(shown["data"])
