"""Equal requests that arrive at once, at two processes over one storage account."""

import asyncio
import base64
from collections.abc import Iterator

import httpx
import pytest
from azure.storage.queue import QueueClient
from pydantic import SecretStr

from shared.api.app import create_app
from shared.domain.message import QUEUES, StageMessage
from shared.domain.stage import Stage
from shared.settings import Settings
from shared.storage.connect import AzureStorage, connect
from shared.wiring import build_services
from tests.support.signing_keys import SECRET, signed

REQUESTS = 200
SETTINGS = Settings(auth="jwt", jwt_secret=SecretStr(SECRET.decode()))


@pytest.fixture
def apis(azurite: str) -> Iterator[list[httpx.ASGITransport]]:
    """Two processes, as far as can be: each with connections of its own."""
    storages = [connect(azurite) for _ in range(2)]
    yield [httpx.ASGITransport(app=create_app(build_services(SETTINGS, storage))) for storage in storages]
    for storage in storages:
        storage.close()


def post_at_once(apis: list[httpx.ASGITransport], org: str, keys: list[str]) -> list[httpx.Response]:
    """A job for each key, all at once; the same key means the same body."""
    token = signed(org_id=org, scopes=["jobs:write"])

    async def post(number: int, key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        async with httpx.AsyncClient(transport=apis[number % len(apis)], base_url="http://api.localhost") as client:
            body = {"sourceUrl": f"https://example.com/{key}.mp4"}
            return await client.post("/jobs", headers=headers, json=body)

    async def post_all() -> list[httpx.Response]:
        return await asyncio.gather(*(post(number, key) for number, key in enumerate(keys)))

    return asyncio.run(post_all())


def job_ids(answers: list[httpx.Response]) -> set[str]:
    """Of those that were answered; the others are told to come again."""
    for answer in answers:
        if answer.status_code != 202:
            assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use"), answer.text
            assert answer.headers["retry-after"] == "1"
    return {answer.json()["jobId"] for answer in answers if answer.status_code == 202}


def messages(azurite: str, org: str) -> list[str]:
    """The jobs that the organisation's messages are for."""
    with QueueClient.from_connection_string(azurite, QUEUES[Stage.DOWNLOAD]) as queue:
        received = [
            StageMessage.from_bytes(base64.b64decode(each.content))
            for each in queue.receive_messages(messages_per_page=32, visibility_timeout=600)
        ]
    return [message.job_id for message in received if message.org_id == org]


@pytest.mark.parametrize("keys", [1, 20])
def test_two_hundred_equal_requests_make_one_job(
    azurite: str, azure: AzureStorage, apis: list[httpx.ASGITransport], org: str, keys: int
) -> None:
    asked = [f"key-{number % keys}" for number in range(REQUESTS)]
    answers = post_at_once(apis, org, asked)
    made = {key: job_ids([each for each, its in zip(answers, asked, strict=True) if its == key]) for key in set(asked)}
    assert [len(ids) for ids in made.values()] == [1] * keys
    jobs = azure.jobs.page(org, limit=100).items
    expected = sorted(job_id for ids in made.values() for job_id in ids)
    assert sorted(job.job_id for job in jobs) == expected
    assert sorted(session.latest_job_id or "" for session in azure.sessions.page(org, limit=100).items) == expected
    sent = messages(azurite, org)  # the jobs beyond an organisation's running ones get theirs later
    assert len(set(sent)) == len(sent) >= min(keys, Settings().max_running_jobs_per_org)
    assert set(sent) <= set(expected)
    for again, key in zip(post_at_once(apis, org, sorted(set(asked))), sorted(set(asked)), strict=True):
        assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
        assert {again.json()["jobId"]} == made[key]
