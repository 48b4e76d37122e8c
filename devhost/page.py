"""Runs the web page beside the API: builds it when needed and starts its server. Standard library only."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devhost.azurite import HOME
from devhost.errors import PageError
from devhost.page_build import build_page

DEFAULT_PORT = 8080
STOP_TIMEOUT_SEC = 10.0


@dataclass(frozen=True, slots=True)
class Page:
    """The page's running server."""

    url: str
    process: "subprocess.Popen[str]"

    def stop(self) -> None:
        """End the server; it also ends by itself when the process that started it is gone."""
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
            stdin=subprocess.PIPE,  # it stops when we are gone
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
    return Page(f"http://localhost:{line}", process)
