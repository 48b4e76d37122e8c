"""Fingerprint a request's body to recognise a repeated one: SHA-256 over normalised JSON, and over forms part by
part.
"""

import hashlib
import json
from contextlib import suppress

from starlette.requests import Request

from shared.api.http.body_pace import Pace
from shared.api.http.multipart import PartBegin, PartData, PartEnd, PartEvent, read_parts


def body_fingerprint(query: str, body: bytes) -> str:
    """Return the fingerprint of a short body; the order of a JSON object's members and the space between them do not
    count.
    """
    with suppress(ValueError, RecursionError):  # no JSON: the route will say so
        body = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(query.encode() + b"\n" + body).hexdigest()


class FormFingerprint:
    """Of a multipart form, fed with its parts as they arrive; neither their order nor the boundary counts."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._part = hashlib.sha256()

    def add(self, event: PartEvent) -> None:
        """Add an event of the body."""
        match event:
            case PartBegin(name, file_name, content_type):
                head = json.dumps([name, file_name, content_type]).encode()
                self._part = hashlib.sha256(head + b"\n")
            case PartData(data):
                self._part.update(data)
            case PartEnd():
                self._parts.append(self._part.digest())

    def hexdigest(self) -> str:
        """Return the fingerprint of all events that were added."""
        return hashlib.sha256(b"".join(sorted(self._parts))).hexdigest()


async def form_fingerprint(request: Request, at_most_bytes: int, pace: Pace) -> str | None:
    """Read a form to its end, keeping nothing, and return its fingerprint.

    Returns None when it has more bytes than can have been accepted. Raises what `read_parts` raises.
    """
    fingerprint, size_bytes = FormFingerprint(), 0
    async for event in read_parts(request, pace, fingerprint.add):
        if isinstance(event, PartData):
            size_bytes += len(event.data)
            if size_bytes > at_most_bytes:
                return None
    return fingerprint.hexdigest()
