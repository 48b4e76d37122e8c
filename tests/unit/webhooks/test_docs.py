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

from shared.domain.quality.payload import Reason
from shared.pipeline.execution.early_warnings import warn_early
from tests.support.webhook_harness import WebhookHarness

GUIDE = (Path(__file__).parents[3] / "docs/webhooks.md").read_text(encoding="utf-8")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    monkeypatch.setenv("ROSTRUM_WEBHOOK_SECRET", SECRET)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(blocks("python")[0], "docs/webhooks.md", "exec"), names)
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
    end, warning = (json.loads(each) for each in blocks("json"))
    sent: list[dict[str, Any]] = []
    example["Receiver"].do_POST = lambda self: (
        sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))),
        self.send_response(200),
        self.end_headers(),
    )
    harness = WebhookHarness()
    job = harness.job(example["url"])
    reason = Reason(code="no_sound", start=0.0, end=60.0, text="The recording has no sound.")
    warn_early(harness.services, job, [reason])
    harness.run_all()
    harness.end(harness.read(job))
    harness.run_all()
    for shown, told in ((warning, sent[0]), (end, sent[1])):
        assert list(told) == list(shown)
        assert list(told["data"]) == list(shown["data"])
    assert list(sent[0]["data"]["warning"]) == list(warning["data"]["warning"])
