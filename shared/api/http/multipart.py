"""A multipart body, part by part as it arrives: nothing is spooled to disk, nothing held but the chunk at hand.

https://www.rfc-editor.org/rfc/rfc7578
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyio import fail_after
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from shared.domain.errors import RequestTimedOut

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

NO_FORM = "The body must be multipart/form-data with a boundary."
CUT_SHORT = "The body ends before the last part does."
PATIENCE_SEC = 30.0
"""How long a client may send nothing before it is given up."""


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


async def read_parts(request: Request) -> AsyncIterator[PartEvent]:
    """Yield the events of the body in order.

    Raises HTTPException 415 when the body is no form data and 400 when it is cut, and RequestTimedOut when no more
    bytes
    arrive.
    """
    content_type, parameters = parse_options_header(request.headers.get("content-type"))
    if content_type != b"multipart/form-data" or not parameters.get(b"boundary"):
        raise HTTPException(415, NO_FORM)
    collected = _Collector()
    try:
        parser = MultipartParser(parameters[b"boundary"], collected.callbacks())
        async for chunk in _chunks(request):
            parser.write(chunk)
            for event in collected.take():
                yield event
    except MultipartParseError as err:
        raise HTTPException(400, "The body is not well-formed multipart/form-data.") from err
    if not collected.complete:
        raise HTTPException(400, CUT_SHORT)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    stream = request.stream()
    while True:
        try:
            with fail_after(PATIENCE_SEC):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as err:
            raise RequestTimedOut(f"Nothing more of the form arrived for {PATIENCE_SEC:g} s.") from err
        yield chunk


class _Collector:
    """Turns the parser's callbacks into events."""

    def __init__(self) -> None:
        self.complete = False
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

    def take(self) -> list[PartEvent]:
        taken, self._events = self._events, []
        return taken

    def _header_end(self) -> None:
        self._headers[self._field.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._field.clear()
        self._value.clear()

    def _begin(self) -> None:
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
