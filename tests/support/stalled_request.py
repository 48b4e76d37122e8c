"""A client that begins a request and then sends nothing more."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from starlette.types import Message

from shared.api.app import create_app
from shared.pipeline.context import Services


def refusal_of_stalled(
    services: Services, path: str, headers: Sequence[tuple[bytes, bytes]], begun: bytes
) -> dict[str, Any]:
    """Return the problem that the API answers with, after it closed the connection with 408.

    Args:
        services: with a short `body_silence_sec`.
        path: where the client posts to.
        headers: the request's headers.
        begun: all that the client sends of the body.
    """
    sent: list[Message] = []
    chunks = [begun]

    async def receive() -> Message:
        if not chunks:
            await asyncio.Event().wait()  # for ever
        return {"type": "http.request", "body": chunks.pop(), "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": list(headers)}
    asyncio.run(create_app(services)(scope, receive, send))
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    problem: dict[str, Any] = json.loads(sent[1]["body"])
    return problem
