"""One picture of a recording's results: thumbnails, scenes, speech and the instructor's way over one time axis.

Drawn from the artefacts alone. Uses matplotlib's Agg canvas directly: no window system, no global state.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from rostrum_client import overview_rows
from rostrum_client.results import Results
from rostrum_client.summary import clock, counted

INK, QUIET, PAPER = "#1f2933", "#7b8794", "#ffffff"
TICK_STEPS_SEC = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600)
MOST_TICKS = 14
WIDTH_IN, DPI = 16.0, 110
LEFT, RIGHT = 0.085, 0.975
TALLEST_MIDDLE_IN = 0.65
"""A tall row's label stands in its upper part, clear of the axis's own labels."""
HEADER_IN, FOOTER_IN, SPACE_IN = 0.95, 0.95, 0.16


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of the picture: its label, its height in inches, and what draws it."""

    label: str
    height_in: float
    draw: overview_rows.Drawer


def draw_overview(results: Results, name: str, path: Path) -> Path:
    """Draw `path` (PNG) for the recording called `name`, and give the path back."""
    duration_sec = max(results.duration_sec, 1e-3)
    rows = _lanes(results, duration_sec)
    height_in = HEADER_IN + FOOTER_IN + sum(row.height_in for row in rows) + SPACE_IN * (len(rows) - 1)
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, facecolor=PAPER)
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)  # a script without a font
        _title(figure, results, name, height_in)
        _draw_rows(figure, rows, height_in, duration_sec)
        _legend(figure, height_in)
        path.parent.mkdir(parents=True, exist_ok=True)
        canvas.print_figure(path, format="png")
    return path


def _lanes(results: Results, duration_sec: float) -> list[Lane]:
    """Return the rows that this recording has content for."""
    rows: list[Lane] = []
    pictures = overview_rows.pictures(results)
    if pictures:
        height_in = overview_rows.strip_height_in(pictures, WIDTH_IN * (RIGHT - LEFT))
        rows.append(Lane("", height_in, overview_rows.thumbnails(pictures, duration_sec)))
    if results.slides:
        width_in = WIDTH_IN * (RIGHT - LEFT)
        rows.append(Lane("Slides", 0.5, overview_rows.slides(results.slides, duration_sec, width_in)))
    if results.scenes:
        rows.append(Lane("Scenes", 0.36, overview_rows.scenes(results.scenes, duration_sec)))
    if results.transcript:
        rows.append(Lane("Speech", 1.25, overview_rows.speech(results.transcript, duration_sec)))
        width_in = WIDTH_IN * (RIGHT - LEFT)
        if words := overview_rows.words(results.transcript, duration_sec, width_in):
            rows.append(Lane("Words", 0.9, words))
    if results.tracking:
        rows.append(Lane("Instructor", 2.6, overview_rows.track(results.tracking)))
    return rows or [Lane("", 0.8, overview_rows.note("This recording has no results to draw."))]


def _draw_rows(figure: Figure, rows: list[Lane], height_in: float, duration_sec: float) -> None:
    top_in = height_in - HEADER_IN
    for row in rows:
        bottom_in = top_in - row.height_in
        axes = figure.add_axes((LEFT, bottom_in / height_in, RIGHT - LEFT, row.height_in / height_in))
        axes.set_xlim(0, duration_sec)
        axes.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        row.draw(axes)
        middle_in = top_in - min(row.height_in / 2, TALLEST_MIDDLE_IN)
        figure.text(
            0.012, middle_in / height_in, row.label, ha="left", va="center", fontsize=11.5, weight="bold", color=INK
        )
        if row is rows[-1]:
            _time_axis(axes, duration_sec)
        top_in = bottom_in - SPACE_IN


def _time_axis(axes: Axes, duration_sec: float) -> None:
    step_sec = next((step for step in TICK_STEPS_SEC if duration_sec / step <= MOST_TICKS), 86400)
    axes.xaxis.set_major_locator(MultipleLocator(step_sec))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds)))
    axes.tick_params(bottom=True, labelbottom=True, labelsize=10, colors=QUIET)
    axes.spines["bottom"].set_visible(True)
    axes.spines["bottom"].set_color(QUIET)


def _title(figure: Figure, results: Results, name: str, height_in: float) -> None:
    top = 1 - 0.3 / height_in
    figure.text(0.012, top, name, ha="left", va="center", fontsize=18, weight="bold", color=INK, parse_math=False)
    figure.text(
        0.012, top - 0.32 / height_in, _facts(results), ha="left", va="center", fontsize=11.5, color=QUIET,
        parse_math=False,
    )  # fmt: skip


def _facts(results: Results) -> str:
    facts = [clock(results.duration_sec)]
    if results.scenes:
        facts.append(counted(len(results.scenes), "scene"))
    facts.append(counted(results.transcript.word_count, "word") if results.transcript else "no transcript")
    if results.tracking:
        facts.append(f"instructor in the picture for {results.tracking.derived_metrics.coverage_percent:.0f}%")
    else:
        facts.append("no instructor's track")
    return "   ·   ".join(facts)


def _legend(figure: Figure, height_in: float) -> None:
    handles: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(str(label), handle)
    if handles:
        figure.legend(
            list(handles.values()),
            list(handles),
            loc="lower right",
            bbox_to_anchor=(RIGHT, 0.12 / height_in),
            ncol=len(handles),
            frameon=False,
            fontsize=10,
            labelcolor=INK,
            handlelength=1.8,
        )
