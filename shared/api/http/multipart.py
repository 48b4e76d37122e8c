"""A multipart body, part by part as it arrives: nothing is spooled to disk, nothing held but the chunks at hand.

https://www.rfc-editor.org/rfc/rfc7578
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from shared.api.dependencies import off_loop
from shared.api.http.body_pace import BodyClock, Pace

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

NO_FORM = "The body must be multipart/form-data with a boundary."
CUT_SHORT = "The body ends before the last part does."
MAX_BOUNDARY_CHARS = 256
MAX_PARTS = 64
PARSED_BYTES = 256 * 1024
"""How much is parsed before the bounds are checked: as much as the server reads at once, so that nothing is cut."""

AT_ONCE_BYTES = 1024 * 1024
"""The beginning of a body, of which each chunk is parsed as it comes, so that a refusal comes before the file does."""

TOGETHER_BYTES = 4 * 1024**2
"""How much of the rest is parsed together: each time costs the change to a thread and back."""

MAX_CHUNKS_TOGETHER = 64
"""The most chunks that are parsed together, however small they are."""

MAX_OVERHEAD_BYTES = 256 * 1024
"""The most bytes of a form that belong to no part's data: boundaries, headers, and what stands before and behind."""


@dataclass(frozen=True, slots=True)
class PartBegin:
    """A part begins: the field's name, and what the client says of the file."""

    name: str
    file_name: str | None
    content_type: str | None


@dataclass(frozen=True, slots=True)
class PartData:
    """Some bytes of the part that began last."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part that began last is complete."""


PartEvent = PartBegin | PartData | PartEnd


async def read_parts(
    request: Request, pace: Pace, observe: Callable[[PartEvent], None] = lambda event: None
) -> AsyncIterator[PartEvent]:
    """Yield the events of the body in order. A thread parses each chunk, and calls `observe` with each event before it
    is yielded, so that neither holds up the event loop.

    Raises HTTPException 415 when the body is no form data and 400 when it is cut or exceeds a bound of this module, and
    RequestTimedOut when it does not keep the pace.
    """
    content_type, parameters = parse_options_header(request.headers.get("content-type"))
    boundary = parameters.get(b"boundary")
    if content_type != b"multipart/form-data" or not boundary:
        raise HTTPException(415, NO_FORM)
    if len(boundary) > MAX_BOUNDARY_CHARS:
        raise HTTPException(400, f"The form's boundary has more than {MAX_BOUNDARY_CHARS} characters.")
    collected = _Collector(observe)
    try:
        parser = MultipartParser(boundary, collected.callbacks())
        async for chunks in _chunks(request, pace):
            for event in await off_loop(partial(collected.parse, parser, chunks)):
                yield event
    except MultipartParseError as err:
        raise HTTPException(400, "The body is not well-formed multipart/form-data.") from err
    if not collected.complete:
        raise HTTPException(400, CUT_SHORT)


async def _chunks(request: Request, pace: Pace) -> AsyncIterator[list[bytes]]:
    """Yield the body's chunks, first one by one and then together, up to the bounds of this module."""
    stream, clock = aiter(request.stream()), BodyClock(pace)
    seen_bytes, held_bytes, held = 0, 0, list[bytes]()
    while True:
        try:
            chunk = await clock.next(partial(anext, stream), len)
        except StopAsyncIteration:
            if held:
                yield held
            return
        seen_bytes += len(chunk)
        held_bytes += len(chunk)
        held.append(chunk)
        if seen_bytes <= AT_ONCE_BYTES or held_bytes >= TOGETHER_BYTES or len(held) == MAX_CHUNKS_TOGETHER:
            yield held
            held_bytes, held = 0, []


class _Collector:
    """Turns the parser's callbacks into events."""

    def __init__(self, observe: Callable[[PartEvent], None]) -> None:
        self.complete = False
        self._observe = observe
        self._parts = 0
        self._overhead_bytes = 0
        self._events: list[PartEvent] = []
        self._headers: dict[str, str] = {}
        self._field = bytearray()
        self._value = bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        """Return the functions that the parser calls."""
        return {
            "on_header_field": lambda data, start, end: self._field.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._begin,
            "on_part_data": lambda data, start, end: self._events.append(PartData(data[start:end])),
            "on_part_end": lambda: self._events.append(PartEnd()),
            "on_end": self._end,
        }

    def parse(self, parser: MultipartParser, chunks: list[bytes]) -> list[PartEvent]:
        """Parse the chunks, empty their list, and return their events, which alone hold the data then.

        Raises HTTPException 400 when the form exceeds a bound.
        """
        for chunk in chunks:
            for start in range(0, len(chunk), PARSED_BYTES):
                self._parse(parser, chunk[start : start + PARSED_BYTES])
        chunks.clear()
        taken, self._events = self._events, []
        for event in taken:
            self._observe(event)
        return taken

    def _parse(self, parser: MultipartParser, piece: bytes) -> None:
        before = len(self._events)
        parser.write(piece)
        data = sum(len(event.data) for event in self._events[before:] if isinstance(event, PartData))
        self._overhead_bytes += len(piece) - data
        if self._overhead_bytes > MAX_OVERHEAD_BYTES:
            raise HTTPException(400, f"More than {MAX_OVERHEAD_BYTES} bytes of the form are no part's data.")

    def _header_end(self) -> None:
        self._headers[self._field.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._field.clear()
        self._value.clear()

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise HTTPException(400, f"The form has more than {MAX_PARTS} parts.")
        _, parameters = parse_options_header(self._headers.get("content-disposition"))
        name, file_name = parameters.get(b"name", b""), parameters.get(b"filename")
        self._events.append(
            PartBegin(
                name.decode("utf-8", "replace"),
                None if file_name is None else file_name.decode("utf-8", "replace"),
                self._headers.get("content-type"),
            )
        )
        self._headers = {}

    def _end(self) -> None:
        self.complete = True
