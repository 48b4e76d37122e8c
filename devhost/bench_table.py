"""The figures of benchmarks: written by each as a line of JSON, and printed together as one table at the end.

Apart from `checks`, which runs the benchmarks, because they import it as well. Standard library only.
"""

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

FIGURES_SETTING = "ROSTRUM_BENCH_FIGURES"
"""The environment variable that names the file which benchmarks add their figures to."""

HEADINGS = ("figure", "measured", "bar", "met")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a benchmark."""

    name: str
    measured: float | None
    """None: not measured, and `note` says why."""

    bar: float | None = None
    """The least or, with `is_limit`, the most that is wanted; None: the figure is only told."""

    unit: str = ""
    is_limit: bool = False
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Return whether the bar is met; None without a measurement or a bar."""
        if self.measured is None or self.bar is None:
            return None
        return self.measured <= self.bar if self.is_limit else self.measured >= self.bar

    def cells(self) -> tuple[str, str, str, str]:
        """Return the figure as a row of the table."""
        measured = "not run" if self.measured is None else self._shown(self.measured)
        if self.note:
            measured += f" ({self.note})"
        bar = "" if self.bar is None else f"{'≤' if self.is_limit else '≥'} {self._shown(self.bar)}"
        return self.name, measured, bar, {True: "yes", False: "no", None: ""}[self.is_met]

    def _shown(self, number: float) -> str:
        return f"{number:.3g} {self.unit}".strip() if abs(number) < 1000 else f"{number:.0f} {self.unit}".strip()


def report(figure: Figure, out: TextIO = sys.stdout) -> Figure:
    """Print the figure, and add it to the table of the run that this benchmark belongs to."""
    print_table([figure], out, headings=False)
    if file := os.environ.get(FIGURES_SETTING):
        with Path(file).open("a", encoding="utf-8") as table:
            table.write(json.dumps(asdict(figure)) + "\n")
    return figure


def verdict(name: str, status: int, figures: Collection[Figure]) -> Figure | None:
    """Return the line for a benchmark that its figures do not tell of: it reported none, or failed for other reasons.

    Args:
        name: the benchmark.
        status: its exit status.
        figures: what it reported.
    """
    told = any(figure.is_met is False for figure in figures) if status else bool(figures)
    if told:
        return None
    return Figure(f"{name}: checks that failed", float(status != 0), 0.0, is_limit=True, note="printed above")


def read_figures(file: Path) -> Iterator[Figure]:
    """Yield the figures that benchmarks added to the file, which may be missing."""
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            yield Figure(**json.loads(line))


def print_table(figures: Iterable[Figure], out: TextIO = sys.stdout, *, headings: bool = True) -> None:
    """Print the figures as one table."""
    rows = [each.cells() for each in figures]
    if headings:
        rows.insert(0, HEADINGS)
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(len(HEADINGS))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), file=out, flush=True
        )
