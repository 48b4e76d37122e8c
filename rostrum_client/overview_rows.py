"""Draw the rows of the overview: each function returns a drawer for one row; the x axis is in seconds."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.image
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle

from rostrum_client.files import Scene, Slide, Tracking, TrackPoint, Transcript
from rostrum_client.results import Results

Drawer = Callable[[Axes], None]
Box = tuple[float, float, float, float]
"""Left, low, right and high in the units of the axes."""

INK, QUIET, FAINT = "#1f2933", "#7b8794", "#eef1f4"
SCENE_COLOURS = ("#c9d6e8", "#e3eaf3")
SLIDE_COLOURS = ("#efe3c8", "#f7efdc")
LEAST_TITLE_CHARACTERS = 6
"""A narrower band has the slide's number alone."""
SPEECH, PHRASE = "#2f7f79", "#d7ebe8"
TRACK, BODY, ABSENT = "#c2571a", "#f3c9ac", "#d9dde2"
MOST_THUMBNAILS = 10
CHARACTER_IN = 0.082
"""About how wide a character of the words row is."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A scene's thumbnail on disk, taken in the scene's middle."""

    at_sec: float
    path: Path
    aspect: float


def pictures(results: Results) -> list[Picture]:
    """Return the thumbnails to show: all of them, or evenly chosen ones where there are many."""
    found = [((scene.start + scene.end) / 2, path) for scene in results.scenes if (path := results.thumbnail_of(scene))]
    if len(found) > MOST_THUMBNAILS:
        found = [found[round(i * (len(found) - 1) / (MOST_THUMBNAILS - 1))] for i in range(MOST_THUMBNAILS)]
    shown = []
    for middle, path in found:
        height, width = matplotlib.image.imread(path).shape[:2]
        shown.append(Picture(middle, path, width / height))
    return shown


def strip_height_in(shown: Sequence[Picture], width_in: float) -> float:
    """Return the strip's height in inches: thumbnails side by side fill the width, but are neither tiny nor huge."""
    aspect = max(picture.aspect for picture in shown)
    slots = max(len(shown), 4)
    return min(max(width_in / slots / aspect, 0.9), 2.1) + LEADER_IN


LEADER_IN = 0.22
"""Room under the thumbnails for the lines to their moments."""


def thumbnails(shown: Sequence[Picture], duration_sec: float) -> Drawer:
    """Draw the thumbnails side by side, each as near to its moment as its neighbours allow, with a line down to it."""

    def draw(axes: Axes) -> None:
        figure = axes.figure.get_figure(root=True)
        box = axes.get_position()
        width_in, height_in = (box.width * figure.get_size_inches()[0], box.height * figure.get_size_inches()[1])
        axes.set_ylim(0, height_in)
        tall_in = height_in - LEADER_IN
        per_sec = width_in / duration_sec
        sizes = [min(tall_in * picture.aspect, width_in / len(shown) - 0.05) for picture in shown]
        wanted = [picture.at_sec * per_sec - size / 2 for picture, size in zip(shown, sizes, strict=True)]
        lefts = settle(wanted, sizes, width_in, 0.05)
        for picture, left, wide_in in zip(shown, lefts, sizes, strict=True):
            high_in = wide_in / picture.aspect
            extent = (left / per_sec, (left + wide_in) / per_sec, LEADER_IN, LEADER_IN + high_in)
            axes.imshow(
                matplotlib.image.imread(picture.path), extent=extent, aspect="auto", interpolation="antialiased"
            )
            axes.add_patch(
                Rectangle(
                    (extent[0], LEADER_IN),
                    wide_in / per_sec,
                    high_in,
                    fill=False,
                    edgecolor=QUIET,
                    linewidth=0.8,
                    clip_on=False,
                )
            )
            anchor = min(max(picture.at_sec, extent[0]), extent[1])
            axes.plot([anchor, picture.at_sec], [LEADER_IN, 0], color=QUIET, linewidth=0.9, clip_on=False)
        axes.set_xlim(0, duration_sec)
        axes.set_ylim(0, height_in)

    return draw


def settle(wanted: Sequence[float], widths: Sequence[float], room: float, gap: float) -> list[float]:
    """Return left edges for boxes that may not overlap nor leave `room`: each as near to its wanted edge as pushing
    from the left, then from the right, allows. The boxes fit into the room together."""
    lefts: list[float] = []
    edge = 0.0
    for want, width in zip(wanted, widths, strict=True):
        lefts.append(max(want, edge))
        edge = lefts[-1] + width + gap
    limit = room
    for i in reversed(range(len(lefts))):
        lefts[i] = max(0.0, min(lefts[i], limit - widths[i]))
        limit = lefts[i] - gap
    return lefts


def scenes(found: Sequence[Scene], duration_sec: float) -> Drawer:
    """Draw bands of two tones, numbered where there is room."""

    def draw(axes: Axes) -> None:
        axes.set_ylim(0, 1)
        for number, scene in enumerate(found, start=1):
            wide = scene.end - scene.start
            colour = SCENE_COLOURS[number % 2]
            axes.add_patch(Rectangle((scene.start, 0), wide, 1, facecolor=colour, edgecolor="white", linewidth=1.2))
            if wide > duration_sec / 60:
                middle = scene.start + wide / 2
                axes.text(middle, 0.48, str(number), ha="center", va="center", fontsize=10, color=INK)

    return draw


def slides(found: Sequence[Slide], duration_sec: float, width_in: float) -> Drawer:
    """Draw a band for each visit of a slide, with the slide's title, or its number where there is no room."""
    visits = sorted((start, end, slide) for slide in found for start, end in slide.visits)

    def draw(axes: Axes) -> None:
        axes.set_ylim(0, 1)
        for number, (start, end, slide) in enumerate(visits):
            colour = SLIDE_COLOURS[number % 2]
            axes.add_patch(Rectangle((start, 0), end - start, 1, facecolor=colour, edgecolor="white", linewidth=1.2))
            room = int((end - start) * width_in / duration_sec / CHARACTER_IN) - 1
            title = slide.title or f"Slide {slide.id}"
            text = "\n".join(fit(title, room, 2)) if room >= LEAST_TITLE_CHARACTERS else str(slide.id)
            if room >= len(str(slide.id)):
                axes.text(start + (end - start) / 2, 0.5, text, ha="center", va="center", fontsize=8.8, color=INK,
                          linespacing=1.15, parse_math=False)  # fmt: skip

    return draw


def speech(transcript: Transcript, duration_sec: float, columns: int = 420) -> Drawer:
    """Draw the phrases as soft blocks, and over them the density of words as a waveform."""

    def draw(axes: Axes) -> None:
        axes.set_ylim(-1.08, 1.08)
        axes.add_patch(Rectangle((0, -1), duration_sec, 2, facecolor=FAINT, linewidth=0, zorder=0))
        phrases = [(segment.start, -1.0, segment.end, 1.0) for segment in transcript.segments]
        if phrases:
            _draw_blocks(axes, phrases, PHRASE, "phrase", zorder=1)
        step = duration_sec / columns
        density = word_density(transcript, duration_sec, columns)
        top = sorted(density)[int(0.98 * len(density))] or max(density)  # one shout does not flatten the rest
        if top > 0:
            bars = []
            for i, value in enumerate(density):
                half = 0.9 * min(value / top, 1.1)
                bars.append(((i + 0.14) * step, -half, (i + 0.86) * step, half))
            _draw_blocks(axes, bars, SPEECH, "letters a second", zorder=2)
        else:
            axes.text(0.5, 0.5, "no words were recognised", transform=axes.transAxes, ha="center", va="center",
                      fontsize=11, color=QUIET)  # fmt: skip

    return draw


def _draw_blocks(axes: Axes, boxes: Sequence[Box], colour: str, label: str, zorder: float) -> None:
    """Draw all boxes as one artist: a long recording has thousands, each of which would be laid out by itself."""
    corners = [((left, low), (left, high), (right, high), (right, low)) for left, low, right, high in boxes]
    blocks = PolyCollection(corners, facecolors=colour, linewidths=0, label=label, zorder=zorder)
    axes.add_collection(blocks, autolim=False)


def word_density(transcript: Transcript, duration_sec: float, columns: int) -> list[float]:
    """Return letters a second in each of `columns` equal stretches: a word's letters are spread over its time."""
    step = duration_sec / columns
    density = [0.0] * columns
    for start, end, text in _spoken(transcript):
        letters = sum(character.isalnum() for character in text) or 1
        first = min(max(int(start / step), 0), columns - 1)
        last = min(max(int(end / step), first), columns - 1)
        length = max(end - start, 1e-3)
        for column in range(first, last + 1):
            shared = min(end, (column + 1) * step) - max(start, column * step)
            density[column] += letters * max(shared, 0.0) / length / step
    return density


def _spoken(transcript: Transcript) -> Iterable[tuple[float, float, str]]:
    for segment in transcript.segments:
        if segment.words:
            yield from ((word.start, word.end, word.word) for word in segment.words)
        else:
            yield segment.start, segment.end, segment.text


def words(transcript: Transcript, duration_sec: float, width_in: float) -> Drawer | None:
    """Draw the text under its time, in up to three short lines a phrase; return None where phrases are too narrow to
    read.
    """
    per_sec = width_in / duration_sec
    rooms = [int((segment.end - segment.start) * per_sec / CHARACTER_IN) for segment in transcript.segments]
    if not rooms or sorted(rooms)[len(rooms) // 2] < 9:
        return None

    def draw(axes: Axes) -> None:
        axes.set_ylim(0, 1)
        for segment, room in zip(transcript.segments, rooms, strict=True):
            if room >= 5:
                axes.text(segment.start, 1, "\n".join(fit(segment.text, room, 4)), ha="left", va="top", fontsize=8.8,
                          color=INK, linespacing=1.25, parse_math=False)  # fmt: skip

    return draw


def fit(text: str, room: int, lines: int) -> list[str]:
    """Return the text's beginning in at most so many lines of `room` characters, with an ellipsis where it is cut."""
    put: list[str] = []
    rest = text.split()
    while rest and len(put) < lines:
        line = rest.pop(0)
        while rest and len(line) + 1 + len(rest[0]) <= room:
            line += " " + rest.pop(0)
        put.append(line if len(line) <= room else line[: room - 1] + "…")
    if rest:
        put[-1] = put[-1][: room - 2].rstrip() + " …"
    return put


def track(tracking: Tracking) -> Drawer:
    """Draw the instructor's x from left to right of the picture over time, the body's width around it, and the
    absences.
    """

    def draw(axes: Axes) -> None:
        axes.set_ylim(1, 0)
        low, high = axes.get_xlim()
        axes.add_patch(Rectangle((low, 0), high - low, 1, facecolor=FAINT, linewidth=0, zorder=0))
        for i, (start, end) in enumerate(absences(tracking.presence, high)):
            axes.add_patch(
                Rectangle(
                    (start, 0), end - start, 1, facecolor="white", edgecolor=ABSENT, hatch="////", linewidth=0,
                    label="not in the picture" if i == 0 else None, zorder=1,
                )
            )  # fmt: skip
        for y in (0.25, 0.5, 0.75):
            axes.axhline(y, color="white", linewidth=1, zorder=1.5)
        _draw_track(axes, tracking)
        axes.set_yticks([0.02, 0.5, 0.98], ["left", "centre", "right"])
        axes.tick_params(labelleft=True, labelsize=9.5, colors=QUIET, pad=3)

    return draw


def _draw_track(axes: Axes, tracking: Tracking) -> None:
    longest_step = 1.6 / max(tracking.source.sample_fps, 1e-3)
    runs = split_runs(tracking.track_points, longest_step)
    for i, run in enumerate(runs):
        times = [point.t for point in run]
        lows = [point.box[0] for point in run]
        highs = [point.box[0] + point.box[2] for point in run]
        first = i == 0
        axes.fill_between(times, lows, highs, color=BODY, linewidth=0, zorder=2, label="body" if first else None)
        seen = [point.x if point.state == "observed" else math.nan for point in run]
        axes.plot(times, [point.x for point in run], color=TRACK, linewidth=1.2, linestyle=(0, (2, 2)), zorder=3)
        axes.plot(times, seen, color=TRACK, linewidth=2.2, zorder=4, label="instructor's centre" if first else None,
                  solid_capstyle="round")  # fmt: skip
    if any(point.state != "observed" for point in tracking.track_points):
        axes.plot([], [], color=TRACK, linewidth=1.2, linestyle=(0, (2, 2)), label="interpolated")


def split_runs(points: Sequence[TrackPoint], longest_step_sec: float) -> list[list[TrackPoint]]:
    """Return the track cut wherever more than a sample is missing, so that no line is drawn across an absence."""
    runs: list[list[TrackPoint]] = []
    for point in points:
        if not runs or point.t - runs[-1][-1].t > longest_step_sec:
            runs.append([])
        runs[-1].append(point)
    return runs


def absences(presence: Sequence[tuple[float, float]], duration_sec: float) -> list[tuple[float, float]]:
    """Return the time outside the presence intervals: gaps inside the track and the stretches before and after it."""
    ordered = sorted(presence)
    edges = [0.0, *(edge for interval in ordered for edge in interval), duration_sec]
    outside = [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2)]
    return [(start, end) for start, end in outside if end - start > 1e-6]


def note(text: str) -> Drawer:
    """Draw a row with nothing but a sentence."""

    def draw(axes: Axes) -> None:
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=12, color=QUIET)

    return draw
