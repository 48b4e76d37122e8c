"""Define what is asked of a source, and what is known of the file that it sends."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """The limits for reading from a source."""

    max_bytes: int
    """Bytes of the whole file."""
    max_seconds: float
    """Seconds for one call, from the first request to the last byte."""
    allow_loopback: bool = False
    """Accept addresses of this machine as well (127.0.0.0/8 and ::1)."""
    connect_seconds: float = 10.0
    """Seconds for establishing a connection."""
    read_seconds: float = 30.0
    """Seconds without a byte from the server, or without progress in sending."""
    max_redirects: int = 10
    """Redirects that are followed in one call."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that is being read from its server."""

    size_bytes: int | None
    """Size of the whole file; None if the server does not declare it."""
    offset: int
    """Position of the first byte of `chunks` in the file."""
    validator: str | None
    """A strong ETag, else Last-Modified; to be sent with a later request for the rest."""
    content_type: str | None
    """Content-Type as the server declares it."""
    filename: str | None
    """The file's name as the server tells it, without a path."""
    accepts_ranges: bool
    """The server can send a byte range of the file."""
    chunks: Iterator[bytes]
    """The file's bytes from `offset` on."""
    is_part: bool = False
    """The server sends no more than the requested range."""
