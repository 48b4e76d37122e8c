"""Build the web page once for each state of its sources. Standard library only.

It is apart from `page_server`, which runs in the virtual environment: building needs only Node.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from devhost.azurite import HOME
from devhost.errors import PageError
from devhost.locks import exclusive
from devhost.node import Node, find_node

SOURCES = HOME.parent / "frontend"
KEPT_BUILDS = 3
NOT_SOURCES = frozenset({"node_modules", "dist"})
Say = Callable[[str], None]


def build_page(venv_python: str, say: Say, *, sources: Path = SOURCES, home: Path = HOME) -> Path:
    """Return the directory with the built page, building it first unless these sources were built before.

    Raises PageError.
    """
    target = home / f"page-{source_hash(sources)}"
    if not target.exists():
        with exclusive(home / "page.lock", waiting=lambda: say("Waiting for another run that builds the page")):
            if not target.exists():
                node = install_modules(venv_python, say, sources=sources)
                say("Building the web page")
                _build(node, sources, home, target)
                _remove_old_builds(home, target)
    return target


def source_hash(sources: Path) -> str:
    """Return a hash of every file that the build reads, with its name."""
    digest = hashlib.sha256()
    for path in _files(sources):
        digest.update(f"{path.relative_to(sources).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def _files(sources: Path) -> Iterator[Path]:
    for directory, folders, names in os.walk(sources):
        folders[:] = sorted(set(folders) - NOT_SOURCES)
        yield from (Path(directory) / name for name in sorted(names))


def install_modules(venv_python: str, say: Say, *, sources: Path = SOURCES, home: Path = HOME) -> Node:
    """Install what the lock file pins into `node_modules`, unless it is there; return the Node to run it with.

    Raises PageError.
    """
    node = find_node(venv_python, say)
    stamp = sources / "node_modules" / ".rostrum-lock.sha256"
    wanted = hashlib.sha256((sources / "package-lock.json").read_bytes()).hexdigest()
    if not _is_stamped(stamp, wanted):
        with exclusive(home / "page-modules.lock", waiting=lambda: say("Waiting for another run of npm")):
            if not _is_stamped(stamp, wanted):
                say("Installing what the web page is built with (npm, about 290 MB, once)")
                _npm_ci(node, sources)
                stamp.write_text(wanted, encoding="utf-8")
    return node


def _is_stamped(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text(encoding="utf-8") == wanted


def _npm_ci(node: Node, sources: Path) -> None:
    command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(
        command, cwd=sources, env=environment(node), capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        raise PageError(
            f"npm could not install what the web page needs (exit status {done.returncode}):\n"
            f"{done.stderr.strip()[-2000:]}\nIs the npm registry reachable? The API works without the page."
        )


def environment(node: Node) -> dict[str, str]:
    """Return the environment in which scripts of npm packages find the same Node."""
    return {**os.environ, "PATH": os.pathsep.join((str(Path(node.executable).parent), os.environ.get("PATH", "")))}


def _build(node: Node, sources: Path, home: Path, target: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix="page-", dir=home))
    try:
        vite = str(sources / "node_modules" / "vite" / "bin" / "vite.js")
        command = [node.executable, vite, "build", "--logLevel", "warn", "--outDir", str(work)]
        done = subprocess.run(
            command, cwd=sources, env=environment(node), capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode != 0:
            raise PageError(f"The web page could not be built:\n{(done.stdout + done.stderr).strip()[-2000:]}")
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _remove_old_builds(home: Path, newest: Path) -> None:
    """Keep the newest builds only; a page that is being served may still be one of them."""
    builds = sorted(home.glob("page-*/index.html"), key=lambda path: path.stat().st_mtime, reverse=True)
    for build in builds[KEPT_BUILDS:]:
        if build.parent != newest:
            shutil.rmtree(build.parent, ignore_errors=True)
