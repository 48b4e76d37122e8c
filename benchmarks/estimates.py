"""The share of jobs whose estimate, at a tenth of the job, is within a quarter of their real duration.

Makes recordings of several lengths, codecs and sizes out of the example, some of sound alone, and runs jobs over them
in random order, one after the other in this process (storage in memory, real work). The first jobs teach: each kind of
recording comes twice before its jobs count. Progress comes with heartbeats, here each half a second.
Usage: `python3 dev.py bench estimates`; `ROSTRUM_BENCH_JOBS` (default 30) says how many jobs count. Run it on an idle
machine: other load changes what is measured.
"""

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from benchmarks._in_memory import run_to_end
from benchmarks.memory import EXAMPLE
from shared.domain.job import Job
from shared.job_status import JobStatus
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import SOURCES
from shared.wiring import build_services

BAR_SHARE = 0.9
BAR_ERROR = 0.25
AT_PROGRESS = 0.1
LENGTHS_SEC = (8, 15, 25, 40)
SEED = 20261128


@dataclass(frozen=True)
class Shape:
    """One kind of recording."""

    name: str
    codec: str | None
    """FFmpeg's name of the encoder; None for sound alone."""
    height: int = 0


SHAPES = (
    Shape("sound", None),
    Shape("h264 360p", "libx264", 360),
    Shape("h264 720p", "libx264", 720),
    Shape("mpeg2 360p", "mpeg2video", 360),
)


def main() -> int:
    counted = int(os.environ.get("ROSTRUM_BENCH_JOBS", "30"))
    dice = random.Random(SEED)
    storage = MemoryStorage()
    with tempfile.TemporaryDirectory() as name:
        recordings = {(shape, sec): make(Path(name), shape, sec) for shape in SHAPES for sec in LENGTHS_SEC}
        taught = [(shape, sec) for shape in SHAPES for sec in (LENGTHS_SEC[0], LENGTHS_SEC[-1])]
        for number, key in enumerate(taught):
            run(storage, recordings[key], f"taught{number}")
        errors: list[float | None] = []
        for number in range(counted):
            shape, sec = dice.choice(list(recordings))
            job = run(storage, recordings[shape, sec], f"counted{number}")
            errors.append(error_of(storage, job))
            shown = "none" if errors[-1] is None else f"{errors[-1]:+.0%}"
            print(f"{shape.name:12} {sec:4} s  error of the estimate {shown}", flush=True)
    within = sum(error is not None and abs(error) <= BAR_ERROR for error in errors) / len(errors)
    print(f"{within:.0%} of {len(errors)} within {BAR_ERROR:.0%} (bar {BAR_SHARE:.0%})")
    return 0 if within >= BAR_SHARE else 1


def run(storage: MemoryStorage, recording: Path, name: str) -> Job:
    """Return a job that ran to its end."""
    services = build_services(Settings(heartbeat_sec=0.5), storage)
    storage.blobs.write(SOURCES, source_blob_name("local", name, recording.name), recording.read_bytes(), "video/mp4")
    job = submit_stored(services, JobRequest(org_id="local"), name, recording.name)
    ended = run_to_end(services, storage, job)
    if ended.status is not JobStatus.DONE:
        raise RuntimeError(f"the job ended as {ended.status}: {ended.error}")
    return ended


def error_of(storage: MemoryStorage, job: Job) -> float | None:
    """Return by how much of its real duration the job was estimated too long, at the event nearest to a tenth of its
    progress; None if no event told an estimate."""
    assert job.started_at is not None
    assert job.finished_at is not None
    told = [event for event in storage.jobs.events(job.org_id, job.job_id) if event.estimate is not None]
    nearest = min(told, key=lambda event: abs(event.progress - AT_PROGRESS), default=None)
    if nearest is None or nearest.estimate is None:
        return None
    estimated = (nearest.estimate.done_at - job.started_at).total_seconds()
    return estimated / (job.finished_at - job.started_at).total_seconds() - 1


def make(folder: Path, shape: Shape, seconds: int) -> Path:
    """Write a recording of this shape out of the example's beginning."""
    target = folder / f"{shape.name.replace(' ', '-')}-{seconds}.{'m4a' if shape.codec is None else 'mkv'}"
    with av.open(str(EXAMPLE)) as reader, av.open(str(target), "w") as writer:
        sound = writer.add_stream("aac", rate=48000)
        picture = None
        if shape.codec is not None:
            source = reader.streams.video[0]
            picture = writer.add_stream(shape.codec, rate=25)
            picture.height = shape.height
            picture.width = round(source.width * shape.height / source.height / 2) * 2
            picture.pix_fmt = "yuv420p"
        for frame in _beginning(reader, seconds):
            if isinstance(frame, av.AudioFrame):
                writer.mux(sound.encode(frame))
            elif picture is not None:
                writer.mux(picture.encode(frame.reformat(picture.width, picture.height, "yuv420p")))
        for stream in filter(None, (sound, picture)):
            writer.mux(stream.encode())
    return target


def _beginning(reader: av.container.InputContainer, seconds: int) -> Iterator[av.AudioFrame | av.VideoFrame]:
    for frame in reader.decode(video=0, audio=0):
        if frame.time is not None and frame.time < seconds:
            yield frame


if __name__ == "__main__":
    sys.exit(main())
