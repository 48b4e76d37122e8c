"""Probe a recording quickly: read little of it, in bounded time, and store nothing.

If the recording can be read in ranges, its beginning and its index are enough. If it cannot (a server without ranges),
or if finding the index would take too many reads, its first few megabytes have to do. Apart from `probe.py`, which
reads as much as it needs.
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
from shared.domain.tracks import WantedTracks
from shared.domain.warning import About, RecordingWarning
from shared.media.network.fetch import FetchPolicy, RemoteFile, open_source
from shared.media.network.guarded_network import Resolve, resolve
from shared.media.probe.decoder import ANY_TRACKS, BLOCK_BYTES, Decoder, InProcessDecoder, ReadRange

HEAD_BYTES = 4 * 1024**2
"""Size of the beginning that is probed if ranges do not work."""

MEASURED_SHARE = 0.5
"""A recording of up to this share of the byte budget is read whole; the rest is for what is read twice."""

LENGTH_UNKNOWN = RecordingWarning(
    "duration_unknown",
    About.RECORDING,
    "The recording does not say how long it is: that is known when all of it has been read.",
)


@dataclass(frozen=True, slots=True)
class QuickProbe:
    """The result of a quick probe."""

    recording: Recording
    """The facts; its size and duration mean nothing where those below are None."""
    size_bytes: int | None
    """None if it cannot be known without reading everything."""
    duration_sec: float | None
    """None if it cannot be known without reading everything."""


class BudgetExceeded(Exception):
    """The byte budget of a quick probe is used up."""


class ProbeBudget:
    """The budget of one quick probe: bytes in all, and seconds from now on."""

    def __init__(self, max_bytes: int, max_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.max_bytes = max_bytes
        self._bytes_left = max_bytes
        self._max_seconds = max_seconds
        self._monotonic = monotonic
        self._deadline = monotonic() + max_seconds

    @property
    def seconds_left(self) -> float:
        """Return the seconds until the deadline; not positive if it has passed."""
        return self._deadline - self._monotonic()

    def take(self, length: int) -> None:
        """Take `length` bytes from the budget before a read. Raise SourceTooSlow or TooMuchRead."""
        self.check_time()
        if length > self._bytes_left:
            raise BudgetExceeded
        self._bytes_left -= length

    def check_time(self, cause: Exception | None = None) -> None:
        """Raise SourceTooSlow if the deadline has passed."""
        if self.seconds_left <= 0:
            raise SourceTooSlow(
                f"The recording could not be looked into within {self._max_seconds:.0f} s; a job has more time."
            ) from cause


def quick_probe_ranges(
    read_range: ReadRange,
    size_bytes: int,
    budget: ProbeBudget,
    decoder: Decoder | None = None,
    wanted: WantedTracks = ANY_TRACKS,
) -> QuickProbe:
    """Probe a recording that can be read in ranges, in this process unless a `decoder` is given.

    Raise what `probe` and `read_range` raise, SourceTooSlow, or CannotProbe.
    """
    decoder = decoder or InProcessDecoder()

    def read(offset: int, length: int) -> bytes:
        budget.take(length)
        return read_range(offset, length)

    try:
        measures = size_bytes <= budget.max_bytes * MEASURED_SHARE
        return _result(decoder.at_ranges(read, size_bytes, measures=measures, wanted=wanted), size_bytes)
    except BudgetExceeded:
        return _quick_probe_head(read_range(0, min(HEAD_BYTES, size_bytes)), size_bytes, decoder, wanted)


def quick_probe_url(
    url: str,
    policy: FetchPolicy,
    budget: ProbeBudget,
    resolve: Resolve = resolve,
    decoder: Decoder | None = None,
    wanted: WantedTracks = ANY_TRACKS,
) -> QuickProbe:
    """Probe the recording at a web address. Raise what `open_source` and `quick_probe_ranges` raise."""
    remote = _Remote(url, policy, budget, resolve)
    if remote.size_bytes == 0:
        raise EmptyRecording("The source's server has an empty file there (0 bytes).")
    if remote.has_ranges and remote.size_bytes is not None:
        return quick_probe_ranges(remote.read_range, remote.size_bytes, budget, decoder, wanted)
    return _quick_probe_head(remote.head, remote.size_bytes, decoder or InProcessDecoder(), wanted)


class _Remote:
    """A file at a web address, read with as few requests as possible.

    `head` is its beginning, or all of a short file. `size_bytes` is None if the server does not declare it.
    """

    def __init__(self, url: str, policy: FetchPolicy, budget: ProbeBudget, resolve: Resolve) -> None:
        self._url = url
        self._policy = policy
        self._budget = budget
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
        """Return exactly these bytes. Raise SourceUnavailable if the server sends fewer."""
        if offset + length <= len(self.head):
            return self.head[offset : offset + length]
        with self._opened(offset, length) as file:
            data = _first(file.chunks, length)
        if len(data) < length:
            raise SourceUnavailable(f"The source's server sent {len(data)} bytes where {length} were asked for.")
        return data

    @contextmanager
    def _opened(self, offset: int, length: int) -> Iterator[RemoteFile]:
        """Open the file at `offset` with the time that is left."""
        self._budget.check_time()
        policy = replace(self._policy, max_seconds=self._budget.seconds_left)
        try:
            with open_source(self._url, policy, offset, self._validator, self._resolve, length) as file:
                yield file
        except (SourceTooSlow, SourceUnavailable) as err:
            self._budget.check_time(err)  # the passed deadline is the cause, not the failure that followed
            raise


def _quick_probe_head(head: bytes, size_bytes: int | None, decoder: Decoder, wanted: WantedTracks) -> QuickProbe:
    """Probe the beginning of a recording. Raise CannotProbe if the index is not in it."""
    if size_bytes is not None and len(head) >= size_bytes:
        return _result(decoder.at_head(head, len(head), wanted), len(head))
    try:
        return _result(decoder.at_head(head, size_bytes, wanted), size_bytes)
    except DamagedRecording as err:
        raise CannotProbe(
            f"What the recording is does not show in its first {len(head) // 1024**2} MiB, and a probe may not read "
            "all that it would take. Submit it: a job reads everything."
        ) from err


def _first(chunks: Iterator[bytes], length: int) -> bytes:
    """Return the first `length` bytes of the chunks."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        if len(buffer) >= length:
            break
    return bytes(buffer[:length])


def _result(recording: Recording, size_bytes: int | None) -> QuickProbe:
    """Return the result, with a warning if the duration is unknown."""
    duration_sec = recording.duration_sec if recording.duration_sec > 0 else None
    warnings = recording.warnings if duration_sec is not None else (*recording.warnings, LENGTH_UNKNOWN)
    return QuickProbe(replace(recording, warnings=warnings), size_bytes, duration_sec)
