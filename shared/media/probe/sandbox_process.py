"""Look into one recording and end: the other side of `shared.media.probe.sandbox`, which says how they talk.

Run as `python -m shared.media.probe.sandbox_process SECONDS`; not for people.
"""

import json
import os
import sys
from dataclasses import asdict
from typing import IO, Any

from shared.domain.errors import FinalError
from shared.domain.recording import Recording
from shared.media.probe.decoder import InThisProcess

MAX_MEMORY_BYTES = 1024**3
"""Of private memory; a look at the largest pictures that `limits` lets through takes a third of it."""


def limit(max_sec: float, memory_bytes: int = MAX_MEMORY_BYTES) -> None:
    """Has the system end this process when it takes too much; does nothing where there is no such call (Windows)."""
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
    """Looks at what it is asked to, and says what it saw."""
    limit(float(sys.argv[1]))
    heard, said = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    _say(said, _answer(heard, said))


def _answer(heard: IO[bytes], said: IO[bytes]) -> dict[str, Any]:
    asked = json.loads(heard.readline())

    def read_range(offset: int, length: int) -> bytes:
        _say(said, {"read": [offset, length]})
        return heard.read(length)

    try:
        if asked["head"] is not None:
            seen: Recording = InThisProcess().at_head(heard.read(asked["head"]), asked["size"])
        else:
            seen = InThisProcess().at_ranges(read_range, asked["size"])
    except FinalError as error:
        return {"error": {"kind": type(error).__name__, "detail": error.detail}}
    return {"seen": asdict(seen)}


def _say(pipe: IO[bytes], words: dict[str, Any]) -> None:
    pipe.write(json.dumps(words).encode() + b"\n")
    pipe.flush()


if __name__ == "__main__":
    main()
