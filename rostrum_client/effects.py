"""Describe the client's operations without performing them: an operation is a generator of effects.

A client performs the effects. So every operation is written once for the client that blocks and for the one that does
not. `operation` and `listing` make such a generator function a method of both; the types follow the client.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar, overload

import httpx

from rostrum_client import wire
from rostrum_client.errors import RostrumUnreachable
from rostrum_client.models import Page
from rostrum_client.retry_timing import TRIES, is_too_long, pause_before_retry

P = ParamSpec("P")
T = TypeVar("T")
Blocking = TypeVar("Blocking")
Awaited = TypeVar("Awaited")


@dataclass(frozen=True, slots=True)
class Ask:
    """Send the request once; gives the Stream of its answer, with its body read unless `as_stream` is set."""

    request: wire.Request
    as_stream: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer, and the chunks of its body where it was asked for as a stream."""

    response: httpx.Response
    chunks: Iterator[bytes] | AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class NextChunk:
    """Read the stream's next bytes, None at its end."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """Do what takes the disk or the processor a moment; gives what it returns."""

    work: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Together:
    """Perform these operations at the same time, each to its end; the first error ends all of them.

    What they do between two effects is never done at the same time.
    """

    branches: "Sequence[Effects[None]]"


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """Something found, for the caller."""

    value: T


Effect: TypeAlias = Ask | NextChunk | Pause | Call | Together
Effects: TypeAlias = Generator[Effect, Any, T]
"""The effects that lead to one value."""
Listing: TypeAlias = Generator[Effect | Item[T], Any, None]
"""The effects that lead to any number of values."""


def send(request: wire.Request, *, tries: int = TRIES, as_stream: bool = False) -> Effects[Stream]:
    """Send a request, again after a pause while that may help; return the last answer, also when it is a failure.

    Every request may be sent again: one that changes something carries an Idempotency-Key, or is a PUT or DELETE.
    """
    failures = 0
    while True:
        answer: Stream | None = None
        try:
            answer = yield Ask(request, as_stream)
        except httpx.RequestError as error:
            if failures + 1 >= tries:
                raise RostrumUnreachable(f"No answer from {wire.origin(error.request.url)}: {error}") from error
        asked_sec = None
        if answer is not None:
            asked_sec = wire.retry_after_sec(answer.response.headers)
            if failures + 1 >= tries or is_too_long(asked_sec) or not wire.may_pass(answer.response):
                return answer
        failures += 1
        yield Pause(pause_before_retry(failures, asked_sec))


def ask(request: wire.Request, *, tries: int = TRIES) -> Effects[httpx.Response]:
    """Return the API's answer to the request; raise RostrumApiError, RostrumUnreachable."""
    return (yield from stream(request, tries=tries, as_stream=False)).response


def stream(request: wire.Request, *, tries: int = TRIES, as_stream: bool = True) -> Effects[Stream]:
    """Return the API's answer, with its body still to come."""
    answer = yield from send(request, tries=tries, as_stream=as_stream)
    wire.raise_for_problem(answer.response)
    return answer


def fetch(kind: type[T], request: wire.Request, *, tries: int = TRIES) -> Effects[T]:
    """Return the value that the API answers with; raise UnexpectedAnswer, too."""
    return wire.read(kind, (yield from ask(request, tries=tries)))


def fetch_all(kind: type[T], request: wire.Request) -> Listing[T]:
    """Yield every item of a list, page after page."""
    following: wire.Request | None = request
    while following is not None:
        page = yield from fetch(Page[kind], following)  # type: ignore[valid-type]
        yield from map(Item, page.items)
        following = wire.next_page(request, page.next_link)


def single(effects: Effects[T]) -> Listing[T]:
    """Yield the value as the only item."""
    yield Item((yield from effects))


class BlockingPerformer:
    """A client that blocks: what its methods give is there."""


class AwaitingPerformer:
    """A client that does not block: what its methods give is awaited."""


class Method(Generic[P, Blocking, Awaited]):
    """A method of both clients: what it gives is `Blocking` of the one and `Awaited` of the other."""

    def __init__(self, describe: Callable[P, Any], performer: str) -> None:
        self._describe = describe
        self._performer = performer

    @overload
    def __get__(self, client: None, owner: type) -> Callable[P, Any]: ...
    @overload
    def __get__(self, client: BlockingPerformer, owner: type) -> Callable[P, Blocking]: ...
    @overload
    def __get__(self, client: AwaitingPerformer, owner: type) -> Callable[P, Awaited]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self._describe
        perform = getattr(client, self._performer)

        @wraps(self._describe)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return perform(self._describe(*args, **kwargs))

        return method


def operation(describe: Callable[P, Effects[T]]) -> Method[P, T, Coroutine[Any, Any, T]]:
    """Return a method that gives one value."""
    return Method(describe, "_run")


def listing(
    describe: Callable[P, Listing[T]],
) -> Method[P, Generator[T, None, None], AsyncGenerator[T, None]]:
    """Return a method that gives values one after another."""
    return Method(describe, "_iterate")
