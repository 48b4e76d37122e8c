"""What the Functions host sees when it indexes the app: every trigger, and nothing heavy imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.settings import Settings

REPO = Path(__file__).resolve().parents[2]
HEAVY = {"cv2", "numpy", "av", "onnxruntime", "ctranslate2", "faster_whisper", "pocketsphinx"}
LOOK = """
import json, sys
import function_app
from azure.functions import FunctionApp
apps = [name for name, value in vars(function_app).items() if isinstance(value, FunctionApp)]
functions = function_app.app.get_functions()
bindings = {f.get_function_name(): f.get_trigger().get_dict_repr() for f in functions}
print(json.dumps({"apps": apps, "modules": sorted(sys.modules), "bindings": bindings}, default=str))
"""


@pytest.fixture(scope="module")
def indexed() -> dict[str, object]:
    ran = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=REPO, capture_output=True, text=True, check=True, timeout=120
    )
    found: dict[str, object] = json.loads(ran.stdout)
    return found


def test_the_sweep_runs_when_the_setting_says(indexed: dict[str, dict[str, dict[str, str]]]) -> None:
    assert indexed["bindings"]["sweep"]["schedule"] == "*/15 * * * * *"
    rare = {"ROSTRUM_SWEEP_SCHEDULE": "0 */5 * * * *"}
    look = [sys.executable, "-c", "from functions.maintenance import SCHEDULE; print(SCHEDULE)"]
    ran = subprocess.run(look, cwd=REPO, env={**os.environ, **rare}, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == rare["ROSTRUM_SWEEP_SCHEDULE"]
    assert Settings.model_validate({"sweep_schedule": rare["ROSTRUM_SWEEP_SCHEDULE"]}).sweep_schedule
    with pytest.raises(ValueError, match="sweep_schedule"):
        Settings.model_validate({"sweep_schedule": "*/5 * * * *"})  # five fields: the host would not start


def test_indexing_imports_no_media_library(indexed: dict[str, list[str]]) -> None:
    assert HEAVY & set(indexed["modules"]) == set()


def test_one_module_level_name_is_bound_to_the_app(indexed: dict[str, list[str]]) -> None:
    assert indexed["apps"] == ["app"]


def test_every_stage_has_a_trigger_and_one_for_its_poison_queue(indexed: dict[str, dict[str, dict[str, str]]]) -> None:
    queues = {name: trigger.get("queueName") for name, trigger in indexed["bindings"].items()}
    assert queues == {
        "api": None,
        "downloader": "downloads",
        "downloader_poison": "downloads-poison",
        "transcription": "transcriptions",
        "transcription_poison": "transcriptions-poison",
        "tracking": "trackings",
        "tracking_poison": "trackings-poison",
        "rendition": "renditions",
        "rendition_poison": "renditions-poison",
        "tasks": "tasks",
        "tasks_poison": "tasks-poison",
        "webhooks": "webhooks",
        "webhooks_poison": "webhooks-poison",
        "sweep": None,
    }
