"""The checks of `dev.py check`, the compiling of the requirements, and the benchmarks. Standard library only."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from devhost.azurite import HOME
from devhost.bench_table import FIGURES_SETTING, Figure, print_table, read_figures, verdict
from devhost.errors import PageError, SetupError
from devhost.page_build import SOURCES, environment, install_modules

REPO = HOME.parent
CHECKS = (
    ("format", ["-m", "ruff", "format", "--check", "."]),
    ("lint", ["-m", "ruff", "check", "."]),
    ("types", ["-m", "mypy"]),
    ("import rules", ["-c", "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())"]),
    ("contract drift", ["-m", "shared.api.openapi.document", "--check"]),
    ("settings drift", ["-m", "shared.configuration", "--check"]),
)
PAGE_CHECKS = (
    (
        "contract drift",
        "openapi-typescript/bin/cli.js",
        ("../docs/openapi.json", "-o", "src/api/schema.ts", "--check"),
    ),
    ("types", "typescript/bin/tsc", ("--noEmit",)),
    ("format and lint", "@biomejs/biome/bin/biome", ("ci", "--error-on-warnings", ".")),
)
"""What it is, the script in `node_modules`, and its arguments."""

LOCKS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("requirements.in", "requirements.txt", ()),
    ("requirements-api.in", "requirements-api.txt", ("--constraint", "requirements.txt")),
    ("requirements-embedded.in", "requirements-embedded.txt", ("--constraint", "requirements.txt")),
    ("requirements-dev.in", "requirements-dev.txt", ()),
    ("requirements-speech.in", "requirements-speech.txt", ("--no-deps",)),
    ("requirements-sentry.in", "requirements-sentry.txt", ("--no-deps",)),
    ("devhost/emulator/node.in", "devhost/emulator/node.txt", ()),
)
"""Source, target, and options of the compiler for this one."""


def run_checks(python: Path) -> int:
    """Run every check, even after one failed; return 0 when all pass."""
    failed = []
    for name, arguments in CHECKS:
        print(f"== {name}", flush=True)
        if subprocess.run([str(python), *arguments], cwd=REPO, check=False).returncode != 0:
            failed.append(name)
    failed += _page_checks(python)
    print("All checks passed." if not failed else f"Failed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def _page_checks(python: Path) -> list[str]:
    """Check the page's types, its lint, and its drift from the API's description; return what failed.

    A machine that cannot reach the npm registry skips them with a line, unless `ROSTRUM_REQUIRE_PAGE` is set.
    """
    try:
        node = install_modules(str(python), lambda text: print(text, flush=True))
    except (PageError, SetupError) as error:
        print(f"== page: skipped\n{error}", flush=True)
        return ["page"] if os.environ.get("ROSTRUM_REQUIRE_PAGE") else []
    failed = []
    for name, script, arguments in PAGE_CHECKS:
        print(f"== page {name}", flush=True)
        command = [node.executable, str(SOURCES / "node_modules" / script), *arguments]
        if subprocess.run(command, cwd=SOURCES, env=environment(node), check=False).returncode != 0:
            failed.append(f"page {name}")
    return failed


def compile_requirements(python: Path) -> int:
    """Pin the newest allowed versions, with hashes, for every platform."""
    options = [
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--quiet",
    ]
    for source, target, more in LOCKS:
        print(f"{source} → {target}", flush=True)
        command = [str(python), "-m", "uv", "pip", "compile", *options, *more, "--upgrade", source, "-o", target]
        status = subprocess.run(command, cwd=REPO, env={**os.environ, "UV_NO_CONFIG": "1"}, check=False).returncode
        if status != 0:
            return status
    return 0


def run_benchmarks(python: Path, wanted: str | None) -> int:
    """Run one benchmark or all of them, and print the table of their figures at the end; return 0 when all passed."""
    known = sorted(path.stem for path in (REPO / "benchmarks").glob("*.py") if not path.stem.startswith("_"))
    if wanted is not None and wanted not in known:
        raise SetupError(f"There is no benchmark {wanted!r}; there are: {', '.join(known) or 'none yet'}")
    table: list[Figure] = []
    status = 0
    for name in [wanted] if wanted else known:
        print(f"== {name}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "figures.jsonl"
            command = [str(python), "-m", f"benchmarks.{name}"]
            ended = subprocess.run(command, cwd=REPO, env={**os.environ, FIGURES_SETTING: str(file)}, check=False)
            figures = list(read_figures(file))
        status |= ended.returncode
        line = verdict(name, ended.returncode, figures)
        table += figures if line is None else [*figures, line]
    print("== figures", flush=True)
    print_table(table)
    return 1 if status else 0
