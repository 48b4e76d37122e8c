"""Fetch models into a directory and check every file: take up what was broken off, keep nothing that is wrong.

A file is in its place only when its checksum is right. Standard library only.
"""

import hashlib
import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from devhost.azurite import HOME
from devhost.errors import SetupError
from devhost.locks import exclusive
from devhost.model_table import MODELS, Model, ModelFile

MODELS_HOME = HOME / "models"
CHECKSUMS = "checksums.json"
TIMEOUT_SEC = 60.0
CHUNK = 1024**2
ATTEMPTS = 3

Say = Callable[[str], None]


def fetch_models(names: Sequence[str], say: Say, home: Path = MODELS_HOME, models: Sequence[Model] = MODELS) -> None:
    """Fetch the models of these names, or the default ones; raise SetupError with the reason of a failure."""
    known = {model.name: model for model in models}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SetupError(f"There is no model {', '.join(unknown)}. There are: {', '.join(known)}.")
    for model in [known[name] for name in names] or [model for model in models if model.default]:
        directory = home / model.name
        directory.mkdir(parents=True, exist_ok=True)
        with exclusive(directory / ".lock", waiting=lambda: say("Waiting for another run that fetches models")):
            say(f"{model.name}: {model.about} ({model.megabytes} MB, {model.licence})")
            for file in model.files:
                _fetch(file, directory, say)


def describe_models(home: Path = MODELS_HOME, models: Sequence[Model] = MODELS) -> str:
    """Return a line for each model: its name, whether it is there, its size, licence and use."""
    return "\n".join(
        f"{model.name:<22} {'here' if _is_here(model, home) else '-':<5} {model.megabytes:>5} MB  "
        f"{model.licence:<11} {model.about}"
        for model in models
    )


def _is_here(model: Model, home: Path) -> bool:
    return all((home / model.name / file.name).is_file() for file in model.files)


def _fetch(file: ModelFile, directory: Path, say: Say) -> None:
    target = directory / file.name
    expected = file.sha256 or _recorded(directory).get(file.name)
    if target.is_file():
        if expected is not None and _sha256(target) == expected:
            say(f"  {file.name} is there")
            return
        if expected is not None:
            say(f"  {file.name} is damaged: fetching it again")
        target.unlink()
    partial = directory / (file.name + ".part")
    if expected is None:  # nothing would tell halves of two versions from one file
        partial.unlink(missing_ok=True)
    for attempt in range(ATTEMPTS):
        resumed = partial.exists()
        try:
            _download(file.url, partial, say)
        except _Broken as error:
            if attempt + 1 == ATTEMPTS:
                raise SetupError(
                    f"{file.url} could not be fetched: {error}. Try again: it goes on from here."
                ) from None
            continue
        found = _sha256(partial)
        if expected is not None and found != expected:
            partial.unlink()
            if resumed:  # the file may have changed between the two halves
                continue
            raise SetupError(
                f"{file.url} is not the file that was expected: its SHA-256 is\n  {found}, not\n  {expected}.\n"
                "It was thrown away."
            )
        if expected is None:
            _record(directory, file.name, found)
            say(f"  {file.name}: no checksum is published; trusted this once, as {found}")
        partial.replace(target)
        return
    raise SetupError(f"{file.url} could not be fetched.")


class _Broken(Exception):
    """The transfer ended too early; what arrived is kept."""


def _download(url: str, partial: Path, say: Say) -> None:
    """Download the missing rest of the file; raise SetupError where the server refuses."""
    at = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "Rostrum", "Accept-Encoding": "identity"})
    if at:
        request.add_header("Range", f"bytes={at}-")
    try:
        with _OPENER.open(request, timeout=TIMEOUT_SEC) as response:
            goes_on = response.status == 206 and _starts_at(response.headers.get("Content-Range"), at)
            if response.status == 206 and not goes_on:
                partial.unlink()
                raise _Broken("the server sent another part than was asked for")
            _save(response, partial, at if goes_on else 0, say)
    except urllib.error.HTTPError as error:
        if error.code == 416 and at:  # nothing is missing, or all of it is wrong: the checksum tells
            return
        if error.code < 500 and error.code not in (408, 429):
            raise SetupError(f"{url} answered {error.code} {error.reason}.") from None
        raise _Broken(f"the server answered {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(str(error) or type(error).__name__) from None


def _save(response: http.client.HTTPResponse, partial: Path, at: int, say: Say) -> None:
    length = response.headers.get("Content-Length")
    total = at + int(length) if length else None
    name = partial.name.removesuffix(".part")
    say(f"  {name}: {'going on' if at else 'fetching'}{f' ({total / 1e6:.1f} MB)' if total else ''}")
    with partial.open("ab" if at else "wb") as file:
        while chunk := response.read(CHUNK):
            file.write(chunk)
            at += len(chunk)
            if sys.stderr.isatty() and total:
                sys.stderr.write(f"\r  {at * 100 // total:3d}% ")
                sys.stderr.flush()
        file.flush()
        os.fsync(file.fileno())
    if sys.stderr.isatty() and total:
        sys.stderr.write("\r")
    if total is not None and at < total:
        raise _Broken(f"{at} of {total} bytes arrived")


def _starts_at(content_range: str | None, at: int) -> bool:
    return (content_range or "").startswith(f"bytes {at}-")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Never leads from an encrypted address to one in the clear."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise SetupError(f"{req.full_url} leads to {newurl}, which is not encrypted.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_SafeRedirects)


def _recorded(directory: Path) -> Mapping[str, str]:
    """Return the checksums that were recorded at the first download."""
    try:
        recorded = json.loads((directory / CHECKSUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(sha256) for name, sha256 in recorded.items()} if isinstance(recorded, dict) else {}


def _record(directory: Path, name: str, sha256: str) -> None:
    text = json.dumps({**_recorded(directory), name: sha256}, indent=2)
    (directory / CHECKSUMS).write_text(text + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
