"""The main job for a person: a recording in, its results in a directory, and a summary that says what came out."""

import argparse
import os
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rich.console import Console

from rostrum_client.client import RostrumClient
from rostrum_client.errors import RostrumApiError, RostrumClientError
from rostrum_client.models import Job
from rostrum_client.progress import ProgressView, open_view
from rostrum_client.results import read_results
from rostrum_client.retry_timing import PollPace
from rostrum_client.summary import print_summary

DONE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130

LOOPBACK_ADVICE = (
    "\nAddresses on this machine are refused unless ROSTRUM_ALLOW_LOOPBACK_SOURCES=true was set when the stack started."
)

CANCEL_WITHIN_SEC = 5.0
"""How long the cancellation after Ctrl-C may take."""

LIVELY = PollPace(longest_sec=2.0)
"""A person watches: look a little oftener than a program would."""


class BadUsage(Exception):
    """The arguments make no sense; the message says what to do."""


def process(arguments: argparse.Namespace, client: RostrumClient, console: Console) -> int:
    """Submit, watch, download, draw and tell; gives the exit status of CONTRACT's `process`."""
    try:
        source = check_source(arguments.source)
        out = check_out(arguments.out)
    except BadUsage as problem:
        return _complain(console, str(problem), BAD_USAGE)
    except OSError as error:
        return _complain(console, f"{error.filename} cannot be read: {error.strerror}.", BAD_USAGE)
    try:
        job = _follow(client, source, _options(arguments), console)
        if job.status != "DONE":
            return _complain(console, ending(job, source), FAILED)
        directory = out or Path("out") / job.session_id
        return _deliver(client, job, _name_of(source), directory, _page_of(arguments, job), console)
    except RostrumApiError as problem:
        return _complain(console, str(problem), BAD_USAGE if problem.is_callers_mistake else FAILED)
    except (RostrumClientError, OSError) as problem:
        return _complain(console, str(problem), FAILED)


def check_source(source: str) -> str | Path:
    """Return the address as it is, or the path of a file that exists. Raises BadUsage."""
    if not source.strip():
        raise BadUsage("The recording's path is empty: name a file or an http(s) address.")
    scheme, separator, _ = source.partition("://")
    if separator:
        if scheme.lower() not in ("http", "https") or not urlsplit(source).hostname:
            raise BadUsage(f"{source} is not an address that can be fetched: it has to be http:// or https://.")
        return source
    path = Path(source)
    if path.is_dir():
        raise BadUsage(f"{source} is a directory: name one recording.")
    if not path.is_file():
        raise BadUsage(f"There is no file {source}.")
    try:
        path.open("rb").close()
    except OSError as error:
        raise BadUsage(f"{source} cannot be read: {error.strerror}.") from error
    if path.stat().st_size == 0:
        raise BadUsage(f"{source} has no content (0 bytes).")
    return path


def check_out(out: str | None) -> Path | None:
    """Return the directory for the results, None where it is to follow from the session. Raises BadUsage."""
    if out is None:
        return None
    if not out.strip():
        raise BadUsage("The directory after --out is empty.")
    directory = Path(out)
    standing = next(place for place in (directory, *directory.absolute().parents) if os.access(place, os.F_OK))
    if not standing.is_dir():
        raise BadUsage(f"{standing} is a file: --out needs a directory.")
    if not os.access(standing, os.W_OK | os.X_OK):
        raise BadUsage(f"{standing} cannot be written to: choose another directory with --out.")
    return directory


def ending(job: Job, source: str | Path) -> str:
    """Return why a job did not end in DONE, in a sentence or two."""
    if job.status == "CANCELED":
        return f"The job was canceled (job {job.job_id})."
    if job.error is None:
        return f"The job ended in {job.status} without saying why (job {job.job_id})."
    title = job.error.title.rstrip(".")
    where = f" This happened in the {job.error.stage} stage." if job.error.stage else ""
    how = LOOPBACK_ADVICE if job.error.code == "address_refused" and _is_on_loopback(source) else ""
    return " ".join(filter(None, [f"{title}.", job.error.detail])) + f"{where} (job {job.job_id}){how}"


def _is_on_loopback(source: str | Path) -> bool:
    return not isinstance(source, Path) and (urlsplit(source).hostname or "") in ("localhost", "127.0.0.1", "::1")


def _options(arguments: argparse.Namespace) -> dict[str, str | bool]:
    chosen = {
        "engine": arguments.engine,
        "language": arguments.language,
        "overlay": arguments.overlay,
        "followCam": arguments.follow_cam,
    }
    return {name: value for name, value in chosen.items() if value}


def _follow(client: RostrumClient, source: str | Path, options: dict[str, str | bool], console: Console) -> Job:
    job = None
    try:
        with closing(open_view(console)) as view:
            if isinstance(source, Path):
                job = client.upload(source, options=options, on_progress=view.show_upload)
            else:
                job = client.submit(source_url=source, options=options)
            return client.wait(job, _Watcher(client, view).see, pace=LIVELY)
    except KeyboardInterrupt:
        console.print(f"\n{_let_go(client, job)}", soft_wrap=True, highlight=False, markup=False)
        raise


def _let_go(client: RostrumClient, job: Job | None) -> str:
    """Cancel the job after an interruption, if that takes no more than a moment; return the message for the user."""
    if job is None:
        return "Stopped while the recording was being sent."
    try:
        client.cancel(job.job_id, within_sec=CANCEL_WITHIN_SEC)
    except RostrumClientError as problem:
        return f"Stopped. Job {job.job_id} was not canceled: {problem}"
    return f"Stopped, and canceled job {job.job_id}."


class _Watcher:
    """Shows every version of the job, and what it needs to know besides.

    It asks once for the recording's length, as soon as it can be known. It asks for the latest line of text whenever
    another part of the transcription is done, where the view has a place for it.
    """

    def __init__(self, client: RostrumClient, view: ProgressView) -> None:
        self._client = client
        self._view = view
        self._duration_sec: float | None = None
        self._parts_heard = 0

    def see(self, job: Job) -> None:
        if self._duration_sec is None and job.status in ("DOWNLOADED", "TRANSCRIBED"):
            with suppress(RostrumClientError):  # the speed is nice to have, no more
                media = self._client.session(job.session_id).media
                self._duration_sec = media.duration_sec if media else None
        self._view.show_job(job, self._duration_sec)
        stage = job.stages.get("transcription")
        if self._view.has_text and stage is not None and stage.parts_done > self._parts_heard:
            self._parts_heard = stage.parts_done
            with suppress(RostrumClientError):  # the text comes whole at the end
                self._show_latest_line(job)

    def _show_latest_line(self, job: Job) -> None:
        segments = self._client.partial_transcript(job.session_id, job_id=job.job_id).segments
        if segments:
            self._view.show_text(segments[-1].text)


def _page_of(arguments: argparse.Namespace, job: Job) -> str | None:
    """Return where the recording can be read in the web page, and what starts the page; None where none is known."""
    if arguments.page is None:
        return None
    address = f"{arguments.page}/sessions/{job.session_id}"
    return f"{address}, after {arguments.page_command}" if arguments.page_command else address


def _deliver(client: RostrumClient, job: Job, name: str, directory: Path, page: str | None, console: Console) -> int:
    from rostrum_client.overview import draw_overview  # drawing takes a second to import: not before it is needed

    try:
        files = client.download_artefacts(job.session_id, directory)
        results = read_results(directory)
        overview = draw_overview(results, name, directory / "overview.png")
    except OSError as error:
        reason = error.strerror or str(error)
        done = f"The job is done, but its results cannot be written to {directory}: {reason} (job {job.job_id})."
        return _complain(console, done, FAILED)
    print_summary(console, name, job, results, [overview, *files], page)
    return DONE


def _name_of(source: str | Path) -> str:
    if isinstance(source, Path):
        return source.name
    return unquote(urlsplit(source).path.rstrip("/").rpartition("/")[2]) or source


def _complain(console: Console, sentence: str, status: int) -> int:
    Console(stderr=True, width=console.width if console.is_terminal else None).print(
        sentence, style="bold red", soft_wrap=True, highlight=False, markup=False
    )
    return status
