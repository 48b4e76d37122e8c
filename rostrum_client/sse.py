"""Read Server-Sent Events from bytes as they arrive, however they are cut.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import re
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\n|\r(?!$)")
"""A CR that is the last byte so far may be half of a CRLF."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event: its `event:` and `data:`, and the `id:` that holds since it or one before it."""

    event: str
    data: str
    id: str


class Parser:
    """Turns bytes into messages; `retry_sec` is how long the server asks to wait before coming again.

    >>> [message.data for message in Parser().feed(b'id: 1\\ndata: {}\\n\\n')]
    ['{}']
    """

    def __init__(self) -> None:
        self.retry_sec: float | None = None
        self._rest = b""
        self._event = self._id = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Message]:
        """Return the messages that these bytes complete."""
        *lines, self._rest = _LINE_END.split(self._rest + chunk)
        return [message for line in lines if (message := self._take(line.decode("utf-8", "replace")))]

    def _take(self, line: str) -> Message | None:
        if not line:
            message = Message(self._event or "message", "\n".join(self._data), self._id) if self._data else None
            self._event, self._data = "", []
            return message
        name, _, value = line.partition(":")  # a comment has no name
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry_sec = int(value) / 1000
        return None
