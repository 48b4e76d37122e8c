"""What a job may say of its tracking: the detector, where to look and where not."""

from typing import Any

import pytest

from tests.support.api_harness import ApiHarness


def test_a_detector_and_zones_go_with_the_job(harness: ApiHarness) -> None:
    options = {
        "detector": "plate",
        "regionOfInterest": [0, 0, 1, 0.7],
        "ignoreZones": [[0, 0.6, 1, 0.4], [0, 0, 0.1, 1]],
    }
    answer = harness.client.post("/jobs", json={"sourceUrl": "https://example.com/talk.mp4", "options": options})
    assert answer.status_code == 202
    assert answer.json()["options"] == options


@pytest.mark.parametrize(
    "options",
    [
        {"detector": "mog2"},
        {"regionOfInterest": [0.5, 0, 0.6, 1]},
        {"regionOfInterest": [0.5, 0, 0, 1]},
        {"regionOfInterest": [0, 0, 1]},
        {"ignoreZones": [[0, 0, 1, 1.5]]},
        {"ignoreZones": [[0, 0, 0.1, 0.1]] * 17},
    ],
    ids=["unknown", "past the edge", "empty", "three numbers", "too tall", "too many"],
)
def test_what_is_no_zone_or_detector_is_refused(harness: ApiHarness, options: dict[str, Any]) -> None:
    answer = harness.client.post("/jobs", json={"sourceUrl": "https://example.com/talk.mp4", "options": options})
    assert answer.status_code in (400, 422)
    assert answer.json()["errors"]


def test_a_detector_without_its_model_is_refused_at_once(harness: ApiHarness) -> None:
    body = {"sourceUrl": "https://example.com/talk.mp4", "options": {"detector": "onnx"}}
    answer = harness.client.post("/jobs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "engine_unavailable")
    assert "needs a model" in answer.json()["detail"]
