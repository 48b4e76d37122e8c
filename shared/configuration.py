"""Write the settings to docs/configuration.md, or check that what is there is up to date:

python -m shared.configuration [--check]
"""

import ast
import re
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import shared.settings
from shared.generated_file import write_or_check
from shared.settings import Settings

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "configuration.md"

HEAD = """# Configuration

Every setting is an environment variable: in Azure an application setting, locally a value in `local.settings.json`, in
a container the environment. This page is made of `shared/settings.py` by `python3 -m shared.configuration`.
`dev.py check` fails when it is out of date, and a test when a setting is missing from what deploys the service. A
setting that cannot be read is named by every answer of the API (`settings_invalid`).

What the Functions host reads itself: [deploy.md](deploy.md). What is likely to be changed: [README](../README.md).
"""

SECTIONS: Mapping[str, str] = {
    "storage_connection": "Storage",
    "auth": "Callers",
    "role": "Where work is done",
    "engine": "Speech",
    "detector": "Pictures",
    "transcription_part_sec": "Parts",
    "max_source_bytes": "Recordings and requests",
    "invocation_budget_sec": "Steps and turns",
    "retention_days": "Retention and addresses",
    "otlp_endpoint": "Traces, metrics and errors",
    "queue_hint": "Set by the local host",
}
"""The headings, by the first setting below each."""


_KINDS: Mapping[Any, str] = {
    str: "text",
    SecretStr: "secret",
    Path: "path",
    bool: "`true`, `false`",
    int: "whole number",
    float: "number",
}


def variable_of(name: str, field: FieldInfo) -> str:
    """Return the environment variable of a setting."""
    return str(field.validation_alias or f"ROSTRUM_{name.upper()}")


def page() -> str:
    """Return the page as Markdown, the same at every run."""
    described = _descriptions()
    lines = [HEAD]
    for name, field in Settings.model_fields.items():
        if name in SECTIONS:
            lines.append(f"\n## {SECTIONS[name]}\n\n| setting | default | values | what |\n|---|---|---|---|\n")
        cells = (f"`{variable_of(name, field)}`", _default(field), _values(field), _with_variables(described[name]))
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines)


def _descriptions() -> Mapping[str, str]:
    """Return the text below each setting in its module."""
    tree = ast.parse(Path(shared.settings.__file__).read_text(encoding="utf-8"))
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == Settings.__name__)
    found: dict[str, str] = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = " ".join(str(text.value.value).split())
    return found


def _with_variables(text: str) -> str:
    """Return a description that names other settings by their variables, in a cell of a table."""
    variables = {name: variable_of(name, field) for name, field in Settings.model_fields.items()}
    named = re.sub(r"`([a-z_]+)`", lambda match: f"`{variables.get(match[1], match[1])}`", text)
    return named.replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None or value is PydanticUndefined or value == "":
        return "none"
    if isinstance(value, Path):
        value = value.relative_to(ROOT).as_posix()
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _values(field: FieldInfo) -> str:
    """Return the kind of value, with its bounds."""
    kinds = [kind for kind in (get_args(field.annotation) or (field.annotation,)) if kind is not type(None)]
    literals = [kind for kind in (field.annotation, *kinds) if get_origin(kind) is Literal]
    if literals:
        return ", ".join(f"`{value}`" for value in get_args(literals[0]))
    name = _KINDS[kinds[0]]
    bounds = [f"{sign} {value:g}" for each in field.metadata for sign, value in _bounds_of(each)]
    return f"{name} {', '.join(bounds)}" if bounds else name


def _bounds_of(constraint: Any) -> list[tuple[str, float]]:
    signs = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
    return [(sign, getattr(constraint, name)) for name, sign in signs if getattr(constraint, name, None) is not None]


def main(arguments: list[str], target: Path = TARGET) -> int:
    """Write or check `target`; return 0 when it is up to date or was written, 1 when it differs."""
    return write_or_check(arguments, target, page(), module="shared.configuration", source="settings are")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
