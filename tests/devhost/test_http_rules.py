"""The rules of HTTP triggers with the types of azurefunctions-extensions-http-fastapi, on a real host process."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from devhost.http_app import HttpApp
from devhost.http_worker import server_config
from tests.devhost.conftest import PATIENCE_SEC, RunningHost, TestQueue, eventually, queues, running_host

API = """
import asyncio
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response, StreamingResponse

async def gate(name):
    while not (HERE / name).exists():
        await asyncio.sleep(0.01)

class Streamed(Response):
    async def __call__(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-path", scope["path"].encode())]})
        await send({"type": "http.response.body", "body": b"first ", "more_body": True})
        while not (HERE / "second").exists():
            try:
                message = await asyncio.wait_for(receive(), 0.05)
            except TimeoutError:
                continue
            if message["type"] == "http.disconnect":
                note(disconnected=True)
                return
        await send({"type": "http.response.body", "body": b"second"})

@app.route(route="items/{id:int}/{part?}", methods=["GET", "POST"])
async def item(req: Request) -> Response:
    return JSONResponse({**req.path_params, "query": str(req.url.query), "pid": os.getpid(),
                         "invocation": req.headers["x-ms-invocation-id"]})

@app.route(route="{*rest}", methods=["GET", "PUT"])
async def rest(req: Request) -> Response:
    path = req.path_params.get("rest", "")
    if path == "broken":
        raise ValueError("the secret")
    if path == "streamed":
        return Streamed()
    if path == "object":
        return {"answer": 42}
    if path == "upload":
        total = 0
        async for chunk in req.stream():
            total += len(chunk)
            note(received=total)
        return Response(str(total))
    return Response("rest:" + path)

@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None:
    note(busy=True)
    while not (HERE / "enough").exists():
        sum(range(10_000))
"""


@pytest.fixture(scope="module")
def host(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    settings = {"AzureWebJobsStorage": azurite, "QUEUE": "http-work", "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "100000"}
    with running_host(tmp_path_factory.mktemp("http"), API, host_json=queues(), **settings) as running:
        yield running


@pytest.fixture
def client(host: RunningHost) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=host.url, timeout=PATIENCE_SEC, trust_env=False) as made:
        yield made


def test_route_templates(client: httpx.Client) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#customize-the-http-endpoint"""
    item = client.get("/api/items/12/cover?size=2").json()
    assert (item["id"], item["part"], item["query"]) == ("12", "cover", "size=2")
    assert "part" not in client.get("/api/items/12").json()
    assert client.get("/api/items/twelve").text == "rest:items/twelve"
    assert client.get("/api/a/b%20c").text == "rest:a/b c"
    assert client.get("/api").text == "rest:"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/x", 200),
        ("DELETE", "/api/x", 405),
        ("POST", "/api/items/1", 200),
        ("GET", "/x", 404),
        ("GET", "/", 200),
    ],
)
def test_methods_prefix_and_the_root_page(client: httpx.Client, method: str, path: str, status: int) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#configuration: methods

    routePrefix: https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook#hostjson-settings
    """
    answer = client.request(method, path)
    assert answer.status_code == status
    assert ("allow" in answer.headers) == (status == 405)


def test_every_request_has_an_invocation_id(client: httpx.Client) -> None:
    """The host's header by which the worker matches requests and invocations: x-ms-invocation-id."""
    first, second = (client.get("/api/items/1").json()["invocation"] for _ in range(2))
    assert first != second


def test_what_is_no_response_becomes_json(client: httpx.Client) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-reference-python#http-streams: FastAPI's rule"""
    assert client.get("/api/object").json() == {"answer": 42}


def test_an_exception_is_a_500_that_tells_nothing(host: RunningHost, client: httpx.Client) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-output#usage"""
    answer = client.get("/api/broken")
    assert (answer.status_code, answer.text) == (500, "")
    eventually(lambda: "ValueError: the secret" in host.log, "the log")


def test_a_response_streams(host: RunningHost, client: httpx.Client) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-reference-python#http-streams"""
    with client.stream("GET", "/api/streamed") as answer:
        assert answer.headers["x-path"] == "/api/streamed"
        chunks = answer.iter_raw()
        assert next(chunks) == b"first "
        host.open_gate("second")
        assert b"".join(chunks) == b"second"
    (host.directory / "second").unlink()


def test_a_function_hears_that_the_client_is_gone(host: RunningHost, client: httpx.Client) -> None:
    """https://asgi.readthedocs.io/en/latest/specs/www.html#disconnect-receive-event"""
    with client.stream("GET", "/api/streamed") as answer:
        next(answer.iter_raw())
    host.await_notes(1, disconnected=True)


def test_a_request_body_streams(host: RunningHost, client: httpx.Client) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-reference-python#http-streams"""

    def body() -> Iterator[bytes]:
        yield b"1234567"
        host.await_notes(1, received=7)  # the function has the first bytes while the rest is not sent yet
        yield b"89"

    assert client.put("/api/upload", content=body()).text == "9"


def test_a_body_above_the_limit_is_refused(host: RunningHost, client: httpx.Client) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-app-settings: FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"""
    assert client.put("/api/upload", content=b"x" * 100_000).text == "100000"
    assert client.put("/api/upload", content=iter([b"x" * 60_000, b"x" * 60_000])).status_code == 413
    with socket.create_connection(("127.0.0.1", host.state["port"]), timeout=30) as raw:
        raw.sendall(b"PUT /api/upload HTTP/1.1\r\nHost: here\r\nContent-Length: 100001\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_the_api_answers_while_every_worker_computes(azurite: str, host: RunningHost, client: httpx.Client) -> None:
    """This host's own promise: HTTP functions have a process of their own."""
    queue = TestQueue(azurite, "http-work").create()
    queue.send(id=1)
    queue.send(id=2)
    host.await_notes(2, busy=True)
    with ThreadPoolExecutor(8) as requests:
        answers = list(requests.map(lambda n: client.get(f"/api/items/{n}").status_code, range(50)))
    assert answers == [200] * 50
    host.open_gate("enough")
    queue.close()


def test_a_killed_http_process_is_replaced_on_the_same_port(host: RunningHost, client: httpx.Client) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-reference-python: the host restarts its worker"""
    first = client.get("/api/items/1").json()["pid"]
    os.kill(first, signal.SIGKILL)

    def answers() -> bool:
        try:
            return bool(client.get("/api/items/1").json()["pid"] != first)
        except httpx.TransportError:
            return False

    eventually(answers, "the new process")


def test_idle_connections_outlive_those_of_clients() -> None:
    """Clients and proxies that reuse connections keep idle ones for up to 60 s."""
    app = HttpApp([], route_prefix="api", timeout_sec=None, body_limit_bytes=1)
    assert server_config(app).timeout_keep_alive == 75
