"""The table of `dev.py bench`: what a benchmark reports stands in it once, with its bar and whether that is met."""

import io
from pathlib import Path

import pytest

from benchmarks._rounds import alternate, median_ratio
from devhost.bench_table import FIGURES_SETTING, HEADINGS, Figure, print_table, read_figures, report, verdict

FIGURES = [
    Figure("chains, over RQ's", 1.2, 1.0),
    Figure("latency", 1.62, 1.5, "s", is_limit=True),
    Figure("idle", 2.25, 3.0, "%", is_limit=True),
    Figure("chains a second", 1234.4),
    Figure("uploads", None, 0.9, note="no network"),
]
MET = [True, False, True, None, None]


def test_a_bar_is_met_from_its_own_side() -> None:
    assert [figure.is_met for figure in FIGURES] == MET
    assert Figure("at the bar", 1.5, 1.5).is_met
    assert Figure("at the limit", 1.5, 1.5, is_limit=True).is_met


def test_what_is_reported_comes_back_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "figures.jsonl"
    assert list(read_figures(file)) == []
    monkeypatch.setenv(FIGURES_SETTING, str(file))
    for figure in FIGURES:
        report(figure, io.StringIO())
    assert list(read_figures(file)) == FIGURES


def test_a_benchmark_that_told_too_little_has_a_line_of_its_own() -> None:
    met, missed = FIGURES[:2]
    assert verdict("chains", 0, [met]) is None
    assert verdict("chains", 1, [met, missed]) is None
    silent, failed = verdict("chaos", 0, []), verdict("chains", 1, [met])
    assert [line.is_met for line in (silent, failed) if line is not None] == [True, False]


def test_the_table_has_a_line_for_each_figure() -> None:
    out = io.StringIO()
    print_table(FIGURES, out)
    head, *lines = out.getvalue().splitlines()
    assert tuple(head.split()) == HEADINGS
    assert [line.split("  ")[0] for line in lines] == [figure.name for figure in FIGURES]
    assert [line.rstrip().endswith((" yes", " no")) for line in lines] == [met is not None for met in MET]
    assert "1234" in lines[3]
    assert "not run (no network)" in lines[4]


def test_rounds_alternate_and_ratios_are_of_one_round() -> None:
    order: list[str] = []

    def measure(name: str, figures: list[float]) -> float:
        order.append(name)
        return figures.pop(0)

    mine, floor = [2.0, 30.0, 4.0], [1.0, 10.0, 4.0]
    measured = alternate(lambda: measure("mine", mine), lambda: measure("floor", floor), rounds=3)
    assert order == ["mine", "floor", "floor", "mine", "mine", "floor"]
    assert measured == [[2.0, 30.0, 4.0], [1.0, 10.0, 4.0]]
    assert median_ratio(*measured) == 2.0
