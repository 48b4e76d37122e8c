"""A decoder in a process of its own: a crash of FFmpeg, or its hunger, ends that process and not the API's.

The child is `python -m shared.media.probe.sandbox_process`, started anew for each look, with no setting and no secret
in its environment, and with limits on its memory and time. What it wants to read it asks of this side, and what it
answers is data that is checked. The two talk over the child's standard input and output:

    parent: a line of JSON, {"size", "head"}: the recording's size or null, and the length of its beginning or null,
            whose bytes follow then
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
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError

import shared
from shared.domain import errors
from shared.domain.errors import CannotProbe, FinalError, SourceChanged, SourceTooSlow
from shared.domain.recording import Recording
from shared.media.probe.decoder import BLOCK_BYTES, ReadRange

log = logging.getLogger(__name__)

COMMAND = ("-m", "shared.media.probe.sandbox_process")
APP = Path(shared.__file__).parents[1]
MAX_LINE_BYTES = 1024**2
_RECORDING = TypeAdapter(Recording)
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TMPDIR", "TEMP")
"""What a Python needs to start; settings are none of a decoder's business."""


class _Ended(Exception):
    """The child ended, or spoke nonsense, before its answer."""


class Apart:
    """A `Decoder` whose looks may take so many seconds each. Raises CannotProbe when the child dies, SourceTooSlow when
    its time is up."""

    def __init__(self, max_sec: float, command: Sequence[str] | None = None) -> None:
        self._max_sec = max_sec
        self._command = command or COMMAND

    def at_ranges(self, read_range: ReadRange, size_bytes: int) -> Recording:
        return self._look({"size": size_bytes, "head": None}, b"", read_range, size_bytes)

    def at_head(self, head: bytes, size_bytes: int | None) -> Recording:
        return self._look({"size": size_bytes, "head": len(head)}, head, None, 0)

    def _look(self, asked: dict[str, Any], head: bytes, read_range: ReadRange | None, size_bytes: int) -> Recording:
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
        """The process, and whether it was killed because its time was up; no process outlives the block."""
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
                except OSError:  # what was to be sent has no reader any more
                    log.debug("a decoder's pipe was broken", extra={"action": "probe"})


def _converse(
    child: "subprocess.Popen[bytes]", asked: dict[str, Any], head: bytes, read_range: ReadRange | None, size_bytes: int
) -> Recording:
    """What the child answers, after it was sent what it wants to read. Raises _Ended, and what `read_range` raises."""
    assert child.stdin is not None
    assert child.stdout is not None
    _send(child.stdin, json.dumps(asked).encode() + b"\n" + head)
    while True:
        match _heard(child.stdout):
            case {"read": [int(offset), int(length)]} if _is_allowed(offset, length, size_bytes) and read_range:
                _send(child.stdin, _exactly(read_range(offset, length), length))
            case {"seen": seen}:
                return _recording(seen)
            case {"error": {"kind": str(kind), "detail": str(detail)}}:
                raise _error(kind, detail)
            case _:
                raise _Ended("it spoke nonsense")


def _is_allowed(offset: int, length: int, size_bytes: int) -> bool:
    return offset >= 0 and 0 < length <= BLOCK_BYTES and offset + length <= size_bytes


def _exactly(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise SourceChanged("The recording became shorter while it was looked into.")
    return data


def _send(pipe: IO[bytes], data: bytes) -> None:
    try:
        pipe.write(data)
        pipe.flush()
    except OSError as err:
        raise _Ended("it does not read") from err


def _heard(pipe: IO[bytes]) -> Any:
    try:
        return json.loads(pipe.readline(MAX_LINE_BYTES))
    except (OSError, ValueError, RecursionError) as err:
        raise _Ended("it says nothing") from err


def _recording(seen: Any) -> Recording:
    try:
        return _RECORDING.validate_python(seen)
    except ValidationError as err:
        raise _Ended("it saw nonsense") from err


def _error(kind: str, detail: str) -> Exception:
    """The error with this name, if it is one that a recording can be refused with."""
    found = getattr(errors, kind, None)
    if isinstance(found, type) and issubclass(found, FinalError):
        return found(detail)
    return _Ended(f"it failed: {kind}")
