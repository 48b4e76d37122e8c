"""The command `process`: what it says, what it writes, and how it ends."""

import io
import json
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from rostrum_client.__main__ import main
from rostrum_client.client import RostrumClient
from rostrum_client.models import Job
from rostrum_client.process import BAD_USAGE, DONE, FAILED, ending, process
from rostrum_client.progress import BarView, LineView, duration_label, left_label, speed
from rostrum_client.results import read_results
from rostrum_client.retry_timing import TRIES
from rostrum_client.summary import facts, print_summary
from rostrum_client.values import from_json
from tests.support.served_api import Served

REPO = Path(__file__).resolve().parents[3]
STARTED = "2026-01-02T03:04:05Z"
LATER = "2026-01-02T03:04:15Z"


def arguments(source: str, **more: Any) -> Namespace:
    return Namespace(
        **{
            "source": source,
            "out": None,
            "engine": None,
            "language": None,
            "overlay": False,
            "follow_cam": False,
            "page": None,
            "page_command": None,
            **more,
        }
    )


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=100)


def as_job(told: dict[str, Any]) -> Job:
    return from_json(Job, json.dumps(told))


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"0123456789")
    return path


def running(a_job: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    stages = {
        "download": {"state": "done", "progress": 1.0, "startedAt": STARTED, "finishedAt": STARTED},
        "transcription": {"state": "running", "progress": 0.5, "startedAt": STARTED},
        "tracking": {"state": "waiting"},
    }
    return a_job("DOWNLOADED", 0.35, stages=stages, updatedAt=LATER)


def finished(a_job: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    stages = {
        "download": {"state": "done", "progress": 1.0},
        "transcription": {"state": "done", "progress": 1.0},
        "tracking": {"state": "skipped", "reason": "The recording has no [picture]."},
    }
    return a_job("DONE", 1.0, stages=stages, finishedAt="2026-01-02T03:04:35Z")


def test_a_recording_ends_in_files_and_a_summary(
    server: Any,
    client: RostrumClient,
    recording: Path,
    console: Console,
    tmp_path: Path,
    a_job: Callable[..., dict[str, Any]],
) -> None:
    server.job_states = [running(a_job), finished(a_job)]
    status = process(arguments(str(recording), out=str(tmp_path / "out"), language="en"), client, console)

    text = said(console)
    assert status == DONE
    assert json.loads(server.asked("POST", "/commit")[0].content)["options"] == {"language": "en"}
    assert (tmp_path / "out" / "overview.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out" / "transcript.vtt").is_file()
    assert "transcription 50% (3.0× real time)" in text
    assert "talk.mp4  1:00 long, done in 0:30 (2.0× real time)" in text
    assert "90 words in 10 phrases, English, by pocketsphinx en-us" in text
    assert "“every result $x$ has a small and plain reason every" in text
    assert "in the picture for 80% of the time, 1 gap, the longest 6.0 s" in text
    assert "tracking: The recording has no [picture]." in text
    assert "The sound begins late." in text
    assert str(tmp_path / "out") in text
    assert "thumbnails/scene-001.jpg" in text


@pytest.mark.parametrize(
    ("titles", "told"),
    [
        (["Rain", None, "Rivers"], "3, from “Rain” to “Rivers”"),
        (["Rain"], "1, “Rain”"),
        ([None, None], "2, without titles"),
    ],
)
def test_the_slides_are_told_by_their_titles(
    a_job: Callable[..., dict[str, Any]], tmp_path: Path, titles: list[str | None], told: str
) -> None:
    slides = [{"id": n, "title": title, "visits": [[0.0, 4.0]]} for n, title in enumerate(titles, start=1)]
    (tmp_path / "slides.json").write_text(json.dumps({"slides": slides}), encoding="utf-8")
    assert ("Slides", told) in facts(from_json(Job, json.dumps(finished(a_job))), read_results(tmp_path))


@pytest.mark.parametrize(
    ("quality", "line"),
    [
        ({"verdict": "ok"}, "Verdict: ok. Nothing was found that needs a check before publishing."),
        (
            {
                "verdict": "check",
                "reasons": [{"code": "sound_muted", "start": 3, "end": 14, "text": "Muted from 0:03 to 0:14."}],
            },
            "Verdict: check. Muted from 0:03 to 0:14.",
        ),
    ],
)
def test_the_summary_begins_with_the_verdict(
    console: Console, a_job: Callable[..., dict[str, Any]], tmp_path: Path, quality: dict[str, Any], line: str
) -> None:
    (tmp_path / "quality.json").write_text(json.dumps(quality), encoding="utf-8")
    print_summary(console, "a.mp4", from_json(Job, json.dumps(finished(a_job))), read_results(tmp_path), [])
    assert said(console).split("\n", 2)[1] == line


def test_where_to_cut_is_told_where_it_is_worth_it(a_job: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    job = from_json(Job, json.dumps(finished(a_job)))
    (tmp_path / "sidecar.json").write_text(json.dumps({"media": {"durationSec": 600.0}}), encoding="utf-8")
    quality: dict[str, Any] = {"verdict": "ok", "suggestedIn": 4.0, "suggestedOut": 595.0}
    (tmp_path / "quality.json").write_text(json.dumps(quality), encoding="utf-8")
    assert "Cut" not in dict(facts(job, read_results(tmp_path)))
    (tmp_path / "quality.json").write_text(json.dumps({**quality, "suggestedIn": 64.0}), encoding="utf-8")
    assert ("Cut", "the talk is from 1:04 to 9:55") in facts(job, read_results(tmp_path))


def test_an_address_is_submitted_as_it_is_and_results_go_to_the_sessions_directory(
    server: Any, client: RostrumClient, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = "https://media.test/a/the%20talk.mp4?x=1"
    given = arguments(source, engine="pocketsphinx", page="http://localhost:8080", page_command="python3 dev.py up")
    status = process(given, client, console)

    assert status == DONE
    assert "Page        http://localhost:8080/sessions/s1, after python3 dev.py up" in said(console)
    assert json.loads(server.asked("POST", "/jobs")[0].content) == {
        "sourceUrl": "https://media.test/a/the%20talk.mp4?x=1",
        "options": {"engine": "pocketsphinx"},
    }
    assert (tmp_path / "out" / "s1" / "overview.png").is_file()
    assert "the talk.mp4" in said(console)


def test_a_failed_job_is_told_in_a_sentence(
    server: Any,
    client: RostrumClient,
    recording: Path,
    console: Console,
    capsys: pytest.CaptureFixture[str],
    a_job: Callable[..., dict[str, Any]],
) -> None:
    error = {
        "code": "not_media",
        "title": "The file is not a recording",
        "detail": "It begins like plain text.",
        "stage": "download",
    }
    server.job_states = [a_job("ERROR", error=error)]
    status = process(arguments(str(recording)), client, console)

    assert status == FAILED
    told = capsys.readouterr().err
    assert told == (
        "The file is not a recording. It begins like plain text. This happened in the download stage. (job j1)\n"
    )


def test_a_canceled_job_is_no_success(
    server: Any, client: RostrumClient, console: Console, a_job: Callable[..., dict[str, Any]]
) -> None:
    server.job_states = [a_job("CANCELED")]
    assert process(arguments("https://media.test/talk.mp4"), client, console) == FAILED


def test_an_empty_file_is_told_before_anything_is_sent(
    tmp_path: Path, server: Any, client: RostrumClient, console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.mp4").touch()
    assert process(arguments(str(tmp_path / "empty.mp4")), client, console) == BAD_USAGE
    assert "empty.mp4 has no content (0 bytes)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("nothing/here.mp4", "no file nothing/here.mp4"),
        (".", "is a directory"),
        ("ftp://media.test/talk.mp4", "has to be http:// or https://"),
        ("https://", "has to be http:// or https://"),
    ],
)
def test_bad_usage_is_told_before_anything_is_sent(
    source: str, why: str, server: Any, client: RostrumClient, console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    assert process(arguments(source), client, console) == BAD_USAGE
    assert why in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.parametrize("below", ["", "a/b"])
def test_results_cannot_go_into_a_file(
    below: str,
    server: Any,
    client: RostrumClient,
    recording: Path,
    console: Console,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert process(arguments(str(recording), out=str(recording / below)), client, console) == BAD_USAGE
    assert f"{recording} is a file: --out needs a directory" in capsys.readouterr().err
    assert server.requests == []


def test_results_that_cannot_be_written_do_not_hide_that_the_job_is_done(
    client: RostrumClient, recording: Path, console: Console, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out" / "sidecar.json").mkdir(parents=True)
    assert process(arguments(str(recording), out=str(tmp_path / "out")), client, console) == FAILED
    assert f"The job is done, but its results cannot be written to {tmp_path / 'out'}: " in capsys.readouterr().err


@pytest.mark.parametrize(("status", "ending"), [(422, BAD_USAGE), (401, FAILED), (500, FAILED)])
def test_a_refused_submission_ends_by_whose_fault_it_is(
    status: int, ending: int, server: Any, client: RostrumClient, console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    server.failures = [httpx.Response(status, json={"code": "c", "title": "No", "detail": "Not like this."})] * TRIES

    assert process(arguments("https://media.test/talk.mp4"), client, console) == ending
    assert capsys.readouterr().err == "No: Not like this.\n"


@pytest.mark.parametrize("argv", [[], ["process"], ["process", "a.mp4", "--base-url", "nowhere"], ["process", ""]])
def test_the_command_line_answers_bad_usage_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(argv)
    except SystemExit as exit:
        status = exit.code if isinstance(exit.code, int) else -1
    assert status == 2
    assert capsys.readouterr().err


def test_speed_is_told_by_the_servers_clock_alone(a_job: Callable[..., dict[str, Any]]) -> None:
    job = as_job(running(a_job))

    assert speed(job, job.stages["transcription"], 60.0) == 3.0
    assert speed(job, job.stages["transcription"], None) is None
    assert speed(job, job.stages["download"], 60.0) is None
    assert speed(job, job.stages["tracking"], 60.0) is None


def test_what_is_left_is_told_with_a_range_and_no_more_exact_than_it_is(a_job: Callable[..., dict[str, Any]]) -> None:
    estimate = {
        "doneAt": "2026-01-02T03:04:45Z",
        "low": "2026-01-02T03:04:36Z",
        "high": "2026-01-02T03:06:57Z",
        "jobs": 3,
    }
    job = as_job(a_job("DOWNLOADED", 0.35, updatedAt="2026-01-02T03:04:05Z", estimate=estimate))
    assert left_label(job) == "about 40 s left (30 s to 3 min)"
    assert left_label(as_job(a_job("DOWNLOADED", 0.35, estimate=None))) == ""
    assert [duration_label(sec) for sec in (3.4, 52, 100, 3000, 7000)] == ["3 s", "50 s", "2 min", "50 min", "1.9 h"]


def test_lines_are_said_only_when_there_is_news(console: Console, a_job: Callable[..., dict[str, Any]]) -> None:
    view = LineView(console)
    for progress in (0.31, 0.32, 0.33, 0.41):
        view.show_job(as_job({**running(a_job), "progress": progress}), 60.0)
    for sent in range(0, 101):
        view.show_upload(sent, 100)

    assert said(console).count("DOWNLOADED") == 2
    assert said(console).count("upload") == 11


def test_bars_show_stage_percentage_and_speed(a_job: Callable[..., dict[str, Any]]) -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    view = BarView(console)
    view.show_upload(5, 10)
    view.show_job(as_job(running(a_job)), 60.0)
    view.close()

    lines = said(console).splitlines()
    assert any("transcription" in line and "50%" in line and "3.0× real time" in line for line in lines)
    assert any("all" in line and "35%" in line and "downloaded" in line for line in lines)
    assert not any("tracking" in line for line in lines)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_latest_line_of_text_is_shown_on_a_terminal_only(
    server: Any,
    client: RostrumClient,
    recording: Path,
    tmp_path: Path,
    a_job: Callable[..., dict[str, Any]],
    is_terminal: bool,
) -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=is_terminal, color_system=None)
    first = running(a_job)
    first["stages"]["transcription"]["partsDone"] = 1
    server.job_states = [running(a_job), first, first, finished(a_job)]
    assert process(arguments(str(recording), out=str(tmp_path / "out")), client, console) == DONE

    asked = [one for one in server.asked("GET", "/results/transcript") if one.url.params.get("partial") == "true"]
    assert len(asked) == is_terminal  # once for each part, not with every look at the job
    before, _, _ = said(console).partition("talk.mp4  1:00 long")
    assert ("every result $x$ has a small and plain reason" in before) is is_terminal


def test_a_line_of_text_keeps_to_one_row_and_leaves_with_the_bars() -> None:
    console = Console(file=io.StringIO(), width=40, force_terminal=True, color_system=None)
    view = BarView(console)
    view.show_text("one \x1b[2J two\n" + "three " * 20)
    view.close()

    rows = [row for row in said(console).splitlines() if "one" in row]
    assert rows
    assert all("…" in row and "\x1b[2J" not in row for row in rows)
    assert "three" not in said(console).splitlines()[-1]


@pytest.mark.parametrize(
    ("source", "advised"), [("http://localhost:8000/talk.mp4", True), ("https://example.com/talk.mp4", False)]
)
def test_a_refused_address_of_this_machine_comes_with_advice(
    a_job: Callable[..., dict[str, Any]], source: str, advised: bool
) -> None:
    error = {"code": "address_refused", "title": "No", "detail": "Refused.", "stage": "download", "retryable": False}
    job = as_job(a_job("ERROR", error=error))
    assert ("ROSTRUM_ALLOW_LOOPBACK_SOURCES" in ending(job, source)) is advised


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "Stopped, and canceled job j1."),
        (httpx.ReadTimeout("late"), "Stopped. Job j1 was not canceled: No answer from"),
        (httpx.Response(409, json={"code": "conflict", "title": "Over"}), "Stopped. Job j1 was not canceled: Over"),
    ],
    ids=["canceled", "no answer", "already over"],
)
def test_who_stops_waiting_cancels_the_job(
    answer: Any, says: str, server: Any, client: RostrumClient, console: Console
) -> None:
    submitted = httpx.Response(202, json=server.job_states[0] | {"status": "CREATED"})
    server.failures = [submitted, KeyboardInterrupt(), *([answer] if answer else [])]
    with pytest.raises(KeyboardInterrupt):
        process(arguments("https://media.test/talk.mp4"), client, console)

    assert says in said(console)
    assert len(server.asked("DELETE", "/jobs/j1")) == 1


def test_who_stops_the_upload_has_no_job_to_cancel(
    server: Any, client: RostrumClient, recording: Path, console: Console
) -> None:
    server.failures = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        process(arguments(str(recording)), client, console)

    assert "Stopped while the recording was being sent." in said(console)
    assert server.asked("DELETE", "") == []


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Have this process's children heed Ctrl-C, also where a shell started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_at_the_terminal_cancels_the_job_and_ends_with_130(served: Served) -> None:
    command = [sys.executable, "-m", "rostrum_client", "process", "https://example.com/talk.mp4"]
    with subprocess.Popen([*command, f"--base-url={served.url}"], cwd=REPO, stdout=subprocess.PIPE, text=True) as ran:
        assert ran.stdout is not None
        first = ran.stdout.readline()  # of the job's progress: it is waited for
        ran.send_signal(signal.SIGINT)
        rest = ran.stdout.read()

    (job,) = served.services.storage.jobs.page("local", limit=2).items
    assert "CREATED" in first
    assert rest.endswith(f"\nStopped, and canceled job {job.job_id}.\n")
    assert ran.returncode == 130
    assert job.status == "CANCELED"
