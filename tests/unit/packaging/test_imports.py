"""What is not loaded by the processes that must start fast: the host's indexing, the API, the choice of an engine.

In one process, whose modules are looked at after each step: an app takes more than a CPU second to import.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[3]
MEDIA = {"cv2", "numpy", "av", "onnxruntime", "ctranslate2", "faster_whisper", "pocketsphinx", "scenedetect"}
STEPS = """
import json, sys

def show():
    print(json.dumps(list(sys.modules)))

import shared.tracking.payload, function_app, shared.api.app, shared.api.openapi.document
show()
from shared.wiring import services
services()
show()
from shared.transcription import choose
choose.choose_engine("auto")
show()
"""


@pytest.fixture(scope="module")
def loaded() -> list[set[str]]:
    """The names of all modules once the app is imported, wired, and an engine is chosen."""
    environment = {**os.environ, "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    command = [sys.executable, "-c", STEPS]
    ran = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return [set(json.loads(line)) for line in ran.stdout.splitlines()]


def test_neither_the_api_nor_indexing_loads_a_network_library(loaded: list[set[str]]) -> None:
    assert "shared.api.app" in loaded[0]
    assert "httpcore" not in loaded[0]


def test_the_api_and_the_shapes_of_results_need_no_media_library(loaded: list[set[str]]) -> None:
    assert {"function_app", "shared.api.openapi.document", "shared.tracking.payload"} <= loaded[0]
    assert MEDIA & loaded[0] == set()


def test_the_app_is_indexed_without_the_sdk_and_without_its_exporters(loaded: list[set[str]]) -> None:
    assert [name for name in loaded[1] if name.startswith(("opentelemetry.sdk", "sentry_sdk"))] == []


def test_choosing_loads_no_media_library(loaded: list[set[str]]) -> None:
    assert "shared.transcription.choose" in loaded[2]
    assert MEDIA & loaded[2] == set()
