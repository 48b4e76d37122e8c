"""The API and the work in apps of their own: which functions each runs, and what the API's needs installed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import azure.functions as func
import pytest

from functions.roles import ROLES, blueprints

REPO = Path(__file__).resolve().parents[2]

LOOK = """
import json, sys
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions
ALLOWED = set(json.loads(sys.argv[1]))

def canonical(name):
    return name.lower().replace("_", "-").replace(".", "-")

OWNERS = packages_distributions()

class Installed(PathFinder):
    '''Finds no package that the role's requirements do not name.'''
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        owners = {canonical(each) for each in OWNERS.get(name.partition(".")[0], ())}
        return None if owners and not owners & ALLOWED else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Installed
import function_app
functions = sorted(each.get_function_name() for each in function_app.app.get_functions())
from fastapi.testclient import TestClient
from shared.api.app import create_app
from shared.storage.ports import SOURCES
from tests.support.api_harness import make_services
services = make_services(role="api")
with TestClient(create_app(services), base_url="http://localhost") as client:
    job = client.post("/jobs", json={"sourceUrl": "https://example.com/talk.mp4"})
    answers = [job.status_code]
    paths = ("health", "openapi.json", "sessions", f"jobs/{job.json()['jobId']}", "jobs/queue-info", "search?q=a")
    answers += [client.get(f"/{path}").status_code for path in paths]
    upload = client.post("/ingest/init", json={"sourceName": "talk.mp4", "contentLength": 4}).json()["uploadId"]
    services.storage.blobs.write(SOURCES, services.storage.uploads.get("local", upload).value.source_blob, b"talk", "")
    probe = client.post("/ingest/probe", json={"uploadId": upload}).json()
print(json.dumps({"functions": functions, "answers": answers, "probe": [probe["code"], probe["detail"]]}))
"""


def required(file: str) -> set[str]:
    """Return the names of the packages that a file of requirements pins."""
    text = (REPO / file).read_text(encoding="utf-8")
    return {
        name.lower().replace("_", "-").replace(".", "-") for name in re.findall(r"^([\w.-]+)(?:\[\w+\])?==", text, re.M)
    }


def look(role: str, installed: set[str]) -> dict[str, list[object]]:
    """Return what an app of the role runs and answers, where only these packages are installed."""
    ran = subprocess.run(
        [sys.executable, "-c", LOOK, json.dumps(sorted(installed))],
        cwd=REPO,
        env={**os.environ, "ROSTRUM_ROLE": role, "AzureWebJobsStorage": "UseDevelopmentStorage=true"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, list[object]] = json.loads(ran.stdout)
    return found


def test_the_api_answers_without_a_media_library() -> None:
    found = look("api", required("requirements-api.txt") | {"httpx2"})  # the test's own client
    assert found["functions"] == ["api"]
    assert found["answers"] == [202, 200, 200, 200, 200, 200, 200]
    code, detail = found["probe"]
    assert (code, "has no media library" in str(detail)) == ("cannot_probe", True)


def test_the_api_s_packages_are_a_small_part_of_all_with_the_same_pins() -> None:
    small, whole = required("requirements-api.txt"), required("requirements.txt")
    assert small < required("requirements-embedded.txt") < whole
    assert "ctranslate2" in whole - required("requirements-embedded.txt")
    assert small & {"av", "numpy", "opencv-python-headless", "onnxruntime", "faster-whisper", "pocketsphinx"} == set()
    pins = {
        file: set(re.findall(r"^\S+==\S+", (REPO / f"requirements{file}.txt").read_text(encoding="utf-8"), re.M))
        for file in ("-api", "-embedded", "")
    }
    assert pins["-api"] < pins["-embedded"] < pins[""]


def functions_of(role: str) -> set[str]:
    app = func.FunctionApp()
    for blueprint in blueprints({"ROSTRUM_ROLE": role}):
        app.register_functions(blueprint)
    return {each.get_function_name() for each in app.get_functions()}


def test_the_worker_runs_all_others() -> None:
    api, worker, whole = (functions_of(role) for role in ("api", "worker", "all"))
    assert api | worker == whole
    assert not api & worker
    assert "sweep" in worker


@pytest.mark.parametrize("role", ["", "All", "nonsense"])
def test_a_role_that_is_none_runs_everything(role: str) -> None:
    assert len(blueprints({"ROSTRUM_ROLE": role})) == len(ROLES["all"])
