"""The share of jobs whose estimate, at a tenth of the job, is within a quarter of their real duration.

Makes recordings of 8 s to 5 min, of several codecs and sizes, out of the example, some of sound alone, and runs jobs
over them in random order, one after the other in this process (storage in memory, real work). The first jobs teach:
each kind of recording comes twice before its jobs count. Progress comes with heartbeats, here each half a second.
What so few jobs come to is partly luck. So the rows of all of them are replayed in many orders, and so are many sets
of jobs of other lengths that are made up, on one and on two workers. A part of these wait for others, or find a worker
without its models. No estimate can foresee that, so the share that could be foreseen is printed beside the result.
Usage: `python3 dev.py bench estimates`; `ROSTRUM_BENCH_JOBS` (default 30) says how many jobs count. Run it on an idle
machine: other load changes what is measured.
"""

import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from benchmarks._estimate_replay import WITHIN, Summary, judge, replay_counted, replay_orders
from benchmarks._in_memory import run_to_end
from benchmarks._job_rows import JobRows, recorded
from benchmarks._made_up_jobs import MadeUpJob, make_up
from benchmarks.memory import EXAMPLE, repeat
from devhost.bench_table import Figure, report
from shared.job_status import JobStatus
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import SOURCES
from shared.wiring import build_services

BAR_SHARE = 0.9
LENGTHS_SEC = (8, 15, 25, 40)
REPEATS = (3, 8)
"""How often the longest of these is repeated to make longer ones; the last of them is cut into parts."""
SEED = 20261128
ORDERS = 100
MADE_UP = 60
"""Jobs in a set that is made up."""
SETS = 60
"""Sets that are made up: one of them alone says little."""


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
        recordings = {shape: make_lengths(Path(name), shape) for shape in SHAPES}
        taught = [(shape, made[place]) for shape, made in recordings.items() for place in (0, -1)]
        all_of_them = [(shape, recording) for shape, made in recordings.items() for recording in made]
        counted_ones = [dice.choice(all_of_them) for _ in range(counted)]
        done = []
        for number, (shape, recording) in enumerate([*taught, *counted_ones]):
            done.append(run(storage, shape.name, recording, f"job{number}"))
            if number >= len(taught):
                show(done[-1])
    judged = [judge(job) for job in done[len(taught) :]]
    within = sum(each.is_right for each in judged) / counted
    inside = sum(each.inside for each in judged) / counted
    print(f"{inside:.0%} of {counted} end in the range")
    figure = Figure(f"estimates within {WITHIN:.0%} at a tenth of {counted} jobs", within, BAR_SHARE)
    print(f"the same {len(done)} in {ORDERS} orders: {replay_orders(done, ORDERS, SEED)}")
    for workers in (1, 2):
        sets = [make_up(MADE_UP, SEED + number, workers) for number in range(SETS)]
        made_up = Summary.of([each for some in sets for each in replay_counted([made.job for made in some])])
        print(f"made up, 5 s to 10 min, {workers} workers: {made_up}; {foreseeable_share(sets):.0%} can be foreseen")
    return 0 if report(figure).is_met else 1


def foreseeable_share(sets: Sequence[Sequence[MadeUpJob]]) -> float:
    """Return the share of jobs of which one who knows all costs, but not what happens, is within a quarter."""
    errors = [made.foreseeable_sec / made.job.took_sec - 1 for some in sets for made in some]
    return sum(abs(error) <= WITHIN for error in errors) / len(errors)


def show(job: JobRows) -> None:
    """Print how wrong the job's estimate was."""
    error = judge(job).by_progress
    shown = "none" if error is None else f"{error:+.0%}"
    print(f"{job.name:12} {job.recording.duration_sec:4.0f} s  error of the estimate {shown}", flush=True)


def run(storage: MemoryStorage, kind: str, recording: Path, name: str) -> JobRows:
    """Return the rows of a job that ran to its end."""
    watched, kept = recorded(storage)
    services = build_services(Settings(heartbeat_sec=0.5), watched)
    storage.blobs.write(SOURCES, source_blob_name("local", name, recording.name), recording.read_bytes(), "video/mp4")
    job = submit_stored(services, JobRequest(org_id="local"), name, recording.name)
    ended = run_to_end(services, storage, job)
    if ended.status is not JobStatus.DONE:
        raise RuntimeError(f"the job ended as {ended.status}: {ended.error}")
    facts = storage.sessions.get("local", ended.session_id).value.recording
    assert facts is not None
    return JobRows(kind, facts, kept.rows)


def make_lengths(folder: Path, shape: Shape) -> Sequence[Path]:
    """Return recordings of this shape, the shortest first."""
    made = [make(folder, shape, sec) for sec in LENGTHS_SEC]
    for times in REPEATS:
        made.append(folder / f"{times}-times-{made[len(LENGTHS_SEC) - 1].name}")
        repeat(made[len(LENGTHS_SEC) - 1], made[-1], times)
    return made


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
