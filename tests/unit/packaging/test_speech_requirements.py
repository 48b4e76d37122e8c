"""The speech model's package must not stop the others from being installed where it has no wheel."""

import re
from pathlib import Path

import pytest

from devhost.speech import without_speech
from shared.transcription.moonshine.files import PACKAGE, VERSION

ROOT = Path(__file__).parents[3]


def names(pins: str) -> list[str]:
    return re.findall(r"^([A-Za-z0-9][A-Za-z0-9_.-]*)(?:\[[^\]]*\])?==", pins, re.MULTILINE)


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_dev_py_installs_everything_else_apart_from_it(file: str) -> None:
    pins = (ROOT / file).read_text(encoding="utf-8")
    kept = without_speech(pins)
    assert [name for name in names(pins) if name != PACKAGE] == names(kept)
    assert PACKAGE in names(pins)
    assert PACKAGE not in kept
    assert kept.count("--hash=") < pins.count("--hash=")


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_pip_wants_it_only_where_the_wheel_surely_installs(file: str) -> None:
    (line,) = re.findall(rf"^{PACKAGE}==.*$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    for marker in line.partition(";")[2].split(" or "):
        assert "python_full_version >= '3.13'" in marker
        assert "sys_platform == 'linux'" in marker


def test_the_pinned_version_is_the_one_that_the_code_knows() -> None:
    pins = (ROOT / "requirements-speech.txt").read_text(encoding="utf-8")
    assert names(pins) == [PACKAGE]
    assert f"{PACKAGE}=={VERSION} \\" in pins
