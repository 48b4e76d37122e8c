"""The page's own tests, its size, and what may not slip through its build."""

import json
import re
import shutil
import sys
from pathlib import Path

from devhost.node import Node
from devhost.page_build import SOURCES, build_page, source_hash
from tests.support.page_node import run_node

MAX_FIRST_PAGE_BYTES = 350_000
TYPES = "node_modules/typescript/bin/tsc"
VITEST = "node_modules/vitest/vitest.mjs"


def test_the_pages_own_tests_pass(page_node: Node) -> None:
    done = run_node(page_node, VITEST, "run", "--no-color")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_first_page_loads_little_script(built_page: Path) -> None:
    html = (built_page / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r'(?:src|href)="(/assets/[^"]+\.js)"', html)
    entry = (built_page / scripts[0].lstrip("/")).read_text(encoding="utf-8")
    statically = re.findall(r'(?:from|import)\s*"\./([^"]+\.js)"', entry)
    loaded = {built_page / name.lstrip("/") for name in scripts} | {built_page / "assets" / name for name in statically}
    sizes = {path.name: path.with_name(path.name + ".gz").stat().st_size for path in loaded}
    assert 0 < sum(sizes.values()) < MAX_FIRST_PAGE_BYTES, sizes


def test_a_page_that_was_built_is_not_built_again(built_page: Path) -> None:
    said: list[str] = []
    assert build_page(sys.executable, said.append) == built_page
    assert said == []


def test_any_change_of_a_source_is_another_build(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "src" / "main.tsx").write_text("1")
    before = source_hash(tmp_path)
    (tmp_path / "node_modules" / "x.js").write_text("no source")
    assert source_hash(tmp_path) == before
    (tmp_path / "src" / "main.tsx").write_text("2")
    changed = source_hash(tmp_path)
    (tmp_path / "src" / "main.tsx").rename(tmp_path / "src" / "other.tsx")
    assert len({before, changed, source_hash(tmp_path)}) == 3


def test_a_status_that_the_page_does_not_know_breaks_its_build(page_node: Node, tmp_path: Path) -> None:
    shutil.copytree(SOURCES / "src", tmp_path / "src")
    config = json.loads((SOURCES / "tsconfig.json").read_text(encoding="utf-8"))
    config["include"] = ["src/messages.ts", "src/jobs/status.ts"]
    config["compilerOptions"]["types"] = []
    (tmp_path / "tsconfig.json").write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(SOURCES / "node_modules")
    schema = tmp_path / "src" / "api" / "schema.ts"
    text = schema.read_text(encoding="utf-8")
    known = 'JobStatus: "CREATED" |'
    assert text.count(known) == 1
    schema.write_text(text.replace(known, f'{known} "PUBLISHED" |'), encoding="utf-8")

    done = run_node(page_node, str(SOURCES / TYPES), "--noEmit", "--pretty", "false", cwd=tmp_path)

    wrong = set(re.findall(r"^(src/\S+?)\(", done.stdout, re.MULTILINE))
    assert done.returncode != 0
    assert wrong == {"src/messages.ts", "src/jobs/status.ts"}, done.stdout
