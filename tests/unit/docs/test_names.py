"""What the documents name is there: tests, benchmarks and modules."""

import ast
import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

_FILE = re.compile(
    r"`((?:tests|benchmarks|shared|functions|devhost|rostrum_client|examples)/[\w/.-]+\.\w+)(?:::(\w+))?`"
)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@lru_cache
def functions(file: str) -> frozenset[str]:
    """The names of all functions in a module."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_files_and_tests_that_a_document_names_are_there() -> None:
    missing = [
        f"{document.relative_to(ROOT)}: {file}::{name}"
        for document in DOCUMENTS
        for file, name in _FILE.findall(document.read_text(encoding="utf-8"))
        if not (ROOT / file).exists() or (name and name not in functions(file))
    ]
    assert missing == []


def test_every_threat_names_its_test() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    section = text.partition("## Threats")[2].partition("\n## ")[0]
    threats = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert len(threats) > 20
    for threat in threats:
        named = _TEST.findall(threat)
        assert named, threat
        assert all(name in functions(file) for file, name in named), threat
