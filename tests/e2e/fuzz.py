"""Runs Schemathesis over an API that answers somewhere, with every check on, and reads its report."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

REPO = Path(__file__).resolve().parents[2]
TIMEOUT_SEC = 3600
SEED = 20261121

CONFIG = """
hooks = "tests.e2e.fuzz_hooks"
request-timeout = 120
continue-on-failure = true
seed = {seed}

[cache]
enabled = false

[dictionaries]
sessions = {{ values = ["{session}"] }}
jobs = {{ values = ["{job}", "{canceled}"] }}
canceled = {{ values = ["{canceled}"] }}
uploads = {{ values = ["{upload}"] }}
pictures = {{ values = ["track-heatmap.png"] }}
renditions = {{ values = ["follow.mp4"] }}
thumbnails = {{ values = ["{thumbnail}"] }}
sprites = {{ values = ["sprite.vtt"] }}

[parameters]
"path.sessionId" = {{ dictionary = "sessions", probability = 0.6 }}
"path.jobId" = {{ dictionary = "jobs", probability = 0.4 }}
"path.name" = {{ dictionary = "thumbnails", probability = 0.9 }}
"query.jobId" = {{ dictionary = "jobs", probability = 0.3 }}

[[operations]]
include-operation-id = "followJob"
# the stream of a job that goes on goes on
parameters = {{ "path.jobId" = "{job}" }}

[[operations]]
include-operation-id = "commitUpload"
parameters = {{ "body.uploadId" = {{ dictionary = "uploads", probability = 0.8 }} }}

[[operations]]
include-operation-id = "retryJob"
parameters = {{ "path.jobId" = "{canceled}" }}

[[operations]]
include-operation-id = "getTrackPicture"
parameters = {{ "path.name" = {{ dictionary = "pictures", probability = 0.9 }} }}

[[operations]]
include-operation-id = "getSprite"
parameters = {{ "path.name" = {{ dictionary = "sprites", probability = 0.9 }} }}

[[operations]]
include-operation-id = "editTranscript"
parameters = {{ "path.sessionId" = "{session}", "header.If-Match" = "*" }}

[[operations]]
include-operation-id = "getRendition"
parameters = {{ "path.name" = {{ dictionary = "renditions", probability = 0.9 }} }}

[[operations]]
include-operation-id = "deleteResults"
parameters = {{ "path.sessionId" = "{quiet}" }}

[[operations]]
include-operation-id = "removeDeadLetter"
parameters = {{ "path.queue" = "trackings", "path.letterId" = "{letter}" }}

[[operations]]
include-operation-id = "requeueDeadLetters"
parameters = {{ "path.queue" = "transcriptions" }}
"""


@dataclass(frozen=True)
class LaidOut:
    """What is there before the run."""

    session: str
    """A session with every result."""
    quiet: str
    """A session on which no case begins a job, so that its results may be deleted."""
    job: str
    """The job that made the results."""
    canceled: str
    """A job that was canceled."""
    upload: str
    thumbnail: str
    letter: str
    """A dead letter of the queue trackings."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    text: str
    report: Mapping[str, Any]

    @property
    def cases(self) -> int:
        return int(self.report["test_cases"]["generated"])

    @property
    def summary(self) -> str:
        """How much was tried, in a line."""
        return f"Schemathesis: {self.cases} cases, {len(self.report['failures'])} failures, seed {self.report['seed']}"

    def never_accepted(self) -> set[str]:
        """The operations of which no case was answered with 2xx or 3xx."""
        rates = self.report["valid_rates"]
        return {name for name, phases in rates.items() if not any(phase["accepted"] for phase in phases.values())}


def fuzz(url: str, token: str, there: LaidOut, directory: Path, examples: int) -> Outcome:
    """Tries the API at `url` with at most `examples` cases an operation and phase that draws them."""
    config, report = directory / "schemathesis.toml", directory / "report.json"
    values = asdict(there)
    config.write_text(CONFIG.format(seed=SEED, **values), encoding="utf-8")
    httpx.get(
        f"{url}/openapi.json", timeout=TIMEOUT_SEC
    ).raise_for_status()  # made once; Schemathesis waits 10 s for it
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", f"{url}/openapi.json"]
    command += ["--url", url, "--header", f"Authorization: Bearer {token}"]
    command += ["--max-examples", str(examples), "--report", "json", "--report-json-path", str(report)]
    ran = subprocess.run(
        command,
        cwd=REPO,
        env={**os.environ, "FUZZ_SESSION": there.session, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SEC,
        check=False,
    )
    assert report.exists(), ran.stdout + ran.stderr
    return Outcome(ran.stdout, json.loads(report.read_text(encoding="utf-8")))
