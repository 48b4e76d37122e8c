"""docs/configuration.md is what the settings class says."""

import re
from pathlib import Path

from shared.configuration import SECTIONS, TARGET, main, page
from shared.settings import Settings


def test_the_page_is_up_to_date() -> None:
    assert main(["--check"]) == 0, "run python3 -m shared.configuration"


def test_a_page_that_differs_is_told_and_written(tmp_path: Path) -> None:
    target = tmp_path / "configuration.md"
    assert main(["--check"], target) == 1
    assert main([], target) == 0
    assert main(["--check"], target) == 0
    assert target.read_text(encoding="utf-8") == TARGET.read_text(encoding="utf-8")


def test_every_setting_has_a_line_with_its_meaning() -> None:
    lines = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.{15,}) \|$", page(), re.M)
    variables = {
        str(field.validation_alias or f"ROSTRUM_{name.upper()}") for name, field in Settings.model_fields.items()
    }
    assert len(lines) == len(variables)
    assert {name for name, *_ in lines} == variables
    assert Settings.model_fields.keys() >= SECTIONS.keys()
    told = {name: (default, values) for name, default, values, _ in lines}
    assert told["ROSTRUM_JWT_LEEWAY_SEC"] == ("`30.0`", "number ≥ 0, ≤ 600")
    assert told["ROSTRUM_JWT_SECRET"] == ("none", "secret")
    assert told["ROSTRUM_ALLOW_LOOPBACK_SOURCES"] == ("`false`", "`true`, `false`")
    assert told["ROSTRUM_MODELS_DIR"] == ("`.rostrum/models`", "path")
