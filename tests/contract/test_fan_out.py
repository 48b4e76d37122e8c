"""Fifty clients follow one job through the real server over Azurite; some are cut off half-way and come again."""

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from threading import Thread
from typing import Any

import httpx
import pytest
import uvicorn

from shared.api.app import create_app
from shared.api.events.hub import EventHub
from shared.domain import job as jobs
from shared.domain.errors import NotMedia
from shared.domain.job import Job, new_job
from shared.domain.options import JobOptions
from shared.domain.stage import Stage
from shared.pipeline.context import Services
from shared.settings import Settings
from shared.storage.connect import AzureStorage

ORG = "local"
CLIENTS = 50
BURSTS, CHANGES = 4, 15
"""So many changes in one burst, and then a pause until everybody has been told."""

DEADLINE_SEC = 180


@dataclass(frozen=True)
class Served:
    url: str
    hub: EventHub


@dataclass
class Client:
    """One who follows the job to its end; `cuts` are the numbers of events at which the connection is lost."""

    cuts: list[int]
    events: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0

    @property
    def latest(self) -> int:
        return self.events[-1]["sequence"] if self.events else 0

    async def follow(self, http: httpx.AsyncClient, url: str, told: asyncio.Condition) -> None:
        while True:
            self.connections += 1
            headers = {"Last-Event-ID": str(self.latest)} if self.events else {}
            async with http.stream("GET", url, headers=headers) as answer:
                if answer.status_code == 204:
                    return
                assert answer.headers["Content-Type"].startswith("text/event-stream")
                async for event in parsed(answer):
                    self.events.append(event)
                    async with told:
                        told.notify_all()
                    if self.cuts and self.latest >= self.cuts[0]:
                        self.cuts.pop(0)
                        break


async def parsed(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The events of the stream; each as its data, after a look at its other lines."""
    lines: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            lines[name] = value
            continue
        if "data" in lines:
            event = json.loads(lines["data"])
            assert lines["id"] == str(event["sequence"])
            assert lines["event"] == ("error" if event["error"] else "status" if event["sequence"] == 1 else "progress")
            yield event
        lines = {}


@contextmanager
def serve(storage: AzureStorage, connection_string: str) -> Iterator[Served]:
    """The API on a free port of this machine."""
    app = create_app(
        Services(
            storage=storage,
            settings=Settings.model_validate({"AzureWebJobsStorage": connection_string}),
            clock=lambda: datetime.now(UTC),
            new_id=lambda: uuid.uuid4().hex,
            work={},
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # see devhost/http_worker.py
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.event_hub)
        finally:
            server.should_exit = True
            thread.join()


def create(storage: AzureStorage) -> Job:
    job = new_job(
        job_id=uuid.uuid4().hex,
        session_id=uuid.uuid4().hex,
        org_id=ORG,
        now=datetime.now(UTC),
        options=JobOptions(),
        callback_url=None,
        traceparent=None,
    )
    return storage.jobs.create(job).value


def came_on(job: Job) -> Job:
    return jobs.note_progress(job, Stage.DOWNLOAD, job.progress + 0.001, 0, datetime.now(UTC))


def failed(job: Job) -> Job:
    return jobs.fail(job, Stage.DOWNLOAD, NotMedia("It is a text file."), datetime.now(UTC))


def everybody_knows(clients: list[Client], number: int) -> bool:
    return all(client.latest >= number for client in clients)


def test_fifty_clients_are_told_the_same_whole_story(azurite: str, azure: AzureStorage) -> None:
    job = create(azure)
    last = 1 + BURSTS * CHANGES + 1
    clients = [Client([number, last - number] if number % 2 else []) for number in range(1, CLIENTS // 2 + 1)]
    clients += [Client([2 * number + 1] if number % 3 == 0 else []) for number in range(CLIENTS // 2)]

    async def play(served: Served) -> None:
        told = asyncio.Condition()
        url = f"{served.url}/jobs/{job.job_id}/events"
        limits = httpx.Limits(max_connections=None)
        async with (
            asyncio.timeout(DEADLINE_SEC),
            httpx.AsyncClient(limits=limits, timeout=DEADLINE_SEC, trust_env=False) as http,
            asyncio.TaskGroup() as following,
        ):
            for client in clients:
                following.create_task(client.follow(http, url, told))
            for burst in range(BURSTS + 1):
                async with told:
                    await told.wait_for(partial(everybody_knows, clients, 1 + burst * CHANGES))
                changes = [came_on] * CHANGES if burst < BURSTS else [failed]
                for change in changes:
                    stored = azure.jobs.get(ORG, job.job_id)
                    await asyncio.to_thread(azure.jobs.update, stored, change(stored.value))

    with serve(azure, azurite) as served:
        asyncio.run(play(served))
        wait_until_idle(served.hub)

    log = azure.jobs.events(ORG, job.job_id)
    assert [event.sequence for event in log] == list(range(1, last + 1))
    for client in clients:
        assert [event["sequence"] for event in client.events] == list(range(1, last + 1))
        assert client.events == clients[0].events
    assert [event["progress"] for event in clients[0].events] == [event.progress for event in log]
    assert clients[0].events[-1]["status"] == "ERROR"
    assert sum(client.connections for client in clients) > CLIENTS + CLIENTS // 2
    assert all(not client.cuts for client in clients)


def test_clients_that_hang_up_leave_no_trace(azurite: str, azure: AzureStorage) -> None:
    job = create(azure)

    async def look_in(http: httpx.AsyncClient, url: str) -> None:
        async with http.stream("GET", url) as answer:
            assert (await anext(parsed(answer)))["sequence"] == 1

    async def play(served: Served) -> None:
        async with asyncio.timeout(DEADLINE_SEC), httpx.AsyncClient(trust_env=False) as http:
            url = f"{served.url}/jobs/{job.job_id}/events"
            await asyncio.gather(*(look_in(http, url) for _ in range(20)))

    with serve(azure, azurite) as served:
        asyncio.run(play(served))
        wait_until_idle(served.hub)


@pytest.mark.parametrize("clients", [0, 5])
def test_a_server_stops_with_or_without_clients(azurite: str, azure: AzureStorage, clients: int) -> None:
    job = create(azure)

    async def play() -> None:
        left = []
        async with httpx.AsyncClient(trust_env=False) as http:
            with serve(azure, azurite) as served:
                for _ in range(clients):
                    request = http.build_request("GET", f"{served.url}/jobs/{job.job_id}/events")
                    left.append(await http.send(request, stream=True))
                    assert (await anext(parsed(left[-1])))["sequence"] == 1
            assert served.hub.is_idle
            for answer in left:
                await answer.aclose()

    asyncio.run(play())


def wait_until_idle(hub: EventHub) -> None:
    async def wait() -> None:
        async with asyncio.timeout(DEADLINE_SEC):
            while not hub.is_idle:
                await asyncio.sleep(0.05)

    asyncio.run(wait())
