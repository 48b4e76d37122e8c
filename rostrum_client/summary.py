"""Summarise the results of a recording in a few lines."""

import textwrap
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from rostrum_client.files import Quality
from rostrum_client.models import Job
from rostrum_client.progress import speed_label
from rostrum_client.results import Results

QUOTE_CHARACTERS = 240
SHOWN_WARNINGS = 5
LANGUAGES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese"}

VERDICT_STYLES = {"ok": "bold green", "check": "bold yellow", "unusable": "bold red"}

LEAST_CUT_SEC = 10.0
"""Less than this before or after the talk is not worth a cut."""

ON_REQUEST = ("rendition",)
"""Stages that are skipped unless a caller asks for what they make, so that it is no news."""


def clock(seconds: float) -> str:
    """Return a length or a moment as m:ss, from an hour on as h:mm:ss."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_summary(
    console: Console, name: str, job: Job, results: Results, files: list[Path], page: str | None = None
) -> None:
    """Tell a finished job: what was made of the recording, what was skipped and why, and where the files and the page
    are."""
    if results.quality is not None:
        style = VERDICT_STYLES.get(results.quality.verdict, "bold")
        _line(console, f"\n[{style}]{escape(verdict(results.quality))}[/{style}]")
    _line(console, f"\n[bold]{escape(name)}[/bold]  {escape(_headline(job, results))}\n")
    for label, text in facts(job, results):
        _fact(console, label, text)
    if page is not None:
        _fact(console, "Page", page)
    _fact(console, "Files", f"{results.directory}")
    for path in files:
        _line(console, f"{'':14}{escape(path.relative_to(results.directory).as_posix())}")


def verdict(quality: Quality) -> str:
    """Return the verdict on a recording with its reasons, in one line."""
    if not quality.reasons:
        return f"Verdict: {quality.verdict}. Nothing was found that needs a check before publishing."
    return f"Verdict: {quality.verdict}. " + " ".join(reason.text for reason in quality.reasons)


def facts(job: Job, results: Results) -> list[tuple[str, str]]:
    """Return the lines of the summary as label and text, in reading order."""
    told: list[tuple[str, str]] = []
    if results.quality is not None and results.duration_sec:
        told += _cut(results.quality, results.duration_sec)
    if results.transcript:
        told.append(("Transcript", _transcript(results)))
        if quote := first_words(results.transcript.text):
            told.append(("", quote))
        if results.transcript.word_count and results.transcript.expectation:
            told.append(("", results.transcript.expectation))
    if results.tracking:
        told.append(("Instructor", _tracking(results)))
    if results.scenes:
        told.append(("Scenes", _scenes(results)))
    if results.slides:
        told.append(("Slides", _slides(results)))
    for name, stage in job.stages.items():
        if stage.state == "skipped" and (name not in ON_REQUEST or _was_requested(job)):
            told.append(("Skipped", f"{name}: {stage.reason or 'no reason given'}"))
    warnings = results.warnings
    told += [("Warning", warning) for warning in warnings[:SHOWN_WARNINGS]]
    if len(warnings) > SHOWN_WARNINGS:
        told.append(("", f"and {counted(len(warnings) - SHOWN_WARNINGS, 'more warning')} in the result files"))
    return told


def first_words(text: str) -> str:
    """Return the beginning of the transcript in quotation marks."""
    return f"“{textwrap.shorten(text, QUOTE_CHARACTERS, placeholder=' …')}”" if text else ""


def _headline(job: Job, results: Results) -> str:
    length = f"{clock(results.duration_sec)} long" if results.duration_sec else "length unknown"
    if job.finished_at is None:
        return length
    took_sec = (job.finished_at - job.created_at).total_seconds()
    times = results.duration_sec / took_sec if took_sec > 0 and results.duration_sec else None
    return f"{length}, done in {clock(took_sec)}" + (f" ({speed_label(times)})" if times else "")


def _was_requested(job: Job) -> bool:
    return bool(job.options.get("overlay") or job.options.get("followCam"))


def _transcript(results: Results) -> str:
    transcript = results.transcript
    assert transcript is not None
    if not transcript.word_count:
        return "no words were recognised"
    parts = [f"{counted(transcript.word_count, 'word')} in {counted(len(transcript.segments), 'phrase')}"]
    if transcript.language:
        parts.append(LANGUAGES.get(transcript.language.split("-")[0], transcript.language))
    if transcript.engine:
        parts.append("by " + " ".join(filter(None, [transcript.engine.name, transcript.engine.model])))
    return ", ".join(parts)


def _cut(quality: Quality, duration_sec: float) -> list[tuple[str, str]]:
    """Return where to cut, if that is worth a line."""
    first, last = quality.suggested_in or 0.0, quality.suggested_out or duration_sec
    if max(first, duration_sec - last) < LEAST_CUT_SEC:
        return []
    return [("Cut", f"the talk is from {clock(first)} to {clock(last)}")]


def _tracking(results: Results) -> str:
    tracking = results.tracking
    assert tracking is not None
    metrics = tracking.derived_metrics
    if not tracking.track_points:
        return "nobody was seen"
    seen = f"in the picture for {metrics.coverage_percent:.0f}% of the time"
    if not metrics.gaps_count:
        return f"{seen}, without a gap"
    return f"{seen}, {counted(metrics.gaps_count, 'gap')}, the longest {metrics.longest_gap_sec:.1f} s"


def _scenes(results: Results) -> str:
    scenes = results.scenes
    return f"{len(scenes)}, first cut at {clock(scenes[1].start)}" if len(scenes) > 1 else "1, without a cut"


def _slides(results: Results) -> str:
    titles = [slide.title for slide in results.slides if slide.title]
    if not titles:
        return f"{len(results.slides)}, without titles"
    named = f"“{titles[0]}”" if len(titles) == 1 else f"from “{titles[0]}” to “{titles[-1]}”"
    return f"{len(results.slides)}, {named}"


def _fact(console: Console, label: str, text: str) -> None:
    width = max(console.width - 14, 40)
    first, *rest = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
    _line(console, f"  [bold cyan]{label:<12}[/bold cyan]{escape(first)}")
    for line in rest:
        _line(console, f"{'':14}{escape(line)}")


def _line(console: Console, markup: str) -> None:
    console.print(markup, soft_wrap=True, highlight=False)
