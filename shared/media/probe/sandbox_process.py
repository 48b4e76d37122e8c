"""Probe one recording and end: the child of `shared.media.probe.sandbox`, which documents the protocol.

Run as `python -m shared.media.probe.sandbox_process SECONDS` by the sandbox only.
"""

import json
import os
import sys
from dataclasses import asdict
from typing import IO, Any

from shared.domain.errors import FinalError
from shared.domain.recording import Recording
from shared.domain.tracks import WantedTracks
from shared.media.probe.decoder import InProcessDecoder

MAX_MEMORY_BYTES = 1024**3
"""Most private memory; a probe of the largest pictures that `limits` allows takes a third of it."""


def limit(max_sec: float, memory_bytes: int = MAX_MEMORY_BYTES) -> None:
    """Make the system end this process at these limits; do nothing on systems without such a call (Windows)."""
    try:
        import resource
    except ImportError:
        return
    seconds = int(max_sec) + 1
    for what, most in (
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),  # pipes are no files
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))


def main() -> None:
    """Probe what the parent asks for, and answer."""
    limit(float(sys.argv[1]))
    heard, said = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # keep the output of libraries out of the protocol
    _say(said, _answer(heard, said))


def _answer(heard: IO[bytes], said: IO[bytes]) -> dict[str, Any]:
    """Return the answer to the request that arrives on `heard`."""
    asked = json.loads(heard.readline())

    def read_range(offset: int, length: int) -> bytes:
        _say(said, {"read": [offset, length]})
        return heard.read(length)

    wanted = WantedTracks(**asked["wanted"])
    try:
        if asked["head"] is not None:
            seen: Recording = InProcessDecoder().at_head(heard.read(asked["head"]), asked["size"], wanted)
        else:
            seen = InProcessDecoder().at_ranges(read_range, asked["size"], measures=asked["measures"], wanted=wanted)
    except FinalError as error:
        return {"error": {"kind": type(error).__name__, "detail": error.detail}}
    return {"seen": asdict(seen)}


def _say(pipe: IO[bytes], words: dict[str, Any]) -> None:
    """Write one message."""
    pipe.write(json.dumps(words).encode() + b"\n")
    pipe.flush()


if __name__ == "__main__":
    main()
