"""The rules that a job asks for its captions, from the request to the files."""

from typing import Any

import pytest
import srt
import webvtt

from tests.support.api_harness import ApiHarness, pointers
from tests.support.spoken_job import merge_spoken

TEXT = "one two three four five six seven eight nine ten " * 3


def test_the_captions_of_a_job_keep_its_rules(harness: ApiHarness) -> None:
    rules = {"maxLineChars": 16, "maxLines": 1, "maxCharsPerSec": 15.5, "minSec": 1, "maxSec": 5.0}
    job = harness.submit(options={"captions": rules})
    assert job["options"]["captions"] == rules
    merge_spoken(harness, job, TEXT)
    path = f"/sessions/{job['sessionId']}/results/transcript?format="
    vtt = [cue.text for cue in webvtt.from_string(harness.client.get(path + "vtt").text)]
    assert vtt == [cue.content for cue in srt.parse(harness.client.get(path + "srt").text)]
    assert all(len(text) <= 16 for text in vtt)
    assert " ".join(vtt).split() == TEXT.split()


@pytest.mark.parametrize(
    ("name", "value"),
    [("maxLineChars", 15), ("maxLines", 4), ("maxCharsPerSec", 4), ("minSec", 4.5), ("maxSec", 4.5), ("colour", "red")],
)
def test_rules_out_of_bounds_are_refused(harness: ApiHarness, name: str, value: Any) -> None:
    body = {"sourceUrl": "https://example.com/talk.mp4", "options": {"captions": {name: value}}}
    answer = harness.client.post("/jobs", json=body)
    assert answer.status_code == 422
    assert pointers(answer.json()) == [f"#/options/captions/{name}"]


def test_no_rules_at_all_are_the_defaults(harness: ApiHarness) -> None:
    assert harness.submit(options={"captions": {}})["options"] == {}
