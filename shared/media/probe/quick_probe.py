"""A look at a recording that reads little of it, in bounded time, and keeps nothing: what `probe` finds out that way.

Where a recording can be read in pieces, its beginning and its index are enough. Where it cannot (a server without
ranges), or where finding the index would mean reading on and on, its first few megabytes have to do.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from shared.domain.errors import (
    CannotProbe,
    DamagedRecording,
    EmptyRecording,
    SourceTooSlow,
    SourceUnavailable,
)
from shared.domain.recording import Recording
from shared.domain.warning import About, RecordingWarning
from shared.media.network.fetch import FetchPolicy, RemoteFile, open_source
from shared.media.network.guarded_network import Resolve, resolve
from shared.media.probe.decoder import BLOCK_BYTES, Decoder, InThisProcess, ReadRange

HEAD_BYTES = 4 * 1024**2

LENGTH_UNKNOWN = RecordingWarning(
    "duration_unknown",
    About.RECORDING,
    "The recording does not say how long it is: that is known when all of it has been read.",
)


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen; `size_bytes` and `duration_sec` are None where they cannot be known without reading everything,
    and then those in `recording` mean nothing."""

    recording: Recording
    size_bytes: int | None
    duration_sec: float | None


class TooMuchRead(Exception):
    """The bytes that a look may cost are used up."""


class Allowance:
    """What one look may cost: bytes in all, and seconds from now on."""

    def __init__(self, max_bytes: int, max_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._bytes_left = max_bytes
        self._max_seconds = max_seconds
        self._monotonic = monotonic
        self._deadline = monotonic() + max_seconds

    @property
    def seconds_left(self) -> float:
        """Not above zero when the time is up."""
        return self._deadline - self._monotonic()

    def take(self, length: int) -> None:
        """To be asked before `length` bytes are read; raises SourceTooSlow, TooMuchRead."""
        self.check_time()
        if length > self._bytes_left:
            raise TooMuchRead
        self._bytes_left -= length

    def check_time(self, cause: Exception | None = None) -> None:
        """Raises SourceTooSlow when the time is up."""
        if self.seconds_left <= 0:
            raise SourceTooSlow(
                f"The recording could not be looked into within {self._max_seconds:.0f} s; a job has more time."
            ) from cause


def glance_at_ranges(
    read_range: ReadRange, size_bytes: int, allowance: Allowance, decoder: Decoder | None = None
) -> Glance:
    """A look at what can be read in pieces, by this process unless a `decoder` is given. Raises what that and
    `read_range` raise, SourceTooSlow, CannotProbe."""
    decoder = decoder or InThisProcess()

    def read(offset: int, length: int) -> bytes:
        allowance.take(length)
        return read_range(offset, length)

    try:
        return _seen(decoder.at_ranges(read, size_bytes), size_bytes)
    except TooMuchRead:
        return _glance_at_head(read_range(0, min(HEAD_BYTES, size_bytes)), size_bytes, decoder)


def glance_at_url(
    url: str,
    policy: FetchPolicy,
    allowance: Allowance,
    resolve: Resolve = resolve,
    decoder: Decoder | None = None,
) -> Glance:
    """A look at what a web address leads to. Raises what `open_source` and `glance_at_ranges` raise."""
    remote = _Remote(url, policy, allowance, resolve)
    if remote.size_bytes == 0:
        raise EmptyRecording("The source's server has an empty file there (0 bytes).")
    if remote.has_ranges and remote.size_bytes is not None:
        return glance_at_ranges(remote.read_range, remote.size_bytes, allowance, decoder)
    return _glance_at_head(remote.head, remote.size_bytes, decoder or InThisProcess())


class _Remote:
    """A file at a web address, read by as few requests as will do. `head` is its beginning; it is all of the file when
    it is not longer than that. `size_bytes` is None when the server does not tell and there is more to come."""

    def __init__(self, url: str, policy: FetchPolicy, allowance: Allowance, resolve: Resolve) -> None:
        self._url = url
        self._policy = policy
        self._allowance = allowance
        self._resolve = resolve
        self._validator: str | None = None
        with self._opened(0, BLOCK_BYTES) as file:
            self.size_bytes = file.size_bytes
            self.has_ranges = file.is_part and file.size_bytes is not None
            self._validator = file.validator
            wanted = BLOCK_BYTES if file.is_part else HEAD_BYTES
            self.head = _first(file.chunks, wanted)
            if self.size_bytes is None and not file.is_part and len(self.head) < wanted:
                self.size_bytes = len(self.head)  # there was no more

    def read_range(self, offset: int, length: int) -> bytes:
        """Exactly these bytes; raises SourceUnavailable when the server sends fewer."""
        if offset + length <= len(self.head):
            return self.head[offset : offset + length]
        with self._opened(offset, length) as file:
            data = _first(file.chunks, length)
        if len(data) < length:
            raise SourceUnavailable(f"The source's server sent {len(data)} bytes where {length} were asked for.")
        return data

    @contextmanager
    def _opened(self, offset: int, length: int) -> Iterator[RemoteFile]:
        self._allowance.check_time()
        policy = replace(self._policy, max_seconds=self._allowance.seconds_left)
        try:
            with open_source(self._url, policy, offset, self._validator, self._resolve, length) as file:
                yield file
        except (SourceTooSlow, SourceUnavailable) as err:
            self._allowance.check_time(err)  # whatever failed last: it was the time that was up
            raise


def _glance_at_head(head: bytes, size_bytes: int | None, decoder: Decoder) -> Glance:
    """What the beginning of a recording shows; raises CannotProbe where the index is not there."""
    if size_bytes is not None and len(head) >= size_bytes:
        return _seen(decoder.at_head(head, len(head)), len(head))
    try:
        return _seen(decoder.at_head(head, size_bytes), size_bytes)
    except DamagedRecording as err:
        raise CannotProbe(
            f"What the recording is does not show in its first {len(head) // 1024**2} MiB, and a probe may not read "
            "all that it would take. Submit it: a job reads everything."
        ) from err


def _first(chunks: Iterator[bytes], length: int) -> bytes:
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        if len(buffer) >= length:
            break
    return bytes(buffer[:length])


def _seen(recording: Recording, size_bytes: int | None) -> Glance:
    duration_sec = recording.duration_sec if recording.duration_sec > 0 else None
    warnings = recording.warnings if duration_sec is not None else (*recording.warnings, LENGTH_UNKNOWN)
    return Glance(replace(recording, warnings=warnings), size_bytes, duration_sec)
