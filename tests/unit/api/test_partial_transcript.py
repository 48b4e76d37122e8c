"""The transcript while the job runs: the parts that are done, and what is missing."""

from typing import Any

import pytest

from shared.domain import job as jobs
from shared.domain.recording import AudioStream, Recording
from shared.domain.stage import Stage
from shared.pipeline.artefacts import TRANSCRIPT_PART
from shared.pipeline.context import blob_name
from shared.storage.ports import WORK
from shared.transcription.payload import TranscriptEngine, TranscriptPart, TranscriptSegment, TranscriptWord
from tests.support.api_harness import ORG, ApiHarness

SOUND = AudioStream(index=0, codec="aac", sample_rate=16000, channels=1, start_sec=0.0, duration_sec=90.0)
RECORDING = Recording(container="mp4", size_bytes=1, start_sec=0.0, duration_sec=90.0, video=None, audio=SOUND)
ENDS = (0.0, 30.5, 61.25, 89.0)
"""Where the parts were cut; the sound ends a second before the recording."""


def words(*texts: str, start: float) -> tuple[TranscriptWord, ...]:
    times = [round(start + 0.5 * number, 3) for number in range(len(texts) + 1)]
    return tuple(
        TranscriptWord(word=text, start=times[number], end=times[number + 1], confidence=0.9)
        for number, text in enumerate(texts)
    )


def part(number: int, *texts: str) -> TranscriptPart:
    """Return a part with one utterance, or with none."""
    start = ENDS[number]
    spoken = words(*texts, start=start + 1.0)
    segment = TranscriptSegment(
        id=0,
        start=start + 1.0,
        end=spoken[-1].end if spoken else start + 1.0,
        text=" ".join(texts),
        confidence=0.9,
        words=spoken,
        language="en",
    )
    return TranscriptPart(
        part=number,
        start=start,
        end=ENDS[number + 1],
        language="en" if texts else None,
        engine=TranscriptEngine(name="moonshine", version="0.1.0", model="tiny-en"),
        written=True,
        segments=(segment,) if texts else (),
        speech_sec=5.0,
        warnings=(),
    )


def put(harness: ApiHarness, job: dict[str, Any], made: TranscriptPart) -> None:
    """The step of the part leaves its file."""
    name = blob_name(ORG, job["sessionId"], job["jobId"], TRANSCRIPT_PART.name_of(part=made.part))
    body = made.model_dump_json(by_alias=True).encode()
    harness.services.storage.blobs.write(WORK, name, body, "application/json")


@pytest.fixture
def job(harness: ApiHarness) -> dict[str, Any]:
    return harness.submit()


def examined(harness: ApiHarness, job: dict[str, Any]) -> None:
    """The download is over."""
    stored = harness.services.storage.sessions.get(ORG, job["sessionId"])
    harness.services.storage.sessions.update(stored, stored.value.evolve(recording=RECORDING, sha256="00"))
    harness.change(
        job["jobId"], lambda job: jobs.plan_stages(job, {Stage.TRANSCRIPTION: 3}, {Stage.TRACKING: ""}, job.created_at)
    )
    harness.change(job["jobId"], lambda job: jobs.finish_stage(job, Stage.DOWNLOAD, job.created_at))


def path_of(job: dict[str, Any]) -> str:
    return f"/sessions/{job['sessionId']}/results/transcript?partial=true"


def test_before_the_first_part_the_text_is_empty(harness: ApiHarness, job: dict[str, Any]) -> None:
    answer = harness.client.get(path_of(job))
    assert answer.status_code == 200, answer.text
    early = answer.json()
    assert (early["segments"], early["complete"], early["missing"], early["durationSec"]) == ([], False, [], None)
    assert harness.client.get(path_of(job).partition("?")[0]).status_code == 404
    examined(harness, job)
    later = harness.client.get(path_of(job), headers={"If-None-Match": answer.headers["ETag"]}).json()
    assert (later["segments"], later["complete"], later["missing"]) == ([], False, [[0.0, 90.0]])


def test_the_parts_that_are_done_can_be_read_in_whichever_order_they_end(
    harness: ApiHarness, job: dict[str, Any]
) -> None:
    examined(harness, job)
    put(harness, job, part(1, "Second", "part.", "It", "goes"))
    first = harness.client.get(path_of(job))
    body = first.json()
    assert [segment["text"] for segment in body["segments"]] == ["Second part.", "It goes"]
    assert body["missing"] == [[0.0, 30.5], [61.25, 90.0]]
    assert (body["complete"], body["language"], body["engine"]["name"]) == (False, "en", "moonshine")
    known = {"If-None-Match": first.headers["ETag"]}
    assert harness.client.get(path_of(job), headers=known).status_code == 304

    put(harness, job, part(2))  # silence
    put(harness, job, part(0, "Hello."))
    body = harness.client.get(path_of(job), headers=known).json()
    assert [(each["id"], each["text"]) for each in body["segments"]] == [
        (0, "Hello."),
        (1, "Second part."),
        (2, "It goes"),
    ]
    assert (body["complete"], body["missing"]) == (False, [])  # the merge is still to come


def test_the_whole_transcript_is_complete(harness: ApiHarness, job: dict[str, Any]) -> None:
    examined(harness, job)
    put(harness, job, part(0, "Hello."))
    partial = harness.client.get(path_of(job)).headers["ETag"]
    harness.change(job["jobId"], lambda job: jobs.finish_stage(job, Stage.TRANSCRIPTION, job.created_at))
    harness.finish(job, {"transcript.json": '{"version": "v1", "segments": [], "language": "grüezi"}'.encode()})
    answer = harness.client.get(path_of(job), headers={"If-None-Match": partial})
    assert answer.json() == {
        "version": "v1",
        "segments": [],
        "language": "grüezi",
        "complete": True,
        "missing": [],
    }
    again = harness.client.get(path_of(job), headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_a_new_job_at_work_is_told_of_before_the_transcript_of_the_one_before(
    harness: ApiHarness, job: dict[str, Any]
) -> None:
    harness.finish(job, {"transcript.json": b'{"segments": []}'})
    for stage in Stage:
        harness.change(job["jobId"], lambda job, stage=stage: jobs.finish_stage(job, stage, job.created_at))
    assert harness.client.get(path_of(job)).json()["complete"]
    second = harness.client.post(f"/sessions/{job['sessionId']}/process", json={}).json()
    assert harness.client.get(path_of(job)).json()["jobId"] == second["jobId"]
    assert harness.client.get(f"{path_of(job)}&jobId={job['jobId']}").json()["complete"]


def test_a_job_that_ended_without_a_transcript_has_no_partial_one(harness: ApiHarness, job: dict[str, Any]) -> None:
    examined(harness, job)
    put(harness, job, part(0, "Hello."))
    harness.client.delete(f"/jobs/{job['jobId']}")
    answer = harness.client.get(path_of(job))
    assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")


def test_a_partial_transcript_is_json_only(harness: ApiHarness, job: dict[str, Any]) -> None:
    assert harness.client.get(f"{path_of(job)}&format=vtt").status_code == 406
    assert harness.client.get(f"{path_of(job)}&format=json").status_code == 200
