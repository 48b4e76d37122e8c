"""What goes over the wire in the corners: tokens, foreign addresses, keys, ranges, and time that runs out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from rostrum_client import AsyncRostrumClient, DownloadFailed, RostrumApiError, RostrumClient, RostrumUnreachable
from shared.api.openapi.operation_examples import EXAMPLES
from shared.api.routes.search import EXAMPLE
from tests.unit.client.test_follow import Breaking

MEDIA = "https://blobs.test/sources/talk.mp4?sig=s"


def test_a_token_is_asked_for_anew_for_every_request(server: Any) -> None:
    tokens = iter(("first", "second"))
    with RostrumClient(server.base_url, lambda: next(tokens), transport=httpx.MockTransport(server)) as client:
        client.job("j1")
        client.job("j1")

    assert [asked.headers["Authorization"] for asked in server.requests] == ["Bearer first", "Bearer second"]


def test_a_token_may_be_awaited(server: Any) -> None:
    async def token() -> str:
        await anyio.sleep(0)
        return "fresh"

    async def ask() -> None:
        async with AsyncRostrumClient(server.base_url, token, transport=httpx.MockTransport(server)) as client:
            await client.job("j1")

    anyio.run(ask)
    assert server.requests[0].headers["Authorization"] == "Bearer fresh"


def test_the_token_never_follows_a_link_to_another_host(
    server: Any, either: RostrumClient, a_job: Callable[..., dict[str, Any]]
) -> None:
    elsewhere = "https://elsewhere.test/jobs?limit=1&cursor=a%2Bb"
    server.failures = [
        httpx.Response(200, json={"items": [a_job("DONE")], "nextLink": elsewhere}),
        httpx.Response(200, json={"items": [a_job("ERROR")]}),
    ]

    assert [job.status for job in either.jobs(active=False, page_size=1)] == ["DONE", "ERROR"]
    assert [str(asked.url) for asked in server.requests] == [
        "http://rostrum.test/api/jobs?active=false&limit=1",
        "http://rostrum.test/api/jobs?limit=1&cursor=a%2Bb",
    ]


def test_a_key_of_ones_own_is_sent(server: Any, either: RostrumClient) -> None:
    either.submit(source_url="https://media.test/talk.mp4", idempotency_key="mine")

    assert server.requests[0].headers["Idempotency-Key"] == "mine"


def test_what_was_stored_before_its_answer_got_lost_is_not_stored_again(
    server: Any, either: RostrumClient, tmp_path: Path
) -> None:
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"0123")
    init = {"uploadId": "u1", "uploadUrl": "https://blobs.test/b?sig=s", "blockSizeBytes": 4}
    exists = httpx.Response(409, headers={"x-ms-error-code": "BlobAlreadyExists"})
    server.failures = [httpx.Response(201, json=init), httpx.Response(201), httpx.ReadTimeout("late"), exists]

    assert either.upload(path).job_id == "j1"
    assert [put.headers.get("If-None-Match") for put in server.asked("PUT", "")] == [None, "*", "*"]


def test_a_download_goes_on_where_it_broke_off(server: Any, either: RostrumClient, tmp_path: Path) -> None:
    found = httpx.Response(302, headers={"Location": MEDIA})
    server.failures = [
        found,
        httpx.Response(200, headers={"ETag": '"1"', "Content-Length": "10"}, stream=Breaking(b"0123", b"45")),
        found,
        httpx.Response(206, headers={"ETag": '"1"'}, content=b"6789"),
    ]
    seen: list[tuple[int, int]] = []
    path = either.download_media("s1", tmp_path / "talk.mp4", on_progress=lambda *at: seen.append(at))

    assert path.read_bytes() == b"0123456789"
    assert seen == [(4, 10), (6, 10), (10, 10)]
    first, second = server.asked("GET", "/talk.mp4")
    assert "Range" not in first.headers
    assert (second.headers["Range"], second.headers["If-Match"]) == ("bytes=6-", '"1"')
    assert not any("Authorization" in asked.headers for asked in (first, second))
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["talk.mp4"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda: httpx.Response(412, headers={"x-ms-error-code": "ConditionNotMet"}), "ConditionNotMet"),
        (lambda: httpx.Response(403), "expired"),
        (lambda: httpx.Response(200, stream=Breaking()), "keeps breaking off"),
    ],
    ids=["changed", "refused", "broken for good"],
)
def test_a_download_that_cannot_be_finished_leaves_no_recording(
    answer: Callable[[], httpx.Response], says: str, server: Any, either: RostrumClient, tmp_path: Path
) -> None:
    server.failures = [each for _ in range(5) for each in (httpx.Response(302, headers={"Location": MEDIA}), answer())]

    with pytest.raises(DownloadFailed, match=says):
        either.download_media("s1", tmp_path / "talk.mp4")
    assert not (tmp_path / "talk.mp4").exists()


def test_a_search_gives_places(server: Any, either: RostrumClient) -> None:
    server.failures = [httpx.Response(200, json=EXAMPLE)]
    (hit,) = either.search("gradient descent", session_id="s1")

    assert server.requests[0].url.params == httpx.QueryParams({"q": "gradient descent", "sessionId": "s1"})
    assert [hit.snippet[start:end] for start, end in hit.highlights] == ["gradient descent"]


def test_a_probe_tells_what_would_happen(server: Any, either: RostrumClient) -> None:
    server.failures = [httpx.Response(200, content=EXAMPLES["probeRecording"].model_dump_json(by_alias=True))]
    probe = either.probe(source_url="https://media.test/talk.mp4", options={"language": "en"})

    assert [stream.kind for stream in probe.streams] == ["video", "audio"]
    assert probe.plan.stages["tracking"].parts == 9
    assert probe.plan.engine is not None
    assert probe.plan.engine.name == "faster-whisper"


def test_deliveries_are_listed_and_made_again(server: Any, either: RostrumClient) -> None:
    again = {"jobId": "j1", "webhookId": "w1"}
    delivery = {"deliveryId": "d1", "webhookId": "w1", "state": "failed", "statusCode": 503, "number": 3}
    server.failures = [httpx.Response(200, json={"items": [delivery]}), httpx.Response(202, json=again)]

    assert [(each.number, each.status_code) for each in either.deliveries("j1")] == [(3, 503)]
    assert either.redeliver("j1").webhook_id == "w1"
    assert server.requests[1].url.path == "/api/jobs/j1/redeliver"


def test_a_cancel_in_a_hurry_is_tried_once(server: Any, either: RostrumClient, pauses: list[float]) -> None:
    server.failures = [httpx.ReadTimeout("late")] * 2
    with pytest.raises(RostrumUnreachable):
        either.cancel("j1", within_sec=2.0)

    assert len(server.requests) == 1
    assert server.requests[0].extensions["timeout"]["read"] == 2.0
    assert pauses == []


def test_a_sick_api_says_so_without_being_asked_again(server: Any, either: RostrumClient, pauses: list[float]) -> None:
    sick = {"status": "unavailable", "version": "1", "storage": "unavailable"}
    server.failures = [httpx.Response(503, json=sick), httpx.Response(401, json={"code": "token_missing"})]

    assert either.health().storage == "unavailable"
    with pytest.raises(RostrumApiError):
        either.health()
    assert pauses == []
