"""What leaves the repository: the files that Azure gets and the images that are run."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
THE_APP = {"function_app.py", "host.json", "requirements.txt", "functions", "shared"}
SMALLER_SETS = {"requirements-api.txt", "requirements-embedded.txt"}
"""Requirements that an image may be built with instead."""


def top(names: str) -> set[str]:
    """The first part of every path in a list that git made."""
    return {name.partition("/")[0] for name in names.split("\0") if name}


def git(*arguments: str) -> str:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("ignore", "more"), [(".funcignore", set()), (".dockerignore", SMALLER_SETS)])
def test_the_app_and_nothing_else_is_published(ignore: str, more: set[str]) -> None:
    every = set(git("ls-files", "-z").split("\0")) - {""}
    kept_back = set(git("ls-files", "-z", "--cached", "--ignored", f"--exclude-from={ignore}").split("\0"))

    assert top("\0".join(every - kept_back)) == THE_APP | more
    assert not any(name.startswith(("functions/", "shared/")) for name in kept_back)


def test_the_image_holds_the_app() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    held = {name for names in copied for name in names.split()} - {"${REQUIREMENTS}"}

    assert held | {"requirements.txt"} == THE_APP


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="needs docker-compose")
@pytest.mark.parametrize("profile", [[], ["--profile", "frontend"]], ids=["without the page", "with the page"])
def test_compose_reads_its_file(profile: list[str]) -> None:
    command = ["docker-compose", *profile, "config", "--services"]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    assert {"storage", "functions", *profile[1:]} <= set(told.split())  # older ones list the profiles' services, too


def test_containers_and_the_local_host_run_the_same_azurite() -> None:
    pinned = json.loads((ROOT / "devhost/emulator/package.json").read_text(encoding="utf-8"))["dependencies"]["azurite"]
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

    assert re.findall(r"image: \S+/azurite:(\S+)", compose) == [pinned]
