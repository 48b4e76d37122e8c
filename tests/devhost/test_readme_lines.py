"""The lines of README for Core Tools: taken from README and run, with the pinned Azurite in the place of `npx`."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from devhost.azurite import connection_string, install_azurite
from devhost.settings import expand_emulator, read_settings, storage_connection
from shared.domain.task import TaskMessage
from shared.storage.connect import connect
from shared.storage.ports import SOURCES

ROOT = Path(__file__).parents[2]
LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at http://127\.0\.0\.1:(\d+)")


def manual_lines() -> list[str]:
    """Return the commands of README's section about Core Tools."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("### With Azure Functions Core Tools")[2]
    return section.split("```")[1].strip().splitlines()


def line(beginning: str) -> str:
    """Return the one command that begins so."""
    (found,) = [each for each in manual_lines() if each.startswith(beginning)]
    return found


@contextmanager
def running(command: str, directory: Path) -> Iterator[tuple[int, int, int]]:
    """Run README's line for the storage as a shell would, on free ports; give the ports."""
    node, *arguments = install_azurite(print)
    stub = directory / "bin" / "npx"
    stub.parent.mkdir()
    ports = "--blobPort 0 --queuePort 0 --tablePort 0"
    stub.write_text(f'#!/bin/sh\n[ "$1" = azurite ] && shift\nexec {shlex.join([node, *arguments])} "$@" {ports}\n')
    stub.chmod(0o755)
    environ = {**os.environ, "PATH": f"{stub.parent}{os.pathsep}{os.environ['PATH']}"}
    foreground = command.removesuffix("&").strip()
    process = subprocess.Popen(
        ["sh", "-c", f"exec {foreground}"],
        cwd=directory,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        found: dict[str, int] = {}
        for said in process.stdout:
            found.update((name, int(port)) for name, port in LISTENING.findall(said))
            if len(found) == 3:
                break
        assert len(found) == 3, f"README's line did not start the storage: {foreground}"
        yield found["Blob"], found["Queue"], found["Table"]
    finally:
        process.terminate()
        process.communicate()


def test_the_line_for_storage_starts_one_that_the_app_can_use(tmp_path: Path) -> None:
    """The client libraries speak newer versions of the protocol than the emulator knows."""
    command = line("npx azurite")
    assert command.endswith("&")
    with running(command, tmp_path) as ports:
        storage = connect(connection_string(ports))
        try:
            storage.blobs.write(SOURCES, "org/session/a.txt", b"abc", "text/plain")
            assert storage.blobs.read(SOURCES, "org/session/a.txt") == b"abc"
            storage.queues.send(TaskMessage(task_id="t", org_id="org", name="n"), timedelta(0))
            assert storage.queues.facts("tasks").waiting == 1
            assert list(storage.jobs.page("org", limit=1).items) == []
        finally:
            storage.close()
    kept = tmp_path / shlex.split(command)[shlex.split(command).index("--location") + 1]
    assert list(kept.glob("__azurite_db*.json"))


def test_the_line_for_settings_makes_those_of_the_local_storage(tmp_path: Path) -> None:
    shutil.copy(ROOT / "local.settings.json.example", tmp_path)
    subprocess.run(["sh", "-c", line("cp ")], cwd=tmp_path, check=True)
    (tmp_path / "local.settings.json.example").unlink()
    connection = storage_connection("AzureWebJobsStorage", read_settings(tmp_path, {}))
    assert connection == expand_emulator("UseDevelopmentStorage=true")


def test_the_lines_for_packages_name_what_is_there() -> None:
    named = [
        Path(argument)
        for each in manual_lines()
        for option, argument in zip(shlex.split(each), shlex.split(each)[1:], strict=False)
        if option == "-r"
    ]
    assert [path.name for path in named] == ["requirements.txt", "requirements-speech.txt"]
    assert all((ROOT / path).is_file() for path in named)
    assert manual_lines()[-1] == "func start"
