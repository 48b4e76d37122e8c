"""What other systems take over: a package for Opencast, and a IIIF manifest."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rostrum_client.steps import Call, NextChunk, Steps, ask, stream
from rostrum_client.wire import get


def download_package(session_id: str, path: Path) -> Steps[Path]:
    """Write the session as an Opencast package, a ZIP with the recording, to `path`, whole or not at all."""
    unfinished = path.with_name(path.name + ".part")
    answer = yield from stream(get("sessions", session_id, "package"))
    with unfinished.open("wb") as file:
        while (chunk := (yield NextChunk(answer))) is not None:
            yield Call(partial(file.write, chunk))
    unfinished.replace(path)
    return path


def manifest(session_id: str, *, job_id: str | None = None) -> Steps[Mapping[str, Any]]:
    """Return the session as a IIIF Presentation 3 manifest."""
    answer = yield from ask(get("sessions", session_id, "manifest", job_id=job_id))
    found: Mapping[str, Any] = answer.json()
    return found
