"""What docs/architecture.md places in a file is defined there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

_PLACED = re.compile(r"`(\w+)`\s+in\s+`([\w/]+\.py)`")
_ROW = re.compile(r"^\| [^|]+\? \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")


def defined_in(file: str) -> set[str]:
    """Return the functions and classes of a module, and the methods as `Class.method`."""
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    methods = {
        f"{each.name}.{node.name}" for each in classes for node in each.body if isinstance(node, ast.FunctionDef)
    }
    return functions | {each.name for each in classes} | methods


def rows() -> Iterator[tuple[list[str], list[str]]]:
    """Yield the functions and the files of each row that answers a question."""
    for names, files in _ROW.findall(PAGE):
        yield _CODE.findall(names), _CODE.findall(files)


def test_the_walk_names_functions_where_they_are() -> None:
    placed = _PLACED.findall(PAGE)
    assert len(placed) > 20
    assert [(name, file) for name, file in placed if name not in defined_in(file)] == []


def test_each_question_is_answered_by_a_function_of_the_file() -> None:
    found = list(rows())
    assert len(found) > 20
    assert [(names, files) for names, files in found if set(names) - set().union(*map(defined_in, files))] == []
    assert [(names, files) for names, files in found for file in files if not set(names) & defined_in(file)] == []
