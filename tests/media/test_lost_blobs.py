"""A whole job with the real work of every step, with its blobs deleted while it runs."""

import json
from itertools import count
from pathlib import Path

import av
import pytest

from shared.domain.message import QUEUES, StepKind
from shared.domain.options import JobOptions
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES, WORK
from shared.wiring import build_services

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "lecture.mp4"

LOSSES = {
    (Stage.TRANSCRIPTION, StepKind.PART): [(WORK, "audio.wav")],
    (Stage.TRANSCRIPTION, StepKind.MERGE): [(WORK, "transcription/00000.json")],
    (Stage.TRACKING, StepKind.PART): [(WORK, "plate-000-0.png"), (WORK, "tracking-plan.json")],
    (Stage.TRACKING, StepKind.MERGE): [(WORK, "tracking/00000.json")],
    (Stage.RENDITION, StepKind.PART): [(RESULTS, "instructor-tracking.json")],
    (Stage.RENDITION, StepKind.MERGE): [
        (WORK, "rendition/00000-track-overlay.mp4"),
        (RESULTS, "transcript.srt"),
        (RESULTS, "thumbnails/scene-0001.jpg"),
        (WORK, "scenes.json"),
    ],
}
"""What is deleted before the first delivery of which step."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first three seconds of the example, in small pictures."""
    target: Path = tmp_path_factory.mktemp("clips") / "short.mp4"
    with av.open(str(EXAMPLE)) as reader, av.open(str(target), "w") as writer:
        video, audio = reader.streams.video[0], reader.streams.audio[0]
        small = writer.add_stream("libx264", rate=video.average_rate, options={"preset": "ultrafast"})
        small.width, small.height, small.pix_fmt = 320, 180, "yuv420p"
        sound = writer.add_stream_from_template(audio)
        for packet in reader.demux(video, audio):
            if packet.dts is None or packet.dts * packet.time_base >= 3:
                continue
            if packet.stream is audio:
                packet.stream = sound
                writer.mux(packet)
            else:
                for frame in packet.decode():
                    writer.mux(small.encode(frame.reformat(320, 180)))
        writer.mux(small.encode(None))
    return target


def results(clip: Path, losses: dict[tuple[Stage, StepKind], list[tuple[str, str]]]) -> dict[str, bytes]:
    """The artefacts of a job that ran to its end, without the names of the session and the job."""
    storage = MemoryStorage()
    services = build_services(Settings(detector="plate", engine="pocketsphinx"), storage)
    storage.blobs.write(SOURCES, source_blob_name("local", "s", clip.name), clip.read_bytes(), "video/mp4")
    job = submit_stored(
        services,
        JobRequest(org_id="local", job_id="j", options=JobOptions(overlay=True)),
        session_id="s",
        file_name=clip.name,
    )
    left = dict(losses)
    for number in count():
        message = storage.queues.pop(*QUEUES.values())
        if message is None:
            break
        for container, name in left.pop((message.stage, message.step), ()):
            full = f"local/s/j/{name}"
            assert storage.blobs.facts(container, full) is not None, full
            storage.blobs.delete(container, full)
        run_step(services, message, Delivery(f"m{number}", 1))
    ended = storage.jobs.get("local", "j").value
    assert ended.status is JobStatus.DONE, ended.error
    assert left == {}
    assert job.session_id == ended.session_id
    return {blob.name: storage.blobs.read(RESULTS, blob.name) for blob in storage.blobs.listing(RESULTS, "local/s/j/")}


def without_cost(made: dict[str, bytes]) -> dict[str, bytes]:
    """The same files, without what the job cost: what is made again costs more."""
    sidecar = json.loads(made["local/s/j/sidecar.json"])
    del sidecar["cost"]
    return {**made, "local/s/j/sidecar.json": json.dumps(sidecar).encode()}


def test_a_job_that_loses_blobs_makes_what_an_undisturbed_one_makes(clip: Path) -> None:
    undisturbed, disturbed = results(clip, {}), results(clip, LOSSES)
    assert without_cost(disturbed) == without_cost(undisturbed)
    assert "local/s/j/track-overlay.mp4" in disturbed
