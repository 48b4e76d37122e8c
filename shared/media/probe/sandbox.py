"""Run the decoder in a child process, so that a crash of FFmpeg or its memory use ends the child and not the API.

The child is `python -m shared.media.probe.sandbox_process`, started for each probe, without settings and secrets in its
environment, and with limits on memory and time. It requests the bytes that it reads from the parent, and its answer is
validated. The protocol over the child's standard input and output:

    parent: a line of JSON, {"size", "head", "measures", "wanted"}: the recording's size or null, the length of its
            beginning or null, whether to read all of it, and the tracks that were named; followed by the bytes of the
            beginning
    child:  a line of JSON, {"read": [offset, length]}; the parent sends so many bytes
    child:  a line of JSON, {"seen": Recording} or {"error": {"kind", "detail"}}, and ends
"""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError

import shared
from shared.domain import errors
from shared.domain.errors import CannotProbe, FinalError, SourceChanged, SourceTooSlow
from shared.domain.recording import Recording
from shared.domain.tracks import WantedTracks
from shared.media.probe.decoder import ANY_TRACKS, BLOCK_BYTES, ReadRange

log = logging.getLogger(__name__)

COMMAND = ("-m", "shared.media.probe.sandbox_process")
"""Arguments of the child's Python."""
APP = Path(shared.__file__).parents[1]
"""Working directory of the child."""
MAX_LINE_BYTES = 1024**2
"""Longest message of the child."""
_RECORDING = TypeAdapter(Recording)
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TMPDIR", "TEMP")
"""Variables that Python needs to start; the child gets no other, so no settings."""


class _Ended(Exception):
    """The child ended, or sent an invalid message, before its answer."""


class SandboxedDecoder:
    """A `Decoder` in a child process with `max_sec` for each probe.

    Raise CannotProbe if the child crashes or no media library is installed, SourceTooSlow if its time is over.
    """

    def __init__(self, max_sec: float, command: Sequence[str] | None = None) -> None:
        self._max_sec = max_sec
        self._command = command or COMMAND

    def at_ranges(
        self, read_range: ReadRange, size_bytes: int, *, measures: bool, wanted: WantedTracks = ANY_TRACKS
    ) -> Recording:
        asked = {"size": size_bytes, "head": None, "measures": measures, "wanted": asdict(wanted)}
        return self._probe(asked, b"", read_range, size_bytes)

    def at_head(self, head: bytes, size_bytes: int | None, wanted: WantedTracks = ANY_TRACKS) -> Recording:
        asked = {"size": size_bytes, "head": len(head), "measures": False, "wanted": asdict(wanted)}
        return self._probe(asked, head, None, 0)

    def _probe(self, asked: dict[str, Any], head: bytes, read_range: ReadRange | None, size_bytes: int) -> Recording:
        if find_spec("av") is None:
            raise CannotProbe(
                "This app serves the API only and has no media library, so it cannot look into a recording. A worker "
                "looks into it when a job is submitted."
            )
        with self._child() as (child, is_late):
            try:
                return _converse(child, asked, head, read_range, size_bytes)
            except _Ended as err:
                child.kill()
                status = child.wait()
                if is_late.is_set():
                    raise SourceTooSlow(
                        f"The recording could not be looked into within {self._max_sec:.0f} s; a job has more time."
                    ) from err
                log.warning("a decoder ended", extra={"action": "probe", "status": str(status)}, exc_info=err)
                raise CannotProbe(
                    "The process that looked into the recording ended without an answer: the recording makes a decoder "
                    "crash, or takes too much memory. A job would most likely fail as well."
                ) from err

    @contextmanager
    def _child(self) -> Iterator[tuple["subprocess.Popen[bytes]", threading.Event]]:
        """Yield the process, and an event that is set if its time was over; the process ends with the block."""
        environ = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environ["PYTHONPATH"] = os.pathsep.join([str(APP), *filter(None, sys.path)])
        child = subprocess.Popen(
            [sys.executable, *self._command, f"{self._max_sec:g}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            cwd=APP,
        )
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            child.kill()

        timer = threading.Timer(self._max_sec, end)
        timer.daemon = True
        timer.start()
        try:
            yield child, is_late
        finally:
            timer.cancel()
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                assert pipe is not None
                try:
                    pipe.close()
                except OSError:  # the child no longer reads
                    log.debug("a decoder's pipe was broken", extra={"action": "probe"})


def _converse(
    child: "subprocess.Popen[bytes]", asked: dict[str, Any], head: bytes, read_range: ReadRange | None, size_bytes: int
) -> Recording:
    """Serve the child's reads and return its answer. Raise _Ended, and what `read_range` raises."""
    assert child.stdin is not None
    assert child.stdout is not None
    _send(child.stdin, json.dumps(asked).encode() + b"\n" + head)
    while True:
        match _receive(child.stdout):
            case {"read": [int(offset), int(length)]} if _may_read(offset, length, size_bytes) and read_range:
                _send(child.stdin, _exactly(read_range(offset, length), length))
            case {"seen": seen}:
                return _recording(seen)
            case {"error": {"kind": str(kind), "detail": str(detail)}}:
                raise _error(kind, detail)
            case _:
                raise _Ended("it sent an invalid message")


def _may_read(offset: int, length: int, size_bytes: int) -> bool:
    """Return whether the child may read this range."""
    return offset >= 0 and 0 < length <= BLOCK_BYTES and offset + length <= size_bytes


def _exactly(data: bytes, length: int) -> bytes:
    """Return `data`. Raise SourceChanged if it has another length."""
    if len(data) != length:
        raise SourceChanged("The recording became shorter while it was looked into.")
    return data


def _send(pipe: IO[bytes], data: bytes) -> None:
    """Write to the child. Raise _Ended if it does not read."""
    try:
        pipe.write(data)
        pipe.flush()
    except OSError as err:
        raise _Ended("it does not read") from err


def _receive(pipe: IO[bytes]) -> Any:
    """Return the next message of the child. Raise _Ended if there is none."""
    try:
        return json.loads(pipe.readline(MAX_LINE_BYTES))
    except (OSError, ValueError, RecursionError) as err:
        raise _Ended("it sent no message") from err


def _recording(seen: Any) -> Recording:
    """Return the validated answer. Raise _Ended if it is no recording."""
    try:
        return _RECORDING.validate_python(seen)
    except ValidationError as err:
        raise _Ended("it sent an invalid recording") from err


def _error(kind: str, detail: str) -> Exception:
    """Return the error with this name if it is one that refuses a recording, else _Ended."""
    found = getattr(errors, kind, None)
    if isinstance(found, type) and issubclass(found, FinalError):
        return found(detail)
    return _Ended(f"it failed: {kind}")
