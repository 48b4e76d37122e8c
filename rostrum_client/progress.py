"""A job's progress for a person: bars on a terminal, plain lines in a log."""

from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from rostrum_client.models import Job, StageStatus

UPLOAD = "upload"
LINE_EVERY = 0.1
"""A plain line for every tenth of the whole job, besides one whenever a stage begins or ends."""


class ProgressView(Protocol):
    """Where progress is shown."""

    @property
    def has_text(self) -> bool:
        """Return whether there is a place for the latest line of text."""

    def show_upload(self, sent_bytes: int, size_bytes: int) -> None:
        """Show that so many bytes of the file are in storage."""

    def show_job(self, job: Job, duration_sec: float | None) -> None:
        """Show the job as it is now; `duration_sec` is the recording's length once it is known."""

    def show_text(self, line: str) -> None:
        """Show the latest line of text, where there is a place for it."""

    def close(self) -> None:
        """Put the view away: nothing more follows."""


def open_view(console: Console) -> ProgressView:
    """Show bars where they can move, lines elsewhere."""
    return BarView(console) if console.is_terminal else LineView(console)


def speed(job: Job, stage: StageStatus, duration_sec: float | None) -> float | None:
    """Return how many seconds of the recording a stage does in one second; None while that is unknown.

    Both times are the server's, so that this machine's clock does not matter.
    """
    if not duration_sec or not stage.progress or stage.started_at is None:
        return None
    elapsed_sec = ((stage.finished_at or job.updated_at) - stage.started_at).total_seconds()
    return stage.progress * duration_sec / elapsed_sec if elapsed_sec >= 0.5 else None


def speed_label(times: float | None) -> str:
    """Return a speed as a short text."""
    if times is None:
        return ""
    return f"{times:.1f}× real time" if times < 10 else f"{times:.0f}× real time"


def left_label(job: Job) -> str:
    """Return how long the job still needs, with a range; empty while nothing is known of it.

    All times are the server's, as of the job's latest change.
    """
    if job.estimate is None:
        return ""
    left, low, high = (
        max(0.0, (at - job.updated_at).total_seconds())
        for at in (job.estimate.done_at, job.estimate.low, job.estimate.high)
    )
    return f"about {duration_label(left)} left ({duration_label(low)} to {duration_label(high)})"


def duration_label(seconds: float) -> str:
    """Return a duration as a short text, no more exact than an estimate is."""
    if seconds < 10:
        return f"{seconds:.0f} s"
    if seconds < 100:
        return f"{5 * round(seconds / 5)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"


class BarView:
    """One bar a stage, one for the whole job, and below them the latest line of text."""

    has_text = True

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=36),
            TaskProgressColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
        )
        self._bars: dict[str, TaskID] = {}
        self._live = Live(self._progress, console=console)
        self._live.start()

    def show_upload(self, sent_bytes: int, size_bytes: int) -> None:
        """Move the upload's bar."""
        note = f"{sent_bytes / 1e6:,.1f} of {size_bytes / 1e6:,.1f} MB"
        self._move(UPLOAD, sent_bytes / size_bytes if size_bytes else 1.0, note)

    def show_job(self, job: Job, duration_sec: float | None) -> None:
        """Move the bars of the stages that have begun, and the job's below them."""
        for name, stage in job.stages.items():
            if stage.state == "skipped":
                self._move(name, 0.0, "skipped")
            elif stage.state != "waiting":
                note = stage.state if stage.state in ("failed", "canceled") else ""
                self._move(name, stage.progress, note or speed_label(speed(job, stage, duration_sec)))
        self._move("all", job.progress, ", ".join(filter(None, (job.status.lower(), left_label(job)))))

    def show_text(self, line: str) -> None:
        """Show the line below the bars, cut to the width of the terminal, without characters that control it."""
        shown = "".join(each if each.isprintable() else " " for each in line)
        text = Text(" ".join(shown.split()), style="italic", no_wrap=True, overflow="ellipsis")
        self._live.update(Group(self._progress, text), refresh=True)

    def close(self) -> None:
        """Leave the bars as they stand, without the line of text."""
        self._live.update(self._progress)
        self._live.stop()

    def _move(self, name: str, fraction: float, note: str) -> None:
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(name, total=1.0, note="")
        self._progress.update(self._bars[name], completed=fraction, note=note)


class LineView:
    """A line whenever there is something to tell; no text of the recording."""

    has_text = False

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: tuple[object, ...] = ()
        self._upload_tenths = -1

    def show_upload(self, sent_bytes: int, size_bytes: int) -> None:
        """Print a line for every tenth of the file."""
        fraction = sent_bytes / size_bytes if size_bytes else 1.0
        if int(fraction / LINE_EVERY) > self._upload_tenths:
            self._upload_tenths = int(fraction / LINE_EVERY)
            self._say(f"upload {fraction:.0%} of {size_bytes / 1e6:,.1f} MB")

    def show_job(self, job: Job, duration_sec: float | None) -> None:
        """Print a line when the status or a stage's state changes, and for every tenth of the job."""
        states = tuple(stage.state for stage in job.stages.values())
        telling = (job.status, *states, int(job.progress / LINE_EVERY))
        if telling == self._told:
            return
        self._told = telling
        stages = [_in_words(job, name, stage, duration_sec) for name, stage in job.stages.items()]
        line = f"{job.status} {job.progress:.0%}: {', '.join(filter(None, stages)) or 'waiting'}"
        self._say("; ".join(filter(None, (line, left_label(job)))))

    def show_text(self, line: str) -> None:
        """Keep a log free of the recording's text."""

    def close(self) -> None:
        """Do nothing: lines stay."""

    def _say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)


def _in_words(job: Job, name: str, stage: StageStatus, duration_sec: float | None) -> str:
    if stage.state == "waiting":
        return ""
    if stage.state != "running":
        return f"{name} {stage.state}"
    label = speed_label(speed(job, stage, duration_sec))
    return f"{name} {stage.progress:.0%}" + (f" ({label})" if label else "")
