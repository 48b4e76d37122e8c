"""Draw the track as two charts: a heat map over the empty room, and x over time.

Apart from `plot_data.py`, which holds the numbers that they show.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.media.video.picture import Picture
from shared.tracking.drawing.canvas import ACCENT, FAINT, INK, Canvas
from shared.tracking.drawing.plot_data import PositionBin, TrackPlot

WIDTH_PX = 1000
"""Width of a chart."""
_LEFT = 84
"""Margins, in pixels."""
_RIGHT = 28
_TOP = 58
_BOTTOM = 56
_BAR_PX = 96
"""Space for the heat map's scale, right of the picture."""

_PLOT_HEIGHT_PX = 320
_STEPS_SEC = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
"""Distances of ticks to choose from."""
_MAX_TICKS = 10
_SPREAD_CELLS = 0.7
"""Standard deviation by which a cell's heat is blurred, in cells."""

_ABSENT = (242, 240, 238)
_BAND = (236, 206, 170)


def draw_heat_map(plot: TrackPlot, plate: Picture) -> bytes:
    """Return a PNG of the empty room in grey with the time that the instructor spent at each place in colour."""
    rows, columns = plate.shape[:2]
    width = WIDTH_PX - _LEFT - _BAR_PX
    height = round(width * rows / columns)
    canvas = Canvas(WIDTH_PX, _TOP + height + _BOTTOM)
    seconds = np.array(plot.heat_map.seconds, np.float32)
    heat, longest = _heat(seconds, (width, height))
    room: Picture = cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    canvas.paste(_glowing(room, heat), _LEFT, _TOP)
    _title(canvas, "Where the instructor was", plot)
    for fraction in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _LEFT + fraction * width, _TOP + fraction * height
        canvas.line([(x, _TOP + height), (x, _TOP + height + 5)], INK)
        canvas.text(f"{fraction:g}", x, _TOP + height + 16, align="centre")
        canvas.line([(_LEFT - 5, y), (_LEFT, y)], INK)
        canvas.text(f"{fraction:g}", _LEFT - 10, y, align="right")
    canvas.text("x, fraction of the picture's width", _LEFT + width / 2, _TOP + height + 38, align="centre")
    canvas.text("y", 22, _TOP + height / 2)
    _scale(canvas, _LEFT + width + 18, height, longest)
    return canvas.to_png()


def draw_positions(plot: TrackPlot) -> bytes:
    """Return a PNG of the instructor's horizontal position over time, with gaps in grey."""
    canvas = Canvas(WIDTH_PX, _TOP + _PLOT_HEIGHT_PX + _BOTTOM)
    width = WIDTH_PX - _LEFT - _RIGHT
    duration = max(plot.duration_sec, 1e-9)

    def x_of(sec: float) -> float:
        return _LEFT + min(1.0, sec / duration) * width

    def y_of(position: float) -> float:
        return _TOP + position * _PLOT_HEIGHT_PX

    canvas.area(_LEFT, _TOP, _LEFT + width, _TOP + _PLOT_HEIGHT_PX, _ABSENT)
    for start, end in plot.presence:
        canvas.area(x_of(start), _TOP, x_of(end), _TOP + _PLOT_HEIGHT_PX, (255, 255, 255))
    for fraction, label in ((0.0, "left"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "right")):
        canvas.line([(_LEFT, y_of(fraction)), (_LEFT + width, y_of(fraction))], FAINT)
        canvas.text(label, _LEFT - 10, y_of(fraction), align="right")
    for sec, label in _time_ticks(plot.duration_sec):
        canvas.line([(x_of(sec), _TOP), (x_of(sec), _TOP + _PLOT_HEIGHT_PX)], FAINT)
        canvas.text(label, x_of(sec), _TOP + _PLOT_HEIGHT_PX + 16, align="centre")
    for run in _runs(plot):
        for each in run:
            canvas.area(x_of(each.t), y_of(each.min_x), x_of(each.t + plot.bin_sec), y_of(each.max_x), _BAND)
        canvas.line([(x_of(each.t + plot.bin_sec / 2), y_of(each.x)) for each in run], ACCENT, 1.5)
    _title(canvas, "The instructor's place across the picture", plot)
    canvas.text("time", _LEFT + width / 2, _TOP + _PLOT_HEIGHT_PX + 38, align="centre")
    canvas.text("x", 22, y_of(0.5))
    return canvas.to_png()


def _title(canvas: Canvas, title: str, plot: TrackPlot) -> None:
    """Write the title and the time with a track."""
    followed = sum(end - start for start, end in plot.presence)
    canvas.text(title, _LEFT, 20, size=11, bold=True)
    canvas.text(f"followed for {_clock(followed)} of {_clock(plot.duration_sec)}", _LEFT, 41)


def _heat(seconds: NDArray[np.float32], size: tuple[int, int]) -> tuple[NDArray[np.float32], float]:
    """Return the heat of each pixel from 0 to 1, and the longest time in one cell in seconds.

    The heat is the square root of the time, or one favourite place would leave everything else dark.
    """
    spread = cv2.GaussianBlur(seconds, (0, 0), _SPREAD_CELLS, borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.resize(spread, size, interpolation=cv2.INTER_CUBIC).clip(0.0, None)
    return np.sqrt(smooth / max(float(smooth.max()), 1e-9)).astype(np.float32), float(seconds.max(initial=0.0))


def _glowing(plate: Picture, heat: NDArray[np.float32]) -> Picture:
    """Return the room in grey with the heat in colour."""
    grey = cv2.cvtColor(cv2.cvtColor(plate, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) * 0.6 + 60.0
    alpha = np.clip(heat * 1.6, 0.0, 0.85)[..., None]
    return np.asarray(grey * (1 - alpha) + _colours(heat) * alpha).round().astype(np.uint8)


def _colours(heat: NDArray[np.float32]) -> Picture:
    """Return the colours of heat values."""
    return cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO).astype(np.uint8, copy=False)


def _scale(canvas: Canvas, left: int, height: int, longest: float) -> None:
    """Draw the colour scale."""
    ramp = np.linspace(1.0, 0.0, height, dtype=np.float32)[:, None]
    canvas.paste(np.repeat(_colours(ramp), 14, axis=1), left, _TOP)
    for fraction in (0.0, 0.25, 0.5, 0.75, 1.0):  # of the longest time, at the square root's place
        y = _TOP + height * (1 - fraction**0.5)
        canvas.text(_short(longest * fraction), left + 20, y)


def _short(sec: float) -> str:
    """Return a time in the unit that suits it."""
    return f"{sec:.1f} s" if sec < 10 else f"{sec:.0f} s" if sec < 120 else f"{sec / 60:.0f} min"


def _clock(sec: float) -> str:
    """Return a time as m:ss or h:mm:ss."""
    minutes, seconds = divmod(round(sec), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}" if minutes >= 60 else f"{minutes}:{seconds:02d}"


def _time_ticks(duration_sec: float) -> Iterator[tuple[float, str]]:
    """Yield position in seconds and label of the ticks."""
    step = next((step for step in _STEPS_SEC if duration_sec / step <= _MAX_TICKS), _STEPS_SEC[-1])
    for number in range(int(duration_sec / step) + 1):
        yield number * step, _clock(number * step)


def _runs(plot: TrackPlot) -> Iterator[Sequence[PositionBin]]:
    """Yield the bins that follow each other without a gap."""
    run: list[PositionBin] = []
    for each in plot.positions:
        if run and each.t - run[-1].t > 1.5 * plot.bin_sec:
            yield run
            run = []
        run.append(each)
    if run:
        yield run
