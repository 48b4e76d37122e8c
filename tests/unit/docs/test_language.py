"""Docstrings of `shared` name the actor, and those of functions begin with what the function does."""

import ast
import re
from functools import cache
from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared"
MAX_VAGUE_PER_1000_WORDS = 2.0
MAX_QUESTION_SHARE = 0.02
VAGUE = re.compile(r"\b(?:whoever|somebody|nobody|whom|whose|whatever)\b", re.IGNORECASE)
QUESTIONS = {"What", "Who", "Whether", "Where", "Which", "How"}

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@cache
def docstrings() -> list[tuple[str, Documented, str]]:
    """Return each docstring with its place and its node."""
    found: list[tuple[str, Documented, str]] = []
    for file in sorted(SHARED.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, Documented) and (text := ast.get_docstring(node)):
                found.append((f"{file.relative_to(SHARED.parent)}:{getattr(node, 'lineno', 1)}", node, text))
    return found


def test_actors_are_named() -> None:
    words = 0
    found: list[str] = []
    for place, _, text in docstrings():
        words += len(text.split())
        found += [f"{place}: {word}" for word in VAGUE.findall(text)]
    assert words > 10_000
    assert 1000 * len(found) / words <= MAX_VAGUE_PER_1000_WORDS, "\n".join(found)


def test_function_docstrings_begin_with_a_verb_and_not_with_a_question() -> None:
    functions = 0
    found: list[str] = []
    for place, node, text in docstrings():
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        functions += 1
        if text.split()[0].strip("`.,:") in QUESTIONS:
            found.append(f"{place}: {text.splitlines()[0]}")
    assert functions > 500
    assert len(found) / functions <= MAX_QUESTION_SHARE, "\n".join(found)
