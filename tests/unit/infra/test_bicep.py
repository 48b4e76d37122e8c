"""The Bicep files can be parsed, and agree with one another and with what they deploy.

The compiler itself comes with no package; `.github/workflows/checks.yml` runs it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter_bicep
import yaml
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
BICEP = sorted(INFRA.rglob("*.bicep"))


def parsed(file: Path) -> Node:
    return Parser(Language(tree_sitter_bicep.language())).parse(file.read_bytes()).root_node


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from nodes(child)


def text(node: Node | None) -> str:
    assert node is not None
    assert node.text is not None
    return node.text.decode()


def declared(file: Path, kind: str) -> dict[str, Node]:
    """Return the declarations of a kind by name."""
    found = [node for node in parsed(file).children if node.type == f"{kind}_declaration"]
    return {text(next(child for child in node.children if child.type == "identifier")): node for node in found}


def modules(file: Path) -> dict[str, tuple[str, str]]:
    """Return the modules that a file uses by their names in it: path and body."""
    source = file.read_text(encoding="utf-8")
    found = re.finditer(r"^module (\w+) '([^']+)' =(.+?)^(?:\}|\])$", source, re.M | re.S)
    return {match[1]: (match[2], match[3]) for match in found}


def given_parameters(body: str) -> set[str]:
    """Return the names directly inside `params: {` of a module's body."""
    match = re.search(r"^( *)params: \{\n(.+?)^\1\}", body, re.M | re.S)
    assert match is not None
    return set(re.findall(rf"^{match[1]}  (\w+):", match[2], re.M))


@pytest.mark.parametrize("file", BICEP, ids=lambda file: file.name)
def test_bicep_has_no_error_of_syntax(file: Path) -> None:
    wrong = [f"line {node.start_point[0] + 1}" for node in nodes(parsed(file)) if node.is_error or node.is_missing]

    assert not wrong, f"{file.name}: {wrong}"
    assert parsed(file).child_count > 1


@pytest.mark.parametrize("file", BICEP, ids=lambda file: file.name)
def test_every_parameter_and_variable_of_bicep_is_used(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    names = [*declared(file, "parameter"), *declared(file, "variable")]

    assert [name for name in names if len(re.findall(rf"\b{name}\b", source)) < 2] == []


@pytest.mark.parametrize("file", BICEP, ids=lambda file: file.name)
def test_modules_get_the_parameters_they_declare_and_give_the_outputs_that_are_read(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert modules(file).keys() == declared(file, "module").keys()
    for name, (path, body) in modules(file).items():
        read = set(re.findall(rf"\b{name}!?\.outputs\.(\w+)", source))
        if path.startswith("br/public:"):
            assert re.fullmatch(r"br/public:avm/res/[\w/-]+:\d+\.\d+\.\d+", path), path
            continue
        module = file.parent / path
        parameters = declared(module, "parameter")
        required = {each for each, node in parameters.items() if "=" not in {child.type for child in node.children}}
        given = given_parameters(body)
        assert given <= parameters.keys(), f"{file.name}: {name}"
        assert required <= given, f"{file.name}: {name}"
        assert read <= declared(module, "output").keys(), f"{file.name}: {name}"


def test_the_parameters_file_gives_parameters_that_there_are() -> None:
    given = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    parameters = declared(INFRA / "main.bicep", "parameter")

    assert given.keys() <= parameters.keys()
    assert {"environmentName", "location"} <= given.keys()
    assert given["settings"]["value"].keys() <= settings_of_bicep()


def settings_of_bicep() -> set[str]:
    return set(re.findall(r"^  (\w+): ", (INFRA / "settings.bicep").read_text(encoding="utf-8"), re.M))


def test_azd_deploys_what_there_is() -> None:
    project = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
    bicep = "".join(file.read_text(encoding="utf-8") for file in BICEP)

    assert (ROOT / project["infra"]["path"] / "main.bicep").exists()
    for name, service in project["services"].items():
        assert f"'azd-service-name': '{name}'" in bicep
        assert (ROOT / service["project"]).is_dir()
    hooks = str(project["services"]["web"]["hooks"])
    assert {*re.findall(r"\b(SERVICE_\w+)", hooks)} <= declared(INFRA / "main.bicep", "output").keys()


def test_alerts_ask_for_metrics_that_there_are() -> None:
    instruments = (ROOT / "shared/telemetry/instruments.py").read_text(encoding="utf-8")
    asked = re.findall(r'Name == "([\w.]+)"', (INFRA / "modules/alerts.bicep").read_text(encoding="utf-8"))

    assert len(asked) == 2
    assert all(f'"{name}"' in instruments for name in asked)
