"""The HTTP function, called as the worker calls it: with a FastAPI request whose scope is the worker's own."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from azurefunctions.extensions.http.fastapi import Request
from starlette.types import ASGIApp

from functions.api import blueprint, make_blueprint
from functions.asgi_bridge import LazyApplication
from shared.api.app import create_app
from shared.pipeline.context import Services
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import SOURCES

Message = dict[str, Any]


@pytest.fixture
def services() -> Services:
    """Services over the in-memory storage."""
    numbers = count(1)
    return Services(
        storage=MemoryStorage(),
        settings=Settings.model_validate({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}),
        clock=lambda: datetime.now(UTC),
        new_id=lambda: f"id{next(numbers):04}",
        work={},
    )


@pytest.fixture
def hosted(services: Services) -> func.Blueprint:
    """The trigger of HTTP over the API, which is not made yet."""
    return hosting(lambda: create_app(services))


def hosting(make: Callable[[], ASGIApp]) -> func.Blueprint:
    return make_blueprint(LazyApplication(make))


@dataclass
class Exchange:
    """One request and what was sent back for it."""

    hosted: func.Blueprint
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: list[bytes] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)
    taken: int = 0

    async def call(self) -> "Exchange":
        """Calls the function, then the response that it returned, as the worker's own application does."""
        scope = self.scope()
        response = await user_function(self.hosted)(Request(scope, self.receive, self.send))
        await response(scope, self.receive, self.send)
        return self

    def scope(self) -> Message:
        path, _, query = self.path.partition("?")
        headers = {"host": "rostrum.localhost", "x-ms-invocation-id": "invocation-1", **self.headers}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "state": {"worker": True},
            "app": object(),
            "router": object(),
            "route": object(),
            "endpoint": object(),
            "path_params": {"path": path},
            "fastapi_inner_astack": object(),
        }

    async def receive(self) -> Message:
        if self.taken < len(self.body):
            self.taken += 1
            more = self.taken < len(self.body)
            return {"type": "http.request", "body": self.body[self.taken - 1], "more_body": more}
        if not self.body and self.taken == 0:
            self.taken = 1
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def answer(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def answered_headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}


def user_function(hosted: func.Blueprint) -> Callable[[Request], Any]:
    (function,) = functions_of(hosted)
    called: Callable[[Request], Any] = function.get_user_function()
    return called


def functions_of(hosted: func.Blueprint) -> list[Any]:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    app.register_functions(hosted)
    return app.get_functions()


def run(hosted: func.Blueprint, method: str, path: str, **more: Any) -> Exchange:
    return asyncio.run(Exchange(hosted, method, path, **more).call())


def test_there_is_one_function_for_every_path_and_method() -> None:
    (function,) = functions_of(blueprint)
    binding = json.loads(function.get_raw_bindings()[0])
    assert binding["type"] == "httpTrigger"
    assert binding["route"] == "{*path}"
    assert binding["authLevel"].upper() == "ANONYMOUS"
    assert {str(method).upper() for method in binding["methods"]} >= {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}


def test_a_request_under_the_hosts_prefix_is_answered(hosted: func.Blueprint) -> None:
    exchange = run(hosted, "GET", "/api/health")
    assert exchange.status == 200
    assert json.loads(exchange.answer)["status"] == "ok"


def test_addresses_and_the_description_stand_under_the_prefix(hosted: func.Blueprint) -> None:
    body = b'{"sourceUrl": "https://example.com/talk.mp4"}'
    exchange = run(
        hosted,
        "POST",
        "/api/jobs",
        headers={"Content-Type": "application/json", "Content-Length": str(len(body))},
        body=[body],
    )
    assert exchange.status == 202
    job = json.loads(exchange.answer)
    assert exchange.answered_headers["location"] == f"http://rostrum.localhost/api/jobs/{job['jobId']}"
    assert b'url: "openapi.json"' in run(hosted, "GET", "/api/docs").answer
    assert json.loads(run(hosted, "GET", "/api/openapi.json").answer)["servers"][0]["url"] == "/api"


def test_a_recording_of_undeclared_length_is_taken_under_the_prefix(hosted: func.Blueprint, services: Services) -> None:
    head = b'--B\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=B", "Transfer-Encoding": "chunked"}
    exchange = run(
        hosted, "POST", "/api/sessions/import", headers=headers, body=[head, *[b"x" * 65_536] * 100, b"\r\n--B--\r\n"]
    )
    assert exchange.status == 202
    session = services.storage.sessions.get("local", json.loads(exchange.answer)["sessionId"]).value
    facts = services.storage.blobs.facts(SOURCES, session.source_blob)
    assert facts is not None
    assert facts.size_bytes == 6_553_600


def test_an_unknown_address_is_a_problem_not_an_exception(hosted: func.Blueprint) -> None:
    exchange = run(hosted, "GET", "/api/nowhere")
    assert (exchange.status, exchange.answered_headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(exchange.answer)["instance"] == "/api/nowhere"


def test_our_application_sees_the_request_and_nothing_of_the_worker() -> None:
    seen: Message = {}

    async def app(scope: Message, receive: Any, send: Any) -> None:
        seen.update(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    hosted = hosting(lambda: app)
    assert run(hosted, "GET", "/api/x?a=1").status == 204
    assert seen["root_path"] == "/api"
    assert seen["path"] == "/api/x"
    assert seen["query_string"] == b"a=1"
    assert b"x-ms-invocation-id" not in dict(seen["headers"])
    assert dict(seen["headers"])[b"host"] == b"rostrum.localhost"
    assert not {"app", "router", "route", "endpoint", "path_params", "state", "fastapi_inner_astack"} & set(seen)


def test_the_body_is_taken_piece_by_piece_and_the_answer_goes_out_piece_by_piece() -> None:
    async def echo(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})

    hosted = hosting(lambda: echo)
    exchange = Exchange(hosted, "POST", "/api/x", body=[b"a", b"b", b"c"])
    order: list[tuple[int, int]] = []

    async def send(message: Message) -> None:
        order.append((exchange.taken, len(exchange.sent)))
        exchange.sent.append(message)

    exchange.send = send  # type: ignore[method-assign]
    asyncio.run(exchange.call())
    assert exchange.answer == b"abc"
    assert order == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_the_application_is_made_once_and_not_before_it_is_needed(
    services: Services,
) -> None:
    made = []

    def counted() -> ASGIApp:
        made.append(1)
        return create_app(services)

    hosted = hosting(counted)

    async def at_once() -> None:
        await asyncio.gather(*(Exchange(hosted, "GET", "/api/health").call() for _ in range(8)))

    asyncio.run(at_once())
    assert len(made) == 1


@pytest.mark.parametrize("module", ["azure_functions_worker.http_v2", "azure_functions_runtime.http_v2"])
def test_the_worker_need_not_keep_our_request(
    hosted: func.Blueprint, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    references = {"invocation-1": object(), "invocation-2": object()}
    coordinator = SimpleNamespace(_context_references=references)
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(http_coordinator=coordinator))  # type: ignore[arg-type]
    run(hosted, "GET", "/api/health")
    assert list(references) == ["invocation-2"]


@pytest.mark.parametrize("coordinator", [SimpleNamespace(), SimpleNamespace(http_coordinator=object()), None])
def test_a_worker_that_is_built_otherwise_is_left_alone(
    hosted: func.Blueprint, monkeypatch: pytest.MonkeyPatch, coordinator: Any
) -> None:
    monkeypatch.setitem(sys.modules, "azure_functions_worker.http_v2", coordinator)
    assert run(hosted, "GET", "/api/health").status == 200


def test_a_failure_in_a_stream_is_logged_and_the_request_forgotten(
    monkeypatch: pytest.MonkeyPatch, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(services)

    async def broken() -> Any:
        from starlette.responses import StreamingResponse

        async def pieces() -> Any:
            yield b"a"
            raise RuntimeError("the reason")

        return StreamingResponse(pieces())

    app.add_api_route("/broken", broken)
    hosted = hosting(lambda: app)
    references = {"invocation-1": object()}
    coordinator = SimpleNamespace(_context_references=references)
    module = SimpleNamespace(http_coordinator=coordinator)
    monkeypatch.setitem(sys.modules, "azure_functions_worker.http_v2", module)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        run(hosted, "GET", "/api/broken")
    assert "the reason" in caplog.text
    assert not references
