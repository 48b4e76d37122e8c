"""Whole jobs with the real work of every step, over the in-memory storage: what the stages make of each other."""

import json
from pathlib import Path
from typing import Any

import av
import pytest

from shared.job_status import JobStatus
from shared.pipeline.run_step import Delivery, run_step
from shared.pipeline.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES
from shared.wiring import build_services

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "lecture.mp4"


def results_of(recording: Path, **settings: Any) -> dict[str, bytes]:
    """The artefacts, by name, of a job that ran to its end."""
    storage = MemoryStorage()
    services = build_services(Settings(**settings), storage)
    session_id = services.new_id()
    name = source_blob_name("local", session_id, recording.name)
    storage.blobs.write(SOURCES, name, recording.read_bytes(), "video/mp4")
    job = submit_stored(services, JobRequest(org_id="local"), session_id, recording.name)
    number = 0
    while (message := storage.queues.pop()) is not None:
        number += 1
        run_step(services, message, Delivery(f"m{number}", 1))
    ended = storage.jobs.get("local", job.job_id).value
    assert ended.status is JobStatus.DONE, ended.error
    prefix = f"local/{session_id}/{job.job_id}/"
    return {
        blob.name.removeprefix(prefix): storage.blobs.read(RESULTS, blob.name)
        for blob in storage.blobs.listing(RESULTS, prefix)
    }


@pytest.fixture(scope="module")
def silent_lecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's picture alone."""
    target: Path = tmp_path_factory.mktemp("clips") / "silent.mp4"
    with av.open(str(EXAMPLE)) as reader, av.open(str(target), "w") as writer:
        picture = reader.streams.video[0]
        out = writer.add_stream_from_template(picture)
        for packet in reader.demux(picture):
            if packet.dts is not None:
                packet.stream = out
                writer.mux(packet)
    return target


def track(results: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(results["instructor-tracking.json"])
    return {name: value for name, value in found.items() if name not in ("sessionId", "jobId")}


def test_a_recording_tracked_in_parts_is_tracked_as_in_one_piece(silent_lecture: Path) -> None:
    once, cut = results_of(silent_lecture), results_of(silent_lecture, tracking_part_sec=11)
    assert track(cut) == track(once)
    assert len(track(once)["trackPoints"]) > 50
    scenes = [json.loads(results["sidecar.json"])["scenes"] for results in (once, cut)]
    assert scenes[0] == scenes[1]
    assert len(scenes[0]) >= 3
    assert {name: data for name, data in once.items() if name.startswith("thumbnails/")} == {
        name: data for name, data in cut.items() if name.startswith("thumbnails/")
    }
