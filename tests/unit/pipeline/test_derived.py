"""Chapters and the instructor's place by segment, made of a finished job's results."""

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.domain.job import Job
from shared.domain.quality.payload import Quality
from shared.domain.transcript_version import ReviewState
from shared.job_status import JobStatus
from shared.pipeline.context import job_blob
from shared.pipeline.stages.derived import write_derived
from shared.pipeline.updates import change_session
from shared.slides.payload import SlideLine, SlidePayload, Slides
from shared.storage.ports import RESULTS, WORK
from shared.transcription.moonshine.files import find_model
from shared.transcription.payload import Transcript
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


SLIDES_AS_READ = Slides(
    session_id="s",
    job_id="j",
    region=None,
    slides=(
        SlidePayload(
            id=1,
            title="Fusion",
            picture="slide-0001.jpg",
            lines=(
                SlideLine(text="Fusion", box=(0.1, 0.1, 0.5, 0.1), confidence=0.98, role="title"),
                SlideLine(text="in a tokamak", box=(0.1, 0.3, 0.5, 0.1), confidence=0.95, role="body"),
            ),
            visits=((0.0, 30.0),),
        ),
    ),
)


def doubtful_talk() -> Transcript:
    """Return a talk of moonshine in which one word is none."""
    talk = transcript(("the tacamac is here", 1.0, 5.0), duration=30.0)
    (segment,) = talk.segments
    words = tuple(
        word.model_copy(update={"id": f"w{at}", "confidence": 0.1 if word.word == "tacamac" else 0.9})
        for at, word in enumerate(segment.words)
    )
    moonshine = talk.engine.model_copy(update={"name": "moonshine"})
    english = segment.model_copy(update={"words": words, "language": "en"})
    return talk.model_copy(update={"segments": (english,), "engine": moonshine, "doubtful_below": 0.6})


@pytest.fixture
def doubted(finished: Finished) -> Finished:
    """Return a job with a word that no dictionary has, beside a slide with the term."""
    if find_model() is None:
        pytest.skip("the words that the engine knows are in the wheel of moonshine-voice")
    finished.put("transcript.json", doubtful_talk().model_dump_json(by_alias=True))
    finished.put("slides-as-read.json", SLIDES_AS_READ.model_dump_json(by_alias=True), WORK)
    return finished


def read(finished: Finished, name: str) -> str:
    return finished.harness.storage.blobs.read(RESULTS, job_blob(finished.job, name)).decode()


def test_a_term_of_the_slide_is_in_all_that_follows(doubted: Finished) -> None:
    doubted.derive()
    word = json.loads(read(doubted, "transcript.json"))["segments"][0]["words"][1]
    assert (word["word"], word["original"], word["slide"], word["id"]) == ("tokamak", "tacamac", 1, "w1")
    for name in ("transcript.vtt", "transcript.srt", "transcript.txt", "transcript.html", "words.vtt"):
        assert "tokamak" in read(doubted, name)
    assert json.loads(read(doubted, "slides.json"))["slides"][0]["unspoken"] == ["Fusion"]
    first = read(doubted, "transcript.json")
    doubted.derive()  # as after a crash
    assert read(doubted, "transcript.json") == first


def test_a_text_that_was_edited_reviewed_or_published_is_not_corrected(doubted: Finished) -> None:
    services, job = doubted.harness.services, doubted.job
    machine = read(doubted, "transcript.json")
    write_derived(services, replace(job, status=JobStatus.DONE))
    assert read(doubted, "transcript.json") == machine
    change_session(
        services,
        job.org_id,
        job.session_id,
        lambda session: session.evolve(transcript_job_id=job.job_id, review_state=ReviewState.REVIEWED),
    )
    doubted.derive()
    assert read(doubted, "transcript.json") == machine
