"""The lines of docs/api.md do what the page says, with a real curl, and no endpoint is missing on it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import REPO, RunningStack

PAGE = (REPO / "docs" / "api.md").read_text(encoding="utf-8")
ROW = re.compile(r"\| `([A-Z]+ /\S*)` \| (.+) \| `(curl .+)` \| (\d{3}) \|")
BLOCK = re.compile(r"```sh\n(.+?)```\n", re.DOTALL)
LOCAL = "http://localhost:7071/api"
TIMEOUT_SEC = 600

START = r"""
set -euo pipefail
asked() { command curl -sS -w '\n%{http_code}' "$@" | tail -n 1; }
"""


@dataclass(frozen=True)
class Line:
    """A row of one of the page's tables."""

    endpoint: str
    command: str
    status: str


def parts() -> Iterator[str | Line]:
    """What stands on the page to be run, in order."""
    at = 0
    for block in BLOCK.finditer(PAGE):
        yield from rows(PAGE[at : block.start()])
        yield block[1]
        at = block.end()
    yield from rows(PAGE[at:])


def rows(text: str) -> Iterator[Line]:
    for line in text.splitlines():
        if line.startswith("| `"):
            row = ROW.fullmatch(line)
            assert row is not None, f"this row cannot be read: {line}"
            yield Line(row[1], row[3], row[4])


LINES = [part for part in parts() if isinstance(part, Line)]


def test_every_endpoint_is_on_the_page_and_no_other() -> None:
    described = json.loads((REPO / "docs" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    endpoints = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    assert {line.endpoint for line in LINES} == endpoints | {"GET /openapi.json", "GET /docs"}


def test_every_line_asks_for_what_its_row_is_about() -> None:
    for line in LINES:
        method, _, path = line.endpoint.partition(" ")
        pattern = re.sub(r"\\{\w+\\}", r"(\\$\\w+|\\$\\(.+\\)|[\\w.-]+)", re.escape(path))
        assert re.search(rf"\$API{pattern}([ ?\"]|$)", line.command), line.command
        given = re.search(r"-X (\w+)", line.command)
        posts = " -d " in line.command or " -F " in line.command
        assert method == (given[1] if given else "POST" if posts else "GET"), line.command


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_every_line_is_answered_as_the_page_says(stack: RunningStack, short_lecture: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(short_lecture.parent)
    script = START
    for number, part in enumerate(parts()):
        if isinstance(part, str):
            script += part.replace(LOCAL, stack.url)
        else:
            script += f"echo {number} $({part.command.replace('curl', 'asked', 1)})\n"
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_SEC, check=False
    )
    answered = dict(line.split(" ") for line in ran.stdout.splitlines() if re.fullmatch(r"\d+ \d{3}", line))
    wanted = {str(number): part for number, part in enumerate(parts()) if isinstance(part, Line)}
    wrong = [
        f"{answered.get(number)}: {line}" for number, line in wanted.items() if answered.get(number) != line.status
    ]
    assert not wrong, "\n".join([*wrong, ran.stderr])
    assert ran.returncode == 0, ran.stderr
    assert len(wanted) > 35
