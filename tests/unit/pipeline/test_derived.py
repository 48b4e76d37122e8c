"""Chapters and the instructor's place by segment, made of a finished job's results."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from shared.domain.job import Job
from shared.domain.quality.payload import Quality
from shared.job_status import JobStatus
from shared.pipeline.context import job_blob
from shared.pipeline.stages.derived import write_derived
from shared.storage.ports import RESULTS, WORK
from tests.unit.transcription.test_chapters import lecture, transcript

CHAPTERS, CHAPTERS_VTT = "chapters.json", "chapters.vtt"
INSTRUCTOR_BY_SEGMENT = "instructor-by-segment.json"


@dataclass
class Finished:
    """A job with results, and what was made of them."""

    harness: Any
    job: Job

    def put(self, name: str, text: str, container: str = RESULTS) -> None:
        self.harness.storage.blobs.write(container, job_blob(self.job, name), text.encode(), "application/json")

    def derive(self) -> dict[str, Any]:
        write_derived(self.harness.services, self.job)
        blobs, made = self.harness.storage.blobs, {}
        for name in (CHAPTERS, CHAPTERS_VTT, INSTRUCTOR_BY_SEGMENT):
            if blobs.facts(RESULTS, job_blob(self.job, name)) is not None:
                text = blobs.read(RESULTS, job_blob(self.job, name)).decode()
                made[name] = text if name.endswith(".vtt") else json.loads(text)
        return made


@pytest.fixture
def finished(harness: Any) -> Finished:
    return Finished(harness, harness.submit())


TRACK = {
    "version": "v1",
    "trackPoints": [{"t": t / 2, "x": 0.1 if t < 20 else 0.8, "y": 0.5, "state": "observed"} for t in range(4, 40)],
    "presence": [[2.0, 19.5]],
}


def test_each_segment_knows_where_the_instructor_was(finished: Finished) -> None:
    talk = transcript(
        ("before anybody came", 0.0, 1.5),
        ("comes in", 1.0 + 0.5, 2.5),
        ("at the left board", 3.0, 9.0),
        ("now", 9.1, 9.2),
        ("on the way", 9.2, 12.0),
        ("and out", 19.0, 20.0),
        ("gone", 25.0, 26.0),
        duration=30.0,
    )
    finished.put("transcript.json", talk.model_dump_json(by_alias=True))
    finished.put("instructor-tracking.json", json.dumps(TRACK))
    places = finished.derive()[INSTRUCTOR_BY_SEGMENT]["segments"]
    assert [place["id"] for place in places] == list(range(7))
    assert [place["visible"] for place in places] == [0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0]
    assert [place["x"] for place in places] == [None, 0.1, 0.1, 0.1, 0.8, 0.8, None]


def test_chapters_use_the_scenes_and_are_the_same_each_time(finished: Finished) -> None:
    finished.put("transcript.json", lecture(0.0).model_dump_json(by_alias=True))
    scenes = [{"start": 0.0, "end": 239.0}, {"start": 239.0, "end": 481.0}, {"start": 481.0, "end": 720.0}]
    finished.put("scenes.json", json.dumps({"scenes": scenes}), WORK)
    first = finished.derive()
    assert [chapter["start"] for chapter in first[CHAPTERS]["chapters"]] == [0.0, 240.0, 480.0]
    assert "Now we turn to planets" in first[CHAPTERS_VTT]
    assert INSTRUCTOR_BY_SEGMENT not in first
    assert finished.derive() == first


@pytest.mark.parametrize("text", [None, "{}", "not JSON"])
def test_without_a_transcript_nothing_follows(finished: Finished, text: str | None) -> None:
    finished.put("instructor-tracking.json", json.dumps(TRACK))
    if text is not None:
        finished.put("transcript.json", text)
    assert finished.derive() == {}


def test_the_page_and_the_podcasts_chapters_have_the_sessions_name(finished: Finished) -> None:
    finished.put("transcript.json", lecture(4.0).model_dump_json(by_alias=True))
    made = finished.derive()
    blobs, job = finished.harness.storage.blobs, finished.job
    name = finished.harness.storage.sessions.get(job.org_id, job.session_id).value.name
    podcast = json.loads(blobs.read(RESULTS, job_blob(job, "podcast-chapters.json")))
    assert (podcast["version"], podcast["title"]) == ("1.2.0", name)
    assert [(each["startTime"], each["endTime"], each["title"]) for each in podcast["chapters"]] == [
        (each["start"], each["end"], each["title"]) for each in made[CHAPTERS]["chapters"]
    ]
    assert blobs.facts(RESULTS, job_blob(job, "podcast-chapters.json")).content_type == "application/json+chapters"
    assert f"<title>{name}</title>" in blobs.read(RESULTS, job_blob(job, "transcript.html")).decode()


def test_the_sidecar_of_a_done_job_lists_them(harness: Any) -> None:
    job = harness.submit()
    harness.storage.blobs.write(
        RESULTS,
        job_blob(job, "transcript.json"),
        lecture(4.0).model_dump_json(by_alias=True).encode(),
        "application/json",
    )
    harness.drain()
    sidecar = json.loads(harness.storage.blobs.read(RESULTS, job_blob(job, "sidecar.json")))
    assert {CHAPTERS, CHAPTERS_VTT} <= {artefact["name"] for artefact in sidecar["artefacts"]}


def test_a_job_ends_although_nothing_can_be_derived(finished: Finished) -> None:
    finished.put("transcript.json", lecture(4.0).model_dump_json(by_alias=True))
    outside = [{"t": t / 2, "x": 7.0} for t in range(100)]
    finished.put("instructor-tracking.json", json.dumps({"trackPoints": outside, "presence": [[0.0, 50.0]]}))
    finished.harness.drain()
    assert finished.harness.job(finished.job).status is JobStatus.DONE


@pytest.mark.parametrize("name", ["instructor-tracking.json", "transcript.json"])
def test_a_file_that_cannot_be_read_leaves_the_verdict_of_the_others(finished: Finished, name: str) -> None:
    finished.put(name, "not JSON")
    finished.harness.drain()
    blobs = finished.harness.storage.blobs
    made = Quality.model_validate_json(blobs.read(RESULTS, job_blob(finished.job, "quality.json")))
    assert made.job_id == finished.job.job_id
