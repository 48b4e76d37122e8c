"""Clients that send slowly, and forms that cost more to read than they hold."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from shared.api.http.body_pace import BodyClock, Pace, import_pace
from shared.api.http.multipart import MAX_PARTS, PartEvent, read_parts
from shared.api.idempotency.fingerprint import form_fingerprint
from shared.domain.errors import RequestTimedOut
from shared.settings import Settings
from tests.support.api_harness import make_services
from tests.support.stalled_request import refusal_of_stalled
from tests.support.virtual_time import run_virtually

PACE = Pace(silence_sec=30, min_bytes_per_sec=1000, window_sec=30, max_sec=600)
VIDEO_HEAD = b'--b\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n'


def seconds_until_given_up(pause_sec: float, size_bytes: int) -> tuple[float, str]:
    """Return when a client that sends so many bytes after each pause is given up, and why."""

    async def send() -> tuple[float, str]:
        clock, now = BodyClock(PACE), asyncio.get_running_loop().time

        async def receive() -> bytes:
            await asyncio.sleep(pause_sec)
            return b"x" * size_bytes

        while True:
            try:
                await clock.next(receive, len)
            except RequestTimedOut as error:
                return now(), error.detail

    return run_virtually(send())


def test_a_client_below_the_least_rate_is_given_up() -> None:
    given_up_sec, why = seconds_until_given_up(pause_sec=1, size_bytes=900)
    assert (given_up_sec, "too slowly" in why) == (30, True)


def test_a_client_that_keeps_the_rate_has_the_longest_time() -> None:
    given_up_sec, why = seconds_until_given_up(pause_sec=1, size_bytes=1100)
    assert (given_up_sec, "within 600 s" in why) == (600, True)


def test_a_fast_beginning_does_not_pay_for_a_slow_rest() -> None:
    async def send() -> float:
        clock, now = BodyClock(PACE), asyncio.get_running_loop().time
        sizes = [10**9] + [1] * 1000

        async def receive() -> bytes:
            await asyncio.sleep(1)
            return b"x" * min(sizes.pop(0), 10**6)

        while True:
            try:
                await clock.next(receive, len)
            except RequestTimedOut:
                return now()

    assert run_virtually(send()) == 31


def test_a_stalled_json_body_is_given_up() -> None:
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"100")]
    services = make_services(body_silence_sec=0.05)
    problem = refusal_of_stalled(services, "/jobs", headers, b'{"sourceUrl": "https://exa')
    assert (problem["code"], problem["retryable"]) == ("request_timeout", True)


def request_of(body: bytes, boundary: str = "b") -> Request:
    """Return a request with the form as its body, in chunks of 64 KiB."""

    async def messages() -> AsyncIterator[Message]:
        for start in range(0, len(body), 65536):
            yield {
                "type": "http.request",
                "body": body[start : start + 65536],
                "more_body": start + 65536 < len(body),
            }

    stream = messages()
    headers = [(b"content-type", f"multipart/form-data; boundary={boundary}".encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, lambda: anext(stream))


async def read(request: Request) -> list[PartEvent]:
    return [event async for event in read_parts(request, import_pace(Settings()))]


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        pytest.param((VIDEO_HEAD + b"\r\n") * 1000 + b"--b--", "b", id="empty parts"),
        pytest.param(b"--b\r\nX: " + b"y" * 2**20 + b"\r\n\r\n\r\n--b--", "b", id="a long header"),
        pytest.param(b"--b\r\n" + b"X: y\r\n" * 100_000 + b"\r\n\r\n--b--", "b", id="many headers"),
        pytest.param(b"\r\n" * 2**19 + VIDEO_HEAD + b"\r\n--b--", "b", id="lines before the form"),
        pytest.param(VIDEO_HEAD + b"\r\n--b--" + b"x" * 2**20, "b", id="bytes behind the form"),
        pytest.param(b"", "b" * 257, id="a long boundary"),
    ],
)
def test_forms_that_cost_more_than_they_hold_are_refused(body: bytes, boundary: str) -> None:
    for call in (read, lambda request: form_fingerprint(request, 2**30, import_pace(Settings()))):
        with pytest.raises(HTTPException) as refused:
            asyncio.run(call(request_of(body, boundary)))
        assert refused.value.status_code == 400


def test_a_boundary_of_256_characters_is_taken() -> None:
    boundary = "b" * 256
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="video"\r\n\r\nx\r\n--{boundary}--\r\n'
    assert len(asyncio.run(read(request_of(body.encode(), boundary)))) == 3
    assert MAX_PARTS == 64


def test_parsing_and_hashing_leave_the_event_loop_free() -> None:
    threads: set[int] = set()

    def observe(event: Any) -> None:
        threads.add(threading.get_ident())

    async def parse() -> int:
        body = VIDEO_HEAD + b"x" * 200_000 + b"\r\n--b--"
        async for _ in read_parts(request_of(body), import_pace(Settings()), observe):
            pass
        return threading.get_ident()

    assert asyncio.run(parse()) not in threads
    assert threads
