"""Following a job's events over connections that break."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from rostrum_client import RostrumApiError, RostrumClient, RostrumUnreachable, UnexpectedAnswer


def event(sequence: int, status: str = "CREATED") -> bytes:
    told = {"jobId": "j1", "sequence": sequence, "at": "2026-01-02T03:04:05Z", "status": status, "progress": 0.1}
    return f"event: status\nid: {sequence}\ndata: {json.dumps(told)}\n\n".encode()


class Breaking(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks off after its chunks."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


Follow = Callable[[list[httpx.Response]], list[int]]


@pytest.fixture
def follow(server: Any, either: RostrumClient) -> Follow:
    """Follows a job through these answers, one a connection; gives the sequence numbers of what came."""

    def follow(answers: list[httpx.Response]) -> list[int]:
        server.failures = answers
        return [event.sequence for event in either.events("j1")]

    return follow


def stream(*chunks: bytes) -> httpx.Response:
    return httpx.Response(200, content=b"retry: 2000\n\n" + b"".join(chunks))


def broken(*chunks: bytes) -> httpx.Response:
    return httpx.Response(200, stream=Breaking(*chunks))


def asked_after(server: Any) -> list[str]:
    return [request.headers["Last-Event-ID"] for request in server.requests]


def test_a_stream_that_the_server_ends_is_taken_up_where_it_ended(
    server: Any, follow: Follow, pauses: list[float]
) -> None:
    assert follow([stream(event(1), event(2)), stream(), stream(event(3, "DONE"))]) == [1, 2, 3]
    assert asked_after(server) == ["0", "2", "2"]
    assert pauses == [2.0, 2.0]


def test_a_connection_that_breaks_is_made_again(server: Any, follow: Follow) -> None:
    assert follow([broken(event(1), event(2)[:20]), broken(), stream(event(2), event(3, "ERROR"))]) == [1, 2, 3]
    assert asked_after(server) == ["0", "1", "1"]


def test_a_job_that_was_tried_again_goes_on_after_its_first_end(follow: Follow) -> None:
    assert follow([stream(event(1, "ERROR"), event(2)), stream(event(3, "DONE"))]) == [1, 2, 3]


def test_a_connection_that_breaks_after_the_end_is_made_again_to_be_sure(server: Any, follow: Follow) -> None:
    assert follow([broken(event(1, "DONE")), httpx.Response(204)]) == [1]
    assert asked_after(server) == ["0", "1"]


def test_connections_that_bring_nothing_are_given_up(follow: Follow, pauses: list[float]) -> None:
    with pytest.raises(RostrumUnreachable, match="keep breaking off"):
        follow([broken() for _ in range(9)])
    assert pauses == [0.5, 1.0, 2.0, 4.0]


def test_connections_that_bring_something_are_never_given_up(follow: Follow) -> None:
    answers = [broken(event(number)) for number in range(1, 20)]
    assert follow([*answers, stream(event(20, "DONE"))]) == list(range(1, 21))


def test_a_busy_server_is_asked_again_before_the_stream_begins(follow: Follow, pauses: list[float]) -> None:
    assert follow([httpx.Response(429, headers={"Retry-After": "7"}), stream(event(1, "DONE"))]) == [1]
    assert pauses == [7.0]


def test_a_job_that_is_not_there_is_told(follow: Follow) -> None:
    with pytest.raises(RostrumApiError, match="no such"):
        follow([httpx.Response(404, json={"code": "not_found", "title": "There is no such job"})])


def test_an_event_of_something_else_is_named(follow: Follow) -> None:
    with pytest.raises(UnexpectedAnswer, match="no jobevent of Rostrum's"):
        follow([stream(b"data: tick\n\n")])


def test_who_has_seen_enough_may_leave(server: Any, either: RostrumClient) -> None:
    server.failures = [stream(event(1), event(2))]
    events = either.events("j1", after=0)

    assert next(events).sequence == 1
    events.close()
    assert len(server.requests) == 1
