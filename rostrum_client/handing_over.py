"""Fetch what other systems take over: a package for Opencast, and a IIIF manifest."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rostrum_client.effects import Call, Effects, NextChunk, ask, stream
from rostrum_client.whole_file import whole_file
from rostrum_client.wire import get


def download_package(session_id: str, path: Path) -> Effects[Path]:
    """Write the session as an Opencast package, a ZIP with the recording, to `path`, whole or not at all."""
    answer = yield from stream(get("sessions", session_id, "package"))
    with whole_file(path) as file:
        while (chunk := (yield NextChunk(answer))) is not None:
            yield Call(partial(file.write, chunk))
    return path


def manifest(session_id: str, *, job_id: str | None = None) -> Effects[Mapping[str, Any]]:
    """Return the session as a IIIF Presentation 3 manifest."""
    answer = yield from ask(get("sessions", session_id, "manifest", job_id=job_id))
    found: Mapping[str, Any] = answer.json()
    return found
