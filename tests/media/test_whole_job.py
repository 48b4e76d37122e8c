"""Whole jobs with the real work of every step, over the in-memory storage: what the stages make of each other."""

import json
import math
import wave
from itertools import count
from pathlib import Path
from typing import Any

import av
import pytest

from benchmarks.agreement import MODEL
from shared.domain.job import Job
from shared.domain.message import QUEUES
from shared.domain.options import JobOptions
from shared.job_status import JobStatus
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES
from shared.wiring import build_services

BEGINNING_SEC = 14.0
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "lecture.mp4"
NO_OPTIONS = JobOptions()


def submitted(storage: MemoryStorage, recording: Path, options: JobOptions = NO_OPTIONS, **settings: Any) -> Job:
    """Return a job for the recording, with its file in storage."""
    services = build_services(Settings(**settings), storage)
    session_id = services.new_id()
    storage.blobs.write(
        SOURCES, source_blob_name("local", session_id, recording.name), recording.read_bytes(), "video/mp4"
    )
    return submit_stored(services, JobRequest(org_id="local", options=options), session_id, recording.name)


def run_to_the_end(storage: MemoryStorage, job: Job, **settings: Any) -> Job:
    """Delivers every message; returns the job as it is then."""
    services = build_services(Settings(**settings), storage)
    for number in count():
        message = storage.queues.pop(*QUEUES.values())
        if message is None:
            return storage.jobs.get(job.org_id, job.job_id).value
        run_step(services, message, Delivery(f"m{number}", 1))
    raise AssertionError("there are always more numbers")


def results_of(recording: Path, **settings: Any) -> dict[str, bytes]:
    """The artefacts, by name, of a job that ran to its end."""
    storage = MemoryStorage()
    job = submitted(storage, recording, **settings)
    ended = run_to_the_end(storage, job, **settings)
    assert ended.status is JobStatus.DONE, ended.error
    prefix = f"local/{job.session_id}/{job.job_id}/"
    return {
        blob.name.removeprefix(prefix): storage.blobs.read(RESULTS, blob.name)
        for blob in storage.blobs.listing(RESULTS, prefix)
    }


@pytest.fixture(scope="module")
def silent_lecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's picture alone."""
    return without_sound(tmp_path_factory.mktemp("clips") / "silent.mp4", until_sec=math.inf)


@pytest.fixture(scope="module")
def silent_beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's picture until a while after the lecturer has come."""
    return without_sound(tmp_path_factory.mktemp("clips") / "beginning.mp4", until_sec=BEGINNING_SEC)


def without_sound(target: Path, until_sec: float) -> Path:
    with av.open(str(EXAMPLE)) as reader, av.open(str(target), "w") as writer:
        picture = reader.streams.video[0]
        out = writer.add_stream_from_template(picture)
        for packet in reader.demux(picture):
            if packet.dts is not None and packet.dts * picture.time_base < until_sec:
                packet.stream = out
                writer.mux(packet)
    return target


def track(results: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(results["instructor-tracking.json"])
    return {name: value for name, value in found.items() if name not in ("sessionId", "jobId")}


@pytest.fixture(scope="module")
def once(silent_lecture: Path) -> dict[str, bytes]:
    """Return the results of the example's picture in one piece."""
    return results_of(silent_lecture, detector="plate")


def test_a_recording_tracked_in_parts_is_tracked_as_in_one_piece(silent_lecture: Path, once: dict[str, bytes]) -> None:
    cut = results_of(silent_lecture, detector="plate", tracking_part_sec=11)
    assert track(cut) == track(once)
    scenes = [json.loads(results["sidecar.json"])["scenes"] for results in (once, cut)]
    assert scenes[0] == scenes[1]
    assert {name: data for name, data in once.items() if name.startswith("thumbnails/")} == {
        name: data for name, data in cut.items() if name.startswith("thumbnails/")
    }


def test_the_lecturer_is_followed_from_the_entrance_to_the_exit(once: dict[str, bytes]) -> None:
    truth = {point["t"]: point["box"] for point in json.loads(EXAMPLE.with_suffix(".track.json").read_text())}
    points = {point["t"]: point for point in track(once)["trackPoints"]}
    there = [t for t, box in truth.items() if box is not None]
    assert len(there) > 90
    assert sum(t in points for t in there) >= 0.98 * len(there)
    assert sum(t in points for t in truth if t not in there) <= 1
    inside = [truth[t][0] - 0.02 <= points[t]["x"] <= truth[t][0] + truth[t][2] + 0.02 for t in there if t in points]
    assert sum(inside) >= 0.95 * len(inside)


def test_every_slide_is_a_scene_with_a_picture(once: dict[str, bytes]) -> None:
    sidecar = json.loads(once["sidecar.json"])
    starts = [scene["start"] for scene in sidecar["scenes"]]
    assert starts == pytest.approx([0, 9.2, 19.4, 28.8, 39.3], abs=0.5)  # at most one sample after the slide's change
    assert {scene["thumbnail"] for scene in sidecar["scenes"]} == {
        thumbnail["name"] for thumbnail in sidecar["thumbnails"]
    }
    assert all(once[f"thumbnails/{thumbnail['name']}"].startswith(b"\xff\xd8") for thumbnail in sidecar["thumbnails"])


def test_a_recording_that_was_written_over_after_the_commit_is_not_processed(silent_lecture: Path) -> None:
    storage = MemoryStorage()
    job = submitted(storage, silent_lecture)
    services = build_services(Settings(), storage)
    download = storage.queues.pop()
    assert download is not None
    run_step(services, download, Delivery("m", 1))
    blob = storage.sessions.get("local", job.session_id).value.source_blob
    storage.blobs.stage_block(SOURCES, blob, 0, b"something else")
    storage.blobs.commit_blocks(SOURCES, blob, 1, "video/mp4")

    ended = run_to_the_end(storage, job)
    assert ended.error is not None
    assert ended.error.code == "checksum_mismatch"


@pytest.mark.skipif(not MODEL.exists(), reason="the model is not here")
def test_with_a_model_it_is_the_same_in_parts_and_says_which_model(silent_beginning: Path) -> None:
    whole, cut = (track(results_of(silent_beginning, detector_model=MODEL, tracking_part_sec=sec)) for sec in (600, 10))
    assert cut == whole
    assert whole["detector"]["name"] == "plate+onnx"
    assert whole["detector"]["model"].startswith("yolox_nano sha256:")


def test_a_model_that_is_none_is_said_and_done_without(tmp_path: Path) -> None:
    moment = without_sound(tmp_path / "moment.mp4", until_sec=6.0)
    broken = tmp_path / "yolox_nano.onnx"
    broken.write_bytes(b"<html>Not found</html>")
    found = track(results_of(moment, detector_model=broken))
    without = track(results_of(moment, detector="plate"))
    warning = "The detector's model 'yolox_nano.onnx' cannot be used: it is damaged, or no ONNX model."
    found["warnings"].remove(f"{warning} People were found without it.")
    (of_model,) = (each for each in found["warningDetails"] if each["code"] == "detector_unavailable")
    found["warningDetails"].remove(of_model)
    assert {"warningDetails": [], **found} == {"warningDetails": [], **without}


def test_a_job_that_asks_for_a_broken_model_fails_with_a_sentence(silent_lecture: Path, tmp_path: Path) -> None:
    broken = tmp_path / "yolox_nano.onnx"
    broken.write_bytes(b"<html>Not found</html>")
    storage, settings = MemoryStorage(), {"detector_model": broken, "detector": "onnx"}
    ended = run_to_the_end(storage, submitted(storage, silent_lecture, **settings), **settings)
    assert ended.status is JobStatus.ERROR
    assert ended.error is not None
    assert ended.error.code == "engine_unavailable"


def test_a_transcript_tells_what_is_missing_from_the_sound(tmp_path: Path) -> None:
    recording = tmp_path / "cut-off.wav"
    with wave.open(str(recording), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2 * 16_000 * 6))
    recording.write_bytes(recording.read_bytes()[: 2 * 16_000 * 2])
    transcript = json.loads(results_of(recording)["transcript.json"])
    assert [warning for warning in transcript["warnings"] if "cut off" in warning]
