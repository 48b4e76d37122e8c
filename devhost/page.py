"""Run the web page beside the API: build it when needed and start its server. Standard library only."""

import json
import subprocess
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from devhost.azurite import HOME
from devhost.errors import PageError
from devhost.page_build import build_page

DEFAULT_PORT = 8080
STOP_TIMEOUT_SEC = 10.0
LOOK_TIMEOUT_SEC = 10.0


@dataclass(frozen=True, slots=True)
class Page:
    """The page's running server."""

    url: str
    process: "subprocess.Popen[str]"
    note: Path
    """The file that says where the page is."""

    def stop(self) -> None:
        """End the server; it also ends by itself when the process that started it is gone."""
        self.note.unlink(missing_ok=True)
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(STOP_TIMEOUT_SEC)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def page_origins(port: int) -> str:
    """Return the origins of the page on this machine, as the API's setting wants them."""
    return f"http://localhost:{port},http://127.0.0.1:{port}"


def start_page(python: Path, api_url: str, say: Callable[[str], None], *, port: int = DEFAULT_PORT) -> Page:
    """Build the page where needed, serve it on the port, and return once it answers; port 0 takes a free one.

    Raises PageError.
    """
    files = build_page(str(python), say)
    command = [str(python), "-m", "devhost.page_server", "--files", str(files), "--api", api_url, "--port", str(port)]
    log = HOME / "page.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=HOME.parent,
            stdin=subprocess.PIPE,  # it stops when this process ends
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line.isdigit():
        process.communicate()
        reason = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] or ["no reason was given"]
        raise PageError(
            f"The web page's server did not start on port {port} ({reason[0]}). Choose another with --dashboard-port."
        )
    page = Page(f"http://localhost:{line}", process, _note(api_url))
    page.note.write_text(page.url, encoding="utf-8")
    return page


def find_page(api_url: str) -> str | None:
    """Return the address of the page that another run serves for the API, or None where none answers."""
    with suppress(OSError, ValueError):  # no note, or one of a run that crashed
        url = _note(api_url).read_text(encoding="utf-8")
        with urllib.request.urlopen(f"{url}/config.json", timeout=LOOK_TIMEOUT_SEC) as answer:
            return url if "apiBase" in json.load(answer) else None
    return None


def _note(api_url: str) -> Path:
    return HOME / f"page-of-{urlsplit(api_url).port}.txt"
